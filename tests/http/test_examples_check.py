"""examples/mod_dav_check.c: somebody else's 207, and a live property; tests/http/modules/mod_read_207.c reads one."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import harness
import modules
from harness import ALLPROP, PROPNAME, prop_body
from writing import update_body

CHECK = modules.EXAMPLES / "mod_dav_check.c"
NS = "http://example.org/dav-check"
CONF = """<Location "/check">
SetHandler dav-check
Require all granted
</Location>
<Location "/read">
SetHandler read-207
Require all granted
</Location>
<Location "/dav/denied">
Require all denied
</Location>
"""


def load_lines():
    return modules.load_line(CHECK, "dav_check") + modules.load_line(modules.OWN / "mod_read_207.c", "read_207")


@pytest.fixture
def place(httpd):
    place = httpd(conf=load_lines() + CONF, servers=1)
    for name in ("a.txt", "b c%.txt", "d/e.txt", "denied/f.txt", "\u00fc.txt"):
        place.file(name)
    return place


def check(server, paths, **kw):
    return server.ask("POST", "/check", [], "".join(p + "\n" for p in paths), **kw)


def statuses(answer):
    return {r.path.decode(): r.status for r in answer.multistatus()}


def test_each_path_has_its_status(place):
    place.server.expect_log("AH01630")
    wanted = {"/dav/a.txt": 200, "/dav/a.txt/x": 404, "/dav/b c%.txt": 200, "/dav/d": 301, "/dav/d/": 200, "/dav/d/e.txt": 200,
              "/dav/denied/f.txt": 403, "/dav/none": 404, "/dav/\u00fc.txt": 200, "/nowhere/": 403, "/dav/a.txt?x": 404}
    answer = check(place.server, sorted(wanted, key=str.encode))
    got = statuses(answer)
    assert set(got) == set(wanted)
    assert got.pop("/nowhere/") in (403, 404)
    wanted.pop("/nowhere/")
    assert got == wanted
    redirected = next(r for r in answer.multistatus() if r.status == 301)
    assert redirected.location[0].text.endswith("/dav/d/")


def test_bodies(place):
    assert statuses(place.ask("POST", "/../check", [], "/dav/a.txt")) == {"/dav/a.txt": 200}  # no line's end
    assert statuses(place.server.ask("POST", "/check", [], chunks=[b"/dav/a.", b"txt\n/dav/none\n"])) == {
        "/dav/a.txt": 200, "/dav/none": 404}
    assert len(check(place.server, []).multistatus()) == 0
    for bad in ("a.txt\n", "/b\n/a\n", "/a\n/a\n", "/a\n\n/b\n", "/a\0b\n", "/" + "x" * 4100 + "\n", "\n"):
        assert place.server.ask("POST", "/check", [], bad).status == 400, bad
    assert statuses(check(place.server, ["/dav" + ("/" + "x" * 200) * 19])).popitem()[1] == 404


def test_a_body_that_is_too_large(place):
    with place.server.connect() as connection:
        connection.send_head("POST", "/check", [("Content-Length", str(65 * 1024 * 1024))])
        try:
            for _ in range(65):
                connection.socket.sendall(b"/x\n" * (1024 * 1024 // 3))
        except OSError:
            pass
        assert connection.read_head().status == 413


def test_other_methods(place):
    for method in ("GET", "PUT", "PROPFIND"):
        answer = place.server.ask(method, "/check")
        assert (answer.status, answer.tokens("Allow")) == (405, {"POST", "OPTIONS", "TRACE"}), method
    assert "POST" in place.server.ask("OPTIONS", "/check").tokens("Allow")


# -- streaming


MANY = [f"/dav/f{i:06}" for i in range(100_000)]


def test_the_client_may_send_all_before_it_reads(place):
    answer = check(place.server, MANY)
    assert len(answer.multistatus(keep=False)) == len(MANY)


@pytest.mark.no_sanitizer
def test_memory_is_flat(place):
    def peak(paths):
        highest = 0
        with place.server.connect() as connection:
            connection.send("POST", "/check", [], "".join(p + "\n" for p in paths))
            count = 0
            for piece in connection.pieces(connection.read_head()):
                count += len(piece)
                if count > 1 << 20:
                    highest, count = max(highest, place.server.rss_anon()), 0
        return max(highest, place.server.rss_anon())
    for _ in range(40):
        peak(MANY[:1000])
    few = max(peak(MANY[:1000]) for _ in range(5))
    many = max(peak(MANY) for _ in range(3))
    assert many - few < 2048, f"{few} KiB and {many} KiB"


@pytest.mark.no_sanitizer
def test_it_stops_when_the_client_leaves(place):
    def cost(work):
        before = place.server.cpu_seconds()
        work()
        return place.server.cpu_seconds() - before

    def rest():
        previous = -1
        while place.server.cpu_seconds() != previous:
            previous = place.server.cpu_seconds()
            time.sleep(0.3)
    whole = cost(lambda: check(place.server, MANY))
    assert cost(lambda: (leave(place), rest())) < whole / 2


def leave(place):
    connection = place.server.connect(rcvbuf=4096)
    connection.send("POST", "/check", [], "".join(p + "\n" for p in MANY))
    connection.read_head()
    connection.reset()
    match = place.server.wait_log(r"client left after (\d+) responses", timeout=30)
    assert int(match.group(1)) < 60_000


def test_many_at_once(place):
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: len(check(place.server, MANY[:500]).multistatus()), range(40))) == {500}


# -- load order


def dms_lines():
    return (f'LoadModule dav_multistatus_module "{harness.MODULE}"\n'
            'DavMultistatusStore sqlite3 "{root}/state/store.db"\n')


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_it_does_not_matter_which_module_is_loaded_first(httpd, first):
    lines = [dms_lines(), load_lines()]
    place = httpd(conf="".join(lines if first == "ours" else lines[::-1]) + CONF, with_module=False, dav=False)
    place.file("a.txt")
    assert statuses(check(place.server, ["/dav/a.txt", "/dav/b"])) == {"/dav/a.txt": 200, "/dav/b": 404}
    place.server.graceful_restart()
    assert statuses(check(place.server, ["/dav/a.txt"])) == {"/dav/a.txt": 200}


def test_without_the_module_it_says_so(httpd):
    place = httpd(conf=load_lines() + CONF, with_module=False, dav=False)
    place.server.expect_log("mod_dav_multistatus is not loaded")
    assert check(place.server, ["/dav/a.txt"]).status == 503
    assert place.server.wait_log("mod_dav_multistatus is not loaded")
    assert place.server.ask("POST", "/read", [], "x").status == 501


# -- the live property


def test_the_live_property_in_each_way_to_ask(place):
    for body in (ALLPROP, prop_body(("DAV:", "getetag"), (NS, "get-status")),
                 f'<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><x:get-status xmlns:x="{NS}"/></D:include></D:propfind>'):
        listing = place.propfind("", "1", body)
        assert {r.text("get-status", NS) for r in listing} == {"200"}, body
        assert listing["d/"].text("getetag")
    names = place.propfind("", "1", PROPNAME)
    for response in names:
        assert f"{{{NS}}}get-status" in response.props()
        assert response.text("get-status", NS) == ""


def test_the_live_property_is_protected(httpd):
    place = httpd(conf=load_lines() + CONF)
    place.file("a.txt")
    step = f'<x:get-status xmlns:x="{NS}">200</x:get-status>'
    for verb in ("set", "remove"):
        answer = place.ask("PROPPATCH", "a.txt", [], update_body((verb, step), ("set", '<y xmlns="urn:y">1</y>')))
        response, = answer.multistatus()
        assert set(response.props(403)) == {f"{{{NS}}}get-status"}
        assert set(response.props(424)) == {"{urn:y}y"}
        failed = next(p for p in response.propstats if p.status == 403)
        assert failed.error[0].tag == "{DAV:}cannot-modify-protected-property"
    assert place.propfind("a.txt", "0", prop_body((NS, "get-status")))[0].text("get-status", NS) == "200"


# -- reading


READ = """<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response><d:href>/a%20b</d:href><d:propstat><d:status>HTTP/1.1 200 OK
</d:status><d:prop><d:displayname>x<![CDATA[&]]></d:displayname><y xmlns="urn:y"/></d:prop></d:propstat></d:response>
<d:response><d:href>/b</d:href><d:href>/c</d:href><d:status>HTTP/1.1 423 Locked</d:status>
<d:responsedescription>why</d:responsedescription></d:response><d:responsedescription>all</d:responsedescription>
<d:sync-token>urn:t</d:sync-token></d:multistatus>"""


def read(place, body, query=""):
    answer = place.server.ask("POST", "/read" + query, [], body)
    assert answer.status == 200, answer
    return answer.body.decode().splitlines()


@pytest.mark.parametrize("query", ["", "?1"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_207_is_read(place, query, encoding):
    assert read(place, READ.encode(encoding), query) == [
        "0 /a%20b [200 {DAV:}displayname=x& {urn:y}y=]", "423 /b /c (why)", "whole, 2, all, urn:t"]


@pytest.mark.parametrize("query", ["", "?1"])
def test_a_207_that_is_none(place, query):
    *responses, fault, end = read(place, READ.replace("</d:prop>", "</d:pro>"), query)
    assert responses == [] and end.startswith("malformed, 0")
    assert fault.startswith("fault at 2:")
    *responses, fault, end = read(place, READ[:-10], query)
    assert len(responses) == 2 and end.startswith("incomplete") and "fault" in fault
    *responses, fault, end = read(place, READ.replace("<y ", "<y>" * 10 + "</y>" * 10 + "<y "), query)
    assert end.startswith("too much") and "fault" in fault
    assert read(place, READ, "?2")[-1].startswith("stopped")


def test_our_own_207_is_read_again(place):
    body = place.ask("PROPFIND", "", [("Depth", "infinity")], ALLPROP).body
    lines = read(place, body)
    assert lines[-1] == f"whole, {body.count(b'<D:response>')}, -, -"
    assert any(line.startswith("0 /dav/b%20c%25.txt [200 ") for line in lines)
