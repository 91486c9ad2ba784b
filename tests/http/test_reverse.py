"""DavMultistatusReverse: what passes between a client and a WebDAV server behind ProxyPass is mapped, and nothing else."""

import base64
import gzip
import hashlib
import os
import threading
import time
import zlib

import pytest

import backend
import harness
from backend import PUBLIC, REMOTE, answer

MODULES = ["proxy", "proxy_http"]


def conf(port, location="", parameters="", more=""):
    return (backend.CONF + more).format(remote=port, location=location.format(remote=port), parameters=parameters)


@pytest.fixture(scope="module")
def shared_remote():
    remote = backend.Backend()
    server = harness.Server(modules=MODULES, conf=conf(remote.port)).start()
    yield server, remote
    wrong = server.stop()
    server.remove()
    remote.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def remote(shared_remote):
    """The scripted backend, with the server in front of it as its `proxy`."""
    proxy, remote = shared_remote
    proxy.expected, proxy.log_seen = [], len(proxy.log_text())
    remote.proxy = proxy
    remote.requests.clear()
    yield remote
    wrong = proxy.new_alarms()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def own(httpd):
    """own(location=..., more=...) is such a pair of one's own."""
    remotes = []

    def start(location="", parameters="", more="", **kw):
        remote = backend.Backend()
        remotes.append(remote)
        remote.proxy = httpd(modules=MODULES, conf=conf(remote.port, location, parameters, more), **kw).server
        return remote

    yield start
    for remote in remotes:
        remote.close()


def multistatus(inner):
    return f'<?xml version="1.0"?>\n<D:multistatus xmlns:D="DAV:">{inner}</D:multistatus>'


def href(text):
    return f"<D:href>{text}</D:href>"


def propfind(remote, *pieces, headers=(), method="PROPFIND", target="/files/a"):
    """What the client gets when the backend answers so."""
    remote.answers(*pieces)
    return remote.proxy.ask(method, target, headers)


HERE = multistatus("<D:response>" + href(PUBLIC + "x%20y") + "</D:response>").encode()
THERE = multistatus("<D:response>" + href(REMOTE + "x%20y") + "</D:response>").encode()


# ------------------------------------------------------------------------------------------------ answers


def test_hrefs(remote):
    """Wherever they stand; all else byte for byte."""
    there = multistatus(
        '<!-- /remote/dav/ --><D:response a="/remote/dav/"><D:href\n>/remote/dav/a&amp;b</D:href><D:propstat><D:prop>'
        '<D:displayname>/remote/dav/</D:displayname><D:lockdiscovery><D:activelock><D:lockroot><D:href>{url}/remote/dav/l'
        '</D:href></D:lockroot></D:activelock></D:lockdiscovery><c:home xmlns:c="c:"><href xmlns="DAV:"><![CDATA[/remote/d'
        'av/c]]></href></c:home></D:prop></D:propstat><D:error><D:no-conflicting-lock><D:href>/remote/dav</D:href></D:no-c'
        'onflicting-lock></D:error><D:location> <D:href> /remote/dav/m</D:href></D:location></D:response><D:href>/other/x<'
        '/D:href>\r\n<D:href>/remote/davx</D:href><x:href xmlns:x="x">/remote/dav/</x:href>')
    here = (there.replace("{url}/remote/dav/l", "{public}/files/l").replace("/remote/dav/a&", "/files/a&")
            .replace("<![CDATA[/remote/dav/c]]>", "/files/c").replace("<D:href>/remote/dav<", "<D:href>/files<")
            .replace(" /remote/dav/m", "/files/m"))
    got = propfind(remote, *answer(there.format(url=f"http://127.0.0.1:{remote.port}")))
    assert got.body.decode() == here.format(public=f"http://127.0.0.1:{remote.proxy.port}")
    assert int(got.get("Content-Length", len(got.body))) == len(got.body)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_encodings(remote, encoding):
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding[:6] if encoding.startswith("utf-16") else encoding)
    there = f'<?xml version="1.0" encoding="{declared}"?><é xmlns="DAV:"><href>/remote/dav/é&amp;</href></é>'
    here = there.replace("/remote/dav/é", "/files/%C3%A9")
    assert propfind(remote, *answer(there.encode(encoding))).body == here.encode(encoding)


def test_cut_at_any_byte(remote):
    """Both as packets and as chunks of HTTP."""
    head = answer(THERE)[0].replace(b"Content-Length: %d\r\n" % len(THERE), b"")
    singles = [THERE[i:i + 1] for i in range(len(THERE))]
    assert propfind(remote, head, *singles).body == HERE
    chunked = head.replace(b"Connection", b"Transfer-Encoding: chunked\r\nConnection")
    assert propfind(remote, chunked, *[b"1\r\n%b\r\n" % c for c in singles], b"0\r\n\r\n").body == HERE
    for cut in range(0, len(THERE), 7):
        parts = [b"%x\r\n%b\r\n" % (len(p), p) for p in (THERE[:cut], THERE[cut:]) if p]
        assert propfind(remote, chunked + b"".join(parts), b"0\r\n\r\n").body == HERE


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "MKCOL", "REPORT", "SEARCH", "LOCK", "COPY", "MOVE", "DELETE",
                                    "ACL", "PUT", "MKCALENDAR", "BIND", "OPTIONS"])
def test_methods_of_webdav(remote, method):
    assert propfind(remote, *answer(THERE), method=method).body == HERE


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_methods(remote, method):
    for kind in ("application/xml", "text/xml; charset=utf-8"):
        got = propfind(remote, *answer(THERE, "200 OK", ['ETag: "a"', "Content-MD5: x"], kind), method=method)
        assert (got.body, got.get("ETag"), got.get("Content-MD5")) == (THERE, '"a"', "x")
    assert propfind(remote, *answer(THERE), method=method).body == THERE


@pytest.mark.parametrize("kind,status,mapped", [
    ("text/xml", "200 OK", 1), ("Application/XML", "423 Locked", 1), ("application/atom+xml", "200 OK", 1),
    ("text/xml", "507 Insufficient Storage", 1), (None, "207 Multi-Status", 1), (None, "200 OK", 0),
    ("text/html", "207 Multi-Status", 0), ("text/plain", "200 OK", 0)])
def test_types(remote, kind, status, mapped):
    got = propfind(remote, *answer(THERE, status, kind=kind))
    assert (got.status, got.body) == (int(status[:3]), HERE if mapped else THERE)


@pytest.mark.parametrize("method", ["PROPFIND", "GET", "MOVE", "PUT"])
def test_headers(remote, method):
    there, here = f"http://127.0.0.1:{remote.port}/remote/dav/x", f"http://127.0.0.1:{remote.proxy.port}/files/x"
    got = propfind(remote, *answer(b"", "201 Created", [
        "Location: " + there, "Content-Location: /remote/dav/a%20b", "URI: /remote/dav", "Destination: http://other/remote/dav",
        "Link: </remote/dav/x>", "X-Any: /remote/dav/"], None), method=method)
    assert [got.get(n) for n in ("Location", "Content-Location", "URI", "Destination", "Link", "X-Any")] == [
        here, "/files/a%20b", "/files", "http://other/remote/dav", "</remote/dav/x>", "/remote/dav/"]


def test_headers_that_tell_of_the_body(remote):
    told = ['ETag: "a"', "Content-MD5: x", "Digest: x", "Content-Digest: x", "Repr-Digest: x"]
    for method, etag in (("PROPFIND", 'W/"a"'), ("REPORT", 'W/"a"'), ("SEARCH", 'W/"a"'), ("LOCK", '"a"'), ("PUT", '"a"')):
        got = propfind(remote, *answer(THERE, "200 OK", told), method=method)
        assert got.body == HERE
        assert [got.get(t.split(":")[0]) for t in told] == [etag, None, None, None, None]
        got = propfind(remote, *answer(b"text", "200 OK", told, "text/plain"), method=method)
        assert [got.get(t.split(":")[0]) for t in told] == ['"a"', "x", "x", "x", "x"]
    assert propfind(remote, *answer(THERE, "200 OK", ['ETag: W/"a"'])).get("ETag") == 'W/"a"'


def test_answers_without_a_body(remote):
    for status in ("204 No Content", "304 Not Modified"):
        assert propfind(remote, *answer(b"", status)).status == int(status[:3])
    assert propfind(remote, *answer(b"")).body == b""
    assert propfind(remote, *answer(b"", "404 Not Found", kind="text/xml")).body == b""
    remote.answers(*answer(b"", "200 OK"))
    assert remote.proxy.ask("HEAD", "/files/a").status == 200


def test_http_1_0(remote):
    remote.answers(*answer(THERE))
    got = remote.proxy.ask("PROPFIND", "/files/a", version="HTTP/1.0")
    assert got.body == HERE


# --------------------------------------------------------------------------------------------- compression


def test_backend_is_asked_for_no_compression(remote):
    propfind(remote, *answer(THERE), headers=[("Accept-Encoding", "gzip, br")])
    assert remote.last().get("Accept-Encoding") == "identity"
    propfind(remote, *answer(THERE), method="GET", headers=[("Accept-Encoding", "gzip, br")])
    assert remote.last().get("Accept-Encoding") == "gzip, br"


def test_backend_compresses_all_the_same(remote):
    got = propfind(remote, *answer(THERE, encoding="gzip"))
    assert (got.body, got.get("Content-Encoding")) == (HERE, None)
    compressed = answer(THERE, encoding="gzip")
    singles = [compressed[1][i:i + 1] for i in range(len(compressed[1]))]
    assert propfind(remote, compressed[0], *singles).body == HERE
    got = propfind(remote, *answer(THERE, "200 OK", encoding="gzip"), method="GET")
    assert (gzip.decompress(got.body), got.get("Content-Encoding")) == (THERE, "gzip")


def test_unknown_encodings_pass(remote):
    head, body = answer(THERE, headers=["Content-Encoding: br", 'ETag: "a"'])
    got = propfind(remote, head, body)
    assert (got.body, got.get("Content-Encoding"), got.get("ETag")) == (THERE, "br", '"a"')
    remote.proxy.wait_log(r"dav_multistatus:warn.*PROPFIND /files/a has the Content-Encoding br")


def test_the_proxy_still_compresses(own):
    remote = own("SetOutputFilter DEFLATE")
    for kw in ({}, {"encoding": "gzip"}):
        got = propfind(remote, *answer(THERE, **kw), headers=[("Accept-Encoding", "gzip")])
        assert got.get("Content-Encoding") == "gzip"
        assert zlib.decompress(got.body, 31) == HERE
        got = propfind(remote, *answer(THERE, **kw))
        assert (got.get("Content-Encoding"), got.body) == (None, HERE)


# ------------------------------------------------------------------------------------- what is not whole


def test_broken_xml(remote):
    there = THERE.replace(b"</D:multistatus>", b"\n<D:href>/remote/dav/<x></D:href>" + href(REMOTE + "z").encode())
    got = propfind(remote, *answer(there))
    assert got.body == there.replace(b"/remote/dav/x", b"/files/x")
    remote.proxy.wait_log(r"dav_multistatus:warn.*answer to PROPFIND /files/a: mismatched tag \(line 3, column \d+, byte \d+\)")


@pytest.mark.parametrize("body", [b"no XML", b"\0", b"<", b"<D:x/>", b"<a/>b", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
def test_no_xml(remote, body):
    assert propfind(remote, *answer(body)).body == body
    remote.proxy.wait_log(r"dav_multistatus:warn.*from there on it passed as it came")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_backend_breaks_off(remote, framing):
    """The client gets what came, and sees that it is not whole."""
    part = THERE[:-40]
    head = answer(THERE)[0]
    if framing == "chunked":
        head = head.replace(b"Content-Length: %d\r\n" % len(THERE), b"Transfer-Encoding: chunked\r\n")
        part = b"%x\r\n%b" % (len(THERE), part)
    remote.proxy.expect_log("AH01110|AH02009")
    with pytest.raises(harness.Truncated):
        propfind(remote, head, part)
    remote.proxy.wait_log(r"dav_multistatus:warn.*breaks off \(line 2, column \d+, byte \d+\)")


def test_what_came_before_the_break_arrives(remote):
    """The first byte passes at once, and so does all but an href that has not ended."""
    event = threading.Event()
    head = answer(THERE)[0]
    cut = THERE.index(REMOTE.encode()) + 5

    def script(request):
        yield head
        yield THERE[:cut]
        assert event.wait(20)
        yield THERE[cut:cut + 10]

    remote.script = script
    remote.proxy.expect_log("AH01110")
    with remote.proxy.connect() as client:
        client.send("PROPFIND", "/files/a")
        got = client.read_head()
        body = b""
        with pytest.raises(harness.Truncated):
            for piece in client.pieces(got):
                body += piece
                if not event.is_set() and len(body) >= cut - 5:
                    assert body == THERE[:cut - 5]
                    event.set()
        assert body == THERE[:cut + 10]


def test_no_backend(own):
    remote = own()
    remote.close()
    remote.proxy.expect_log("proxy")
    assert remote.proxy.ask("PROPFIND", "/files/a").status == 503


def test_client_leaves(remote):
    gone = threading.Event()

    def script(request):
        try:
            yield answer(b"")[0].replace(b"Content-Length: 0", b"X: y")
            while True:
                yield THERE[40:96] * 1000
        finally:
            gone.set()

    remote.script = script
    with remote.proxy.connect(rcvbuf=4096) as client:
        client.send("PROPFIND", "/files/gone")
        client.read_head()
        client.reset()
    assert gone.wait(20)
    assert wait_notes(remote.proxy, "/files/gone").startswith("PROPFIND /files/gone 207 ")


# --------------------------------------------------------------------------------------------- streaming


MIB = int(os.environ.get("DMS_REVERSE_MIB", "128"))


def big_answer(block, count):
    yield answer(b"")[0].replace(b"Content-Length: 0", b"X: y") + b'<D:multistatus xmlns:D="DAV:">'
    for _ in range(count):
        yield block
    yield b"</D:multistatus>"


def read_big(remote, target):
    """How many public hrefs the answer has, and the most memory that the server took."""
    mapped = b"<D:href>/files/"
    count, peak, tail = 0, 0, b""
    with remote.proxy.connect() as client:
        client.send("PROPFIND", target)
        for number, piece in enumerate(client.pieces(client.read_head())):
            if number % 50 == 0:
                peak = max(peak, remote.proxy.rss_anon())
            count += (tail + piece).count(mapped)
            tail = (tail + piece)[1 - len(mapped):]
    return count, peak


@pytest.mark.no_sanitizer
def test_memory_is_bounded(remote):
    """A 207 of 128 MiB, or of DMS_REVERSE_MIB, takes what one of 4 MiB takes."""
    block = "".join(f"<D:response>{href(REMOTE + 'x' * (i % 100))}</D:response>\n" for i in range(5000)).encode()
    peaks = []
    for size in (4, MIB):
        blocks = size * (1 << 20) // len(block)
        remote.script = lambda request: big_answer(block, blocks)
        count, peak = read_big(remote, f"/files/big{size}")
        assert count == blocks * 5000
        assert f" {count} 0 " in wait_notes(remote.proxy, f"/files/big{size}")
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 2048, peaks


# ------------------------------------------------------------------------------------------------- notes


def wait_notes(server, target):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in (server.root / "logs/notes.log").read_text().splitlines():
            if f" {target} " in line:
                return line
        time.sleep(0.02)
    raise AssertionError(target)


def test_notes(remote):
    def response(status=200, propstat=200):
        return (f"<D:response>{href('/a')}<D:status>HTTP/1.1 {status} x</D:status></D:response><D:response>{href('/b')}"
                f"<D:propstat><D:prop/><D:status>HTTP/1.1 {propstat} x</D:status></D:propstat></D:response>")
    body = multistatus(response() + response(404) + response(200, 403))
    for method, notes in (("PROPFIND", "6 1"), ("PROPPATCH", "6 2"), ("SEARCH", "6 1"), ("MKCOL", "6 2"), ("DELETE", "6 2")):
        propfind(remote, *answer(body), method=method, target="/files/notes" + method)
        assert f"207 {notes} " in wait_notes(remote.proxy, "/files/notes" + method)
    propfind(remote, *answer(body, "200 OK"), target="/files/notes200")
    assert "200 - - " in wait_notes(remote.proxy, "/files/notes200")


# ---------------------------------------------------------------------------------------------- requests


@pytest.mark.parametrize("sent,got", [
    ("http://{public}/files/x", "http://{remote}/remote/dav/x"),
    ("https://{public}/files/x", "http://{remote}/remote/dav/x"),
    ("http://{public}/%66iles/a%20b", "http://{remote}/remote/dav/a%20b"),
    ("/files/x", "http://{remote}/remote/dav/x"),
    # as httpd takes a path in a request line
    ("/other/.././files//a/%2e%2E/x", "http://{remote}/remote/dav/x"),
    ("http://{public}/files/../x", None),
    ("http://{public}/files/%2e%2E/x", None),
    ("/files/../../files/x", None),
    # what is not in the mapped place
    ("http://{public}/other/x", None),
    ("http://{public}/filesx", None),
    ("http://other.example/files/x", None),
    ("http://{remote}/remote/dav/x", None),
    ("/remote/dav/x", None),
    ("/files/../remote/x", None),
    # what names no resource
    ("x", None), ("//a/b", None), ("//{public}/other/x", None),
    ("http://{public}/files/a?b", None),
])
@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_destination(remote, method, sent, got):
    hosts = {"public": f"127.0.0.1:{remote.proxy.port}", "remote": f"127.0.0.1:{remote.port}"}
    status = propfind(remote, *answer(b"", "201 Created"), headers=[("Destination", sent.format(**hosts))], method=method).status
    if got:
        assert (status, remote.last().get("Destination")) == (201, got.format(**hosts))
    else:
        assert (status, remote.requests) == (502, [])


def test_names_of_the_public_host(own):
    """The Host of the request counts, and the ServerName."""
    remote = own(more="UseCanonicalName Off")
    for host, destination in (("dav.example", "https://dav.example/files/x"), ("dav.example:8443", "http://dav.example:8443/files/x"),
                              ("DAV.example", "http://dav.EXAMPLE:80/files/x")):
        propfind(remote, *answer(THERE.replace(b"/remote", b"http://127.0.0.1:%d/remote" % remote.port)), method="COPY",
                 headers=[("Host", host), ("Destination", destination)])
        assert remote.last().get("Destination") == f"http://127.0.0.1:{remote.port}/remote/dav/x"
    got = propfind(remote, *answer(b"", "201 Created", [f"Location: http://127.0.0.1:{remote.port}/remote/dav/"]),
                   headers=[("Host", "dav.example:8443")])
    assert got.get("Location") == "http://dav.example:8443/files/"


def test_proxy_preserve_host(own):
    """Then the backend takes the public host for its own."""
    remote = own("ProxyPreserveHost On")
    there = THERE.replace(b"/remote", b"http://dav.example/remote")
    got = propfind(remote, *answer(there), method="MOVE",
                   headers=[("Host", "dav.example"), ("Destination", "http://dav.example/files/x")])
    assert remote.last().get("Host") == "dav.example"
    assert remote.last().get("Destination") == "http://dav.example/remote/dav/x"
    assert got.body == HERE.replace(b"/files", b"http://dav.example/files")


def test_with_proxy_pass_reverse(own):
    """What that has mapped already is not mapped again."""
    remote = own("ProxyPassReverse http://127.0.0.1:{remote}/remote/dav/")
    there = f"http://127.0.0.1:{remote.port}/remote/dav/"
    got = propfind(remote, *answer(THERE, "201 Created", ["Location: " + there, "Content-Location: /remote/dav/x"]))
    assert got.get("Location") == f"http://127.0.0.1:{remote.proxy.port}/files/"
    assert (got.get("Content-Location"), got.body) == ("/files/x", HERE)


def test_if(remote):
    hosts = f"127.0.0.1:{remote.proxy.port}", f"127.0.0.1:{remote.port}"
    sent = '<http://{}/files/x> (<urn:uuid:1> ["</files/y>"]) </other/../files//z> (Not <DAV:no-lock>)'
    propfind(remote, *answer(THERE), headers=[("If", sent.format(hosts[0]))], method="PUT")
    assert remote.last().get("If") == ('<http://{}/remote/dav/x> (<urn:uuid:1> ["</files/y>"]) </remote/dav/z> '
                                       '(Not <DAV:no-lock>)').format(hosts[1])
    for same in ("(<urn:uuid:1>)", "(<1234>)"):  # Go's tokens are no URIs
        propfind(remote, *answer(THERE), headers=[("If", same)], method="PUT")
        assert remote.last().get("If") == same


@pytest.mark.parametrize("sent,status", [
    ("</other> (<urn:uuid:1>)", 412), ("</remote/dav/x> (<urn:uuid:1>)", 412), ("<http://other.example/files/x> (<urn:uuid:1>)", 412),
    ("</files/../remote/dav/x> (<urn:uuid:1>)", 412), ("malformed </files/x", 400), ("</remote/dav/x> (<urn:uuid:1>) (", 400)])
def test_if_that_the_backend_does_not_get(remote, sent, status):
    assert propfind(remote, *answer(THERE), headers=[("If", sent)], method="PUT").status == status
    assert not remote.requests


# What this httpd denies at other URLs than the request's own, by the methods that have to be allowed there.
RULES = """
<Location "/files/private"> 
    Require all denied
</Location>
<Location "/files/drop">
    <LimitExcept PUT PROPFIND LOCK COPY MOVE>
        Require all denied
    </LimitExcept>
</Location>
<Location "/files/kept">
    <Limit DELETE>
        Require all denied
    </Limit>
</Location>
<Location "/files/read">
    <Limit PUT DELETE PROPPATCH>
        Require all denied
    </Limit>
</Location>
<Location "/files/login">
    AuthType Basic
    AuthName "in here"
    AuthBasicProvider file
    AuthUserFile "{{root}}/users"
    Require valid-user
</Location>
<Location "/files/elsewhere">
    DavMultistatusReverse Off
</Location>
<Location "/files/moved">
    Redirect 302 "/files/moved" "http://other.example/"
</Location>
<Location "/files/host/">
    ProxyPass "http://localhost:{remote}/remote/dav/host/"
</Location>
<Location "/files/another/">
    ProxyPass "http://127.0.0.1:{remote}/another/"
    DavMultistatusReverse "/files/another/" "http://127.0.0.1:{remote}/another/"
</Location>
"""


@pytest.fixture(scope="module")
def guarded():
    remote = backend.Backend()
    server = harness.Server(modules=[*MODULES, "alias", "auth_basic", "authn_file", "authz_user"], conf=conf(remote.port, more=RULES))
    server.start()
    remote.proxy = server
    remote.answers(*answer(b"", "201 Created"))
    yield remote
    wrong = server.stop()
    server.remove()
    remote.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("method,target,destination,headers,status", [
    ("COPY", "a", "b", {}, 201), ("MOVE", "a", "b", {}, 201),
    # the Destination is written, and what is there is removed
    ("COPY", "a", "private/x", {}, 403), ("MOVE", "a", "private/x", {}, 403), ("MOVE", "a", "private", {}, 403),
    ("COPY", "a", "%70rivate/x", {}, 403), ("COPY", "a", "b/../private//x", {}, 403),
    ("COPY", "a", "read/x", {"Overwrite": "F"}, 403),
    ("COPY", "a", "kept/x", {}, 403), ("COPY", "a", "kept/x", {"Overwrite": "T"}, 403), ("COPY", "a", "kept/x", {"Overwrite": "F"}, 201),
    ("COPY", "a", "kept/x", {"Overwrite": "f"}, 403), ("COPY", "a", "kept/x", {"Overwrite": "F, F"}, 403),
    ("COPY", "a", "login/x", {}, 401), ("COPY", "a", "moved/x", {}, 502), ("COPY", "a", "elsewhere/x", {}, 502),
    ("COPY", "a", "another/x", {}, 502), ("COPY", "a", "host/x", {}, 502), ("MOVE", "host/a", "x", {}, 502), ("COPY", "another/a", "another/b", {}, 201),
    # a COPY reads, a MOVE removes, a LOCK may create
    ("COPY", "drop/x", "b", {}, 403), ("MOVE", "kept/x", "b", {}, 403), ("MOVE", "drop/x", "b", {}, 403),
    ("LOCK", "read/x", None, {"body": "x"}, 403), ("LOCK", "read/x", None, {}, 201), ("LOCK", "a", None, {"body": "x"}, 201),
    # a MKCOL with a body sets properties (RFC 5689)
    ("MKCOL", "read/x", None, {"body": "x"}, 403), ("MKCOL", "read/x", None, {}, 201), ("MKCOL", "a", None, {"body": "x"}, 201),
    # and so below, where this httpd has something to say there
    ("COPY", "", "b", {}, 403), ("COPY", "", "b", {"Depth": "0"}, 201), ("MOVE", "", "b", {}, 403), ("DELETE", "", None, {}, 403),
    ("DELETE", "a", None, {}, 201), ("LOCK", "", None, {"body": "x"}, 403), ("LOCK", "", None, {"body": "x", "Depth": "0"}, 201),
    # a resource that a tagged list names is looked at
    ("PUT", "a", None, {"If": "</files/private/x> ([\"t\"])"}, 412), ("PUT", "a", None, {"If": "</files/login/x> (Not [\"t\"])"}, 412),
    ("PUT", "a", None, {"If": "</files/another/x> ([\"t\"])"}, 412), ("PUT", "a", None, {"If": "</files/b> ([\"t\"])"}, 201),
])
def test_rights_at_the_proxy(guarded, method, target, destination, headers, status):
    """Nobody else asks: the backend knows the proxy, not its clients."""
    guarded.requests.clear()
    headers = dict(headers)
    body = headers.pop("body", "").encode() or None
    if destination:
        headers["Destination"] = "/files/" + destination
    got = guarded.proxy.ask(method, "/files/" + target, list(headers.items()), body)
    assert (got.status, len(guarded.requests)) == (status, status == 201)
    assert (got.get("WWW-Authenticate") == 'Basic realm="in here"') == (status == 401)
    assert "other.example" not in (got.get("Location") or "")


def test_doubled_slashes_name_no_host(own):
    """Where all of a public host is mapped."""
    remote = own('DavMultistatusReverse "/" "http://127.0.0.1:{remote}/remote/dav/"')
    there, here = "/remote/dav//other.example/x", "/other.example/x"
    got = propfind(remote, *answer(multistatus(href(there)), headers=["Location: " + there]))
    assert (got.get("Location"), got.body.decode()) == (here, multistatus(href(here)))


def multiget(count):
    return ('<C:calendar-multiget xmlns:D="DAV:" xmlns:C="c">' + "".join(href(f"{{}}{i:06}") for i in range(count))
            + "</C:calendar-multiget>")


@pytest.mark.parametrize("count", [1, 100, 600, 20_000])
@pytest.mark.parametrize("framing", ["length", "chunks", "expect"])
def test_bodies(remote, count, framing):
    """Beyond mod_proxy's 16 KiB, too; the backend reads to what the framing says."""
    sent, body = multiget(count).format(*[PUBLIC] * count).encode(), multiget(count).format(*[REMOTE] * count).encode()
    remote.answers(*answer(THERE))
    headers = [("Content-Type", "text/xml")] + [("Expect", "100-continue")] * (framing == "expect")
    if framing == "chunks":
        chunks = [sent[i:i + 1000] for i in range(0, len(sent), 1000)]
        got = remote.proxy.ask("REPORT", "/files/a", headers, chunks=chunks)
    else:
        got = remote.proxy.ask("REPORT", "/files/a", headers, sent)
    assert got.body == HERE
    assert remote.last().body == body


def test_bodies_of_one_byte_at_a_time(remote):
    sent = multiget(3).format(PUBLIC, "/other/", PUBLIC).encode()
    remote.answers(*answer(THERE))
    remote.proxy.ask("SEARCH", "/files/a", chunks=[sent[i:i + 1] for i in range(len(sent))])
    assert remote.last().body.decode() == multiget(3).format(REMOTE, "/other/", REMOTE)


def test_digests_of_bodies(remote):
    sent = multiget(1).format(PUBLIC)
    digest = ("Content-MD5", base64.b64encode(hashlib.md5(sent.encode()).digest()).decode())
    remote.answers(*answer(THERE))
    remote.proxy.ask("PROPPATCH", "/files/a", [digest], sent)
    assert remote.last().get("Content-MD5") is None
    remote.proxy.ask("PUT", "/files/a", [digest], sent)
    assert remote.last().get("Content-MD5") == digest[1]


@pytest.mark.parametrize("method,kind", [("PUT", "text/xml"), ("POST", "text/xml"), ("PATCH", "text/xml"), ("GET", "text/xml"),
                                         ("PUT", "image/png"), ("GET", "application/json")])
def test_bodies_that_stay(remote, method, kind):
    sent = multiget(2000).format(*[PUBLIC] * 2000).encode()
    remote.answers(*answer(THERE))
    remote.proxy.ask(method, "/files/a", [("Content-Type", kind)], sent)
    assert remote.last().body == sent


@pytest.mark.parametrize("sent", ["no XML", "<a", "<!DOCTYPE a><a xmlns='DAV:'><href>/files/</href></a>", "<a><b></a></b>"])
def test_malformed_bodies_are_the_backends_to_refuse(remote, sent):
    remote.answers(*answer(b"", "400 Bad Request"))
    assert remote.proxy.ask("PROPFIND", "/files/a", body=sent).status == 400
    assert remote.last().body == sent.encode()


def test_requests_without_a_body(remote):
    propfind(remote, *answer(THERE))
    assert remote.last().get("Content-Length") is None and remote.last().get("Transfer-Encoding") is None
    remote.proxy.ask("PROPFIND", "/files/a", body=b"")
    assert remote.last().body == b""


def test_logs_see_what_the_client_sent(remote):
    destination = f"http://127.0.0.1:{remote.proxy.port}/files/elsewhere"
    propfind(remote, *answer(THERE), headers=[("Destination", destination)], method="MOVE", target="/files/logged")
    assert wait_notes(remote.proxy, "/files/logged").endswith(" " + destination)


# ----------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize("arguments,complaint", [
    ('"/files/" "http://127.0.0.1/x"', "either both end with a slash"),
    ('"files" "http://127.0.0.1/x"', "begins with a slash"),
    ('"/files/" "/x/"', "http or https URL"),
    ('"/files/"', "takes a path and a URL, or Off"),
])
def test_wrong_arguments(arguments, complaint):
    with pytest.raises(harness.StartError) as e:
        harness.Server(conf=f"<Location /a>\nDavMultistatusReverse {arguments}\n</Location>").start()
    assert "DavMultistatusReverse" in e.value.text and complaint in e.value.text


def test_off(own):
    remote = own(more='<Location "/files/off/">\nDavMultistatusReverse Off\n</Location>')
    assert propfind(remote, *answer(THERE)).body == HERE
    got = propfind(remote, *answer(THERE, headers=["Location: /remote/dav/"]), target="/files/off/a",
                   headers=[("Destination", "/files/x")])
    assert (got.body, got.get("Location"), remote.last().get("Destination")) == (THERE, "/remote/dav/", "/files/x")


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_after_a_graceful_restart(own, mpm):
    remote = own(mpm=mpm)
    for _ in range(2):
        remote.proxy.graceful_restart()
        assert propfind(remote, *answer(THERE)).body == HERE
        remote.proxy.ask("REPORT", "/files/a", body=multiget(1).format(PUBLIC))
        assert remote.last().body.decode() == multiget(1).format(REMOTE)


def test_nothing_is_proxied(httpd):
    """Where no proxy answers, the directive does nothing."""
    place = httpd(location='DavMultistatusReverse "/dav/" "http://127.0.0.1/dav/x/"')
    place.file("x/y")
    assert place.propfind("x/", "1").hrefs == ["/dav/x/", "/dav/x/y"]
