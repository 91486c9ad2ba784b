"""What real clients and the proxies in front of them make of a request: names, labels, tags, headers twice
(the manual, "What clients may count on")."""

import os
import re

import pytest

import harness
from harness import ALLPROP, prop_body
from locking import lock, lock_body, submit
from writing import prop, update_body

PUBLIC = "https://public.example"


# ---------------------------------------------------------------------------------------------- names of this server


@pytest.fixture(scope="module")
def known():
    """A server behind a proxy: known by several names, and asked by another."""
    server = harness.Server("RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n<VirtualHost 127.0.0.1:{port}>\n"
                            "ServerName http://inner.example:8080\nServerAlias alias.example *.wild.example\n</VirtualHost>\n", modules=["remoteip"])
    (server.data / "f").mkdir()
    yield server.start()
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def dav_known(known, dav_of):
    return dav_of(known)


@pytest.fixture
def dav_of():
    from writing import Dav  # the folder is shared: each test makes its own files

    def made(server):
        return Dav(server, server.data / "f", "/dav/f/")
    return made


OURS = ["http://proxied.example", "http://proxied.example:81", "https://inner.example", "http://inner.example:99",
        "https://alias.example", "http://x.wild.example:8443", "https://front.example"]
THEIRS = ["http://other.example", "http://inner.example.other", "http://untold.example"]
ASKED = [("Host", "proxied.example:8000"), ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Host", "front.example, untold.example")]


@pytest.mark.parametrize("root", OURS)
def test_any_name_that_the_server_is_known_by(dav_known, root):
    dav_known.file("a.txt", b"a")
    etag = dav_known.etag("a.txt")
    assert dav_known.put("b.txt", b"b", *ASKED, ("If", f"<{root}/dav/f/a.txt> ([{etag}])")).status in (201, 204)
    assert dav_known.ask("COPY", "a.txt", [*ASKED, ("Destination", root + "/dav/f/b.txt")]).status == 204


@pytest.mark.parametrize("root", THEIRS)
def test_another_name(dav_known, root):
    dav_known.file("a.txt", b"a")
    etag = dav_known.etag("a.txt")
    assert dav_known.put("b.txt", b"b", *ASKED, ("If", f"<{root}/dav/f/a.txt> ([{etag}])")).status == 412
    assert dav_known.ask("COPY", "a.txt", [*ASKED, ("Destination", root + "/dav/f/b.txt")]).status == 502


def test_what_a_proxy_says_counts_where_it_is_trusted(dav):
    dav.file("a.txt", b"a")
    headers = [("X-Forwarded-Host", "front.example"), ("Destination", f"http://front.example{dav.url}b.txt")]
    assert dav.ask("COPY", "a.txt", headers).status == 502


@pytest.mark.parametrize("path", ["a.txt", "%61.txt", "./x/../a.txt"])
def test_the_request_s_own_path_is_its_own_by_any_name(dav, path):
    """A proxy that tells nothing: neon's clients tag each list with the URL that they know."""
    dav.file("a.txt", b"a")
    held = lock(dav, "a.txt")
    condition = ("If", f"<{PUBLIC}{dav.url}{path}> (<{held.token}>)")
    assert dav.put("a.txt", b"b", condition).status == 204
    assert dav.patched("a.txt", ("set", prop("color", "red")), headers=[condition]).props(200)
    assert dav.ask("LOCK", "a.txt", [condition, ("Timeout", "Second-100")]).status == 200
    assert dav.put("a.txt", b"b", ("If", f"<{PUBLIC}{dav.url}other> (<{held.token}>)")).status == 412
    assert dav.delete("a.txt", condition).status == 204


# ---------------------------------------------------------------------------------------------- bodies by their bytes

LABELS = ["text/plain; charset=utf-8", "application/octet-stream", "application/json", "text/xml", "", None]


@pytest.mark.parametrize("label", LABELS)
def test_a_body_is_what_its_bytes_are(dav, label):
    dav.file("a.txt")
    headers = [] if label is None else [("Content-Type", label)]
    for method, body in (("PROPFIND", prop_body("getetag")), ("PROPPATCH", update_body(("set", prop("color", "red")))), ("LOCK", lock_body())):
        assert dav.ask(method, "a.txt", [("Depth", "0"), *headers], body).status in (200, 207), method
        assert dav.ask(method, "a.txt", [("Depth", "0"), *headers], "no XML").status == (400 if label == "text/xml" else 415)
        assert dav.ask(method, "a.txt", [("Depth", "0"), *headers], "<a><b></a>").status == 400


@pytest.mark.parametrize("method", ["DELETE", "COPY", "MOVE", "UNLOCK", "MKCOL"])
@pytest.mark.parametrize("how", [{"body": b"<x/>"}, {"chunks": [b"x" * 70_000]}])
def test_a_body_that_has_no_meaning(dav, method, how):
    """RFC 4918, section 8.4: a client that sends it expects something of it."""
    dav.file("a.txt", b"a")
    name = "new" if method == "MKCOL" else "a.txt"
    with dav.server.connect() as connection:
        answer = connection.ask(method, dav.url + name, [("Destination", dav.url + "b"), ("Lock-Token", "<urn:x>")], **how)
        assert answer.status == 415
        assert connection.ask("GET", dav.url + "a.txt").body == b"a"
    assert dav.tree() == {"a.txt": b"a"}


def test_an_empty_body_is_none(dav):
    dav.file("a.txt", b"a")
    with dav.server.connect() as connection:
        assert connection.ask("DELETE", dav.url + "a.txt", chunks=[]).status == 204


@pytest.mark.parametrize("sent,accept,kind", [("text/xml", None, "text/xml"), ("text/xml; charset=utf-8", "*/*", "text/xml"),
                                              ("application/xml", None, "application/xml"), (None, None, "application/xml"),
                                              ("text/xml", "application/xml", "application/xml"), ("text/plain", None, "application/xml")])
def test_the_answer_is_of_the_type_of_the_request(dav, sent, accept, kind):
    headers = [(n, v) for n, v in (("Content-Type", sent), ("Accept", accept)) if v]
    answer = dav.ask("PROPFIND", "", [("Depth", "0"), *headers], ALLPROP)
    assert answer.get("Content-Type").split(";")[0] == kind


# ---------------------------------------------------------------------------------------------- tags and dates


@pytest.fixture(scope="module")
def compressing():
    server = harness.Server(location="SetOutputFilter DEFLATE", modules=["brotli"],
                            conf='<Location "/dav/br/">\nSetOutputFilter BROTLI_COMPRESS\n</Location>')
    for name in ("gz", "br"):
        (server.data / name).mkdir()
    yield server.start()
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.fixture(params=["gzip", "br"])
def compressed(compressing, request):
    from writing import Dav
    folder = {"gzip": "gz", "br": "br"}[request.param]
    dav = Dav(compressing, compressing.data / folder, f"/dav/{folder}/")
    dav.coding = ("Accept-Encoding", request.param)
    return dav


def test_tags_that_a_filter_has_changed_hold(compressed):
    dav = compressed
    dav.file("a.txt", b"a" * 10_000)
    answer = dav.get("a.txt", dav.coding)
    tag = answer.get("ETag")
    assert answer.get("Content-Encoding") == dav.coding[1]
    assert tag.endswith(f'-{dav.coding[1]}"')
    assert dav.get("a.txt", dav.coding, ("If-None-Match", tag)).status == 304
    assert dav.put("a.txt", b"b", ("If", f"([{tag}])")).status == 204
    assert dav.put("a.txt", b"c", ("If-Match", tag)).status == 412
    assert dav.put("a.txt", b"c", ("If", f"([{tag}])")).status == 412
    dav.file("a.txt", b"c" * 10_000)
    tag = dav.get("a.txt", dav.coding).get("ETag")
    assert dav.put("a.txt", b"d" * 10_000, ("If-Match", tag)).status == 204
    assert dav.get("a.txt", dav.coding, ("If-None-Match", tag)).status == 200
    tag = dav.get("a.txt", dav.coding).get("ETag")
    assert dav.delete("a.txt", ("If-Match", tag)).status == 204


def test_a_part_of_other_bytes_is_not_completed(compressed):
    """Who has the beginning of what was compressed gets no rest of what is not."""
    dav = compressed
    dav.file("a.txt", b"a" * 10_000)
    tag = dav.get("a.txt", dav.coding).get("ETag")
    answer = dav.get("a.txt", ("Range", "bytes=100-"), ("If-Range", tag))
    assert (answer.status, answer.get("Content-Encoding"), len(answer.body)) == (200, None, 10_000)


@pytest.mark.parametrize("time", [4_000_000_000, -86_400, 0, 1_000_000_000], ids=["ahead", "before 1970", "epoch", "usual"])
def test_the_date_that_get_gives_holds(dav, time):
    path = dav.file("a.txt", b"a")
    os.utime(path, (time, time))
    date = dav.get("a.txt").get("Last-Modified")
    assert dav.get("a.txt", ("If-Modified-Since", date)).status == 304
    assert dav.put("a.txt", b"b", ("If-Unmodified-Since", date)).status == 204


def test_a_date_from_before_a_change_does_not_hold(dav):
    """Also where the file's own time is ahead of the clock before and after."""
    path = dav.file("a.txt", b"a")
    os.utime(path, (4_000_000_000, 4_000_000_000))
    early = "Thu, 01 Jan 2015 00:00:00 GMT"
    assert dav.put("a.txt", b"b", ("If-Unmodified-Since", early)).status == 412


# ---------------------------------------------------------------------------------------------- headers and hrefs


def test_headers_that_come_twice(dav):
    dav.file("a.txt", b"a")
    assert len(dav.ask("PROPFIND", "", [("Depth", "0"), ("Depth", "0")]).multistatus(dav.url)) == 1
    assert dav.ask("PROPFIND", "", [("Depth", "0"), ("Depth", "1")]).status == 400
    copy = [("Destination", dav.url + "b.txt")] * 2
    assert dav.ask("COPY", "a.txt", [*copy, ("Overwrite", "F"), ("Overwrite", "F")]).status == 201
    assert dav.ask("COPY", "a.txt", [*copy, ("Overwrite", "T"), ("Overwrite", "F")]).status == 400
    assert dav.ask("COPY", "a.txt", [copy[0], ("Destination", dav.url + "c.txt")]).status >= 400


def test_escapes_are_upper_case(dav):
    dav.folder("\u00e4 %aa")
    dav.file("%C3%A4%20%25aa/\u00fc")
    for target in ("%c3%a4%20%25aa", "%C3%A4%20%25aa/"):
        answer = dav.ask("PROPFIND", target, [("Depth", "1")])
        paths = re.findall(rb"<D:href>(.*?)</D:href>", answer.body)
        assert paths == [dav.url.encode() + b"%C3%A4%20%25aa/", dav.url.encode() + b"%C3%A4%20%25aa/%C3%BC"]
    assert dav.ask("PROPFIND", "%c3%a4%20%25aa", [("Depth", "0")]).get("Content-Location") == dav.url + "%C3%A4%20%25aa/"
    held = lock(dav, "%c3%a4%20%25aa/%c3%bc")
    assert held.root == dav.url + "%C3%A4%20%25aa/%C3%BC"
    assert dav.put("%C3%A4%20%25aa/%C3%BC", b"x").status == 423
    assert dav.put("%C3%A4%20%25aa/%C3%BC", b"x", submit(held.token)).status == 204


@pytest.mark.parametrize("asked", ["a%2Bb%26c", "a+b&c", "%61+b&%63", "a%2bb&c"])
def test_the_requests_own_path_is_spelled_as_the_client_did(dav, asked):
    """A browser's encodeURIComponent escapes more than must be: a page that compares would list the folder inside itself."""
    dav.folder("a+b&c")
    dav.file("a+b&c/d+e.txt")
    told = dav.url + asked.replace("%2b", "%2B").replace("%61", "a").replace("%63", "c")
    assert dav.propfind(asked + "/", "1").hrefs == [told + "/", told + "/d+e.txt"]
    answer = dav.try_propfind(asked)
    assert answer.multistatus().hrefs == [told + "/"] == [answer.get("Content-Location")]
    assert dav.propfind(asked + "/d%2Be.txt").hrefs == [told + "/d%2Be.txt"]
    assert dav.propfind("", "1").hrefs == [dav.url, dav.url + "a+b&c/"]


@pytest.mark.parametrize("asked", ["a|b", "a%7Cb", "./a%7Cb", "x/../a%7Cb", "/a%7Cb"])
def test_what_is_no_uri_or_another_path_is_told_as_it_is(dav, asked):
    dav.file("a%7Cb")
    assert dav.ask("PROPFIND", asked, [("Depth", "0")]).multistatus().hrefs == [dav.url + "a%7Cb"]


def test_joplin_s_condition_that_is_no_entity_tag(dav):
    for status in (201, 204):
        assert dav.put("a.md", b"x", ("If-None-Match", "JoplinIgnore-74610")).status == status
    assert dav.get("a.md", ("If-None-Match", "JoplinIgnore-1")).status == 200
