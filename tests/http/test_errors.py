"""What a person reads of an error: one sentence, the same in DAV:error and on a page of HTML, whatever the status."""

import html
import re

import pytest
from lxml import etree

import backend
import harness
from cases import CASES, CONF, LOG, Scene
from locking import add_users
from writing import Dav, give

BROWSER = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8")
HUMAN = "{http://apache.org/dav/xmlns}human-readable"
SENTENCE = re.compile(r"[A-Z][^<>]*[^.!?]\.")


def is_httpds_own(case):
    """What httpd refuses before it comes to the module, or for it: by access rules, limits, ranges."""
    return (case.name.rstrip("/") in ("secret", "denied") or case.status == 416 or any(n == "X-Long" for n, _ in case.headers)
            or (case.method == "GET" and case.status == 412)  # as its default handler has it: with the file's headers, and no body
            or any(v == "chunked" for _, v in case.headers) or case.status == 413)


OURS = [case for case in CASES if case.status >= 400 and case.method != "HEAD" and not is_httpds_own(case)
        and not (case.method == "MKCOL" and case.status == 403 and case.body)]  # which tells of each property


def of_xml(answer):
    assert re.fullmatch("(application|text)/xml; charset=utf-8", answer.get("Content-Type")), answer
    root = etree.fromstring(answer.body)
    assert root.tag == "{DAV:}error" and not (root.text or "").strip(), answer.body
    assert [child.tag for child in root].count(HUMAN) == 1 and root[-1].tag == HUMAN, answer.body
    return root[-1].text


def of_page(answer):
    assert answer.get("Content-Type") == "text/html; charset=utf-8", answer
    text = answer.body.decode()
    title = re.search("<title>(.*)</title>", text)
    assert title and title[1].startswith(str(answer.status)) and text.count("<h1>") == text.count("<p>") == 1, text
    assert f"<h1>{title[1].split(' ', 1)[1]}</h1>" in text
    return html.unescape(re.search("<p>(.*)</p>", text)[1])


def is_sentence(text):
    return SENTENCE.fullmatch(text) and ". " not in text


def start(conf="", **kw):
    server = harness.Server(conf + CONF, location="DavMultistatusSync Off", **kw)
    (server.data / "scene").mkdir()
    (server.data / "error.html").write_text("<p>An error page.")
    add_users(server, "jane")
    give(server.data)
    server.expect_log(LOG)
    return server.start()


@pytest.fixture(scope="module")
def scene():
    server = start()
    yield Scene(Dav(server, server.data / "scene", "/dav/scene/"))
    wrong = server.stop()
    server.remove()
    assert not wrong, wrong


def ask(scene, case, *more):
    target, headers = case.prepare(scene)
    answer = scene.dav.server.ask(case.method, target, [*headers, *more], case.body, chunks=case.chunks)
    assert answer.status == case.status, answer
    return answer


@pytest.mark.parametrize("method", sorted({case.method for case in OURS}))
def test_one_sentence(scene, method):
    for case in OURS:
        if case.method == method:
            told = of_xml(ask(scene, case))
            assert is_sentence(told), (case.id, told)
            page = ask(scene, case, BROWSER)
            assert of_page(page) == told, case.id
            assert "Accept" in page.tokens("Vary"), case.id


@pytest.mark.parametrize("accept, is_page", [
    (None, False), ("*/*", False), ("text/html", True), (BROWSER[1], True), ("text/html, */*", True),
    ("text/html, application/xml", False), ("application/xml, text/html;q=0.5", False), ("text/html;q=0, */*", False),
    ("text/*", False), ("text/html, image/gif, *; q=.2, */*; q=.2", True)])
def test_a_page_is_for_who_asks_for_one(scene, accept, is_page):
    answer = scene.dav.ask("DELETE", "nothing", [("Accept", accept)] if accept else [])
    assert (of_page if is_page else of_xml)(answer) == "There is no such resource."


def test_a_long_body(scene):
    answer = scene.dav.ask("PROPFIND", "a.txt", [("Depth", "0")], "<a>" + "b" * 1_100_000)
    assert answer.status == 413 and is_sentence(of_xml(answer))


def test_a_condition_comes_first(scene):
    answer = scene.dav.put("locked/b.txt", b"x")
    assert answer.precondition() == ["lock-token-submitted"] and is_sentence(of_xml(answer))
    assert etree.fromstring(answer.body)[0][0].text == "/dav/scene/locked/b.txt"


@pytest.mark.parametrize("accept", [(), (BROWSER,)], ids=["xml", "page"])
def test_a_head_has_no_body(scene, accept):
    with scene.dav.server.connect() as connection:
        connection.send("HEAD", "/dav/scene/nothing", [*accept, ("Connection", "close")])
        assert connection.file.read().endswith(b"\r\n\r\n")


def test_methods_are_told_with_405_and_501(scene):
    for accept in (), (BROWSER,):
        assert scene.dav.ask("MKCOL", "folder/", accept).tokens("Allow") == scene.dav.ask("OPTIONS", "folder/").tokens("Allow")
        assert scene.dav.ask("FROBNICATE", "a.txt", accept).tokens("Allow") == scene.dav.ask("OPTIONS", "a.txt").tokens("Allow")


def test_what_is_hidden_is_told_as_what_is_not_there(scene):
    """Word for word."""
    for accept in (), (BROWSER,):
        hidden, missing = (scene.dav.get(name, *accept) for name in (".dav-multistatus-x", "nothing"))
        assert (hidden.status, hidden.body) == (missing.status, missing.body) and hidden.status == 404


@pytest.mark.parametrize("accept", [(), (BROWSER,)], ids=["xml", "page"])
def test_a_hostile_request_is_escaped(scene, accept):
    for name in ("%3Cscript%3E", "%22%3E%3Ch1%3E&amp;", "%FF%FE", "%1B%5B31m"):
        for method in ("DELETE", "GET", "UNLOCK"):
            (of_page if accept else of_xml)(scene.dav.ask(method, name, accept))
    body = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>&lt;script&gt;</x></D:prop></D:set></D:propertyupdate>'
    answer = scene.dav.ask("PROPPATCH", "a.txt", [("Content-Type", "application/xml"), *accept], body)
    assert answer.status == 400 and (of_page if accept else of_xml)(answer) and b"<script" not in answer.body
    answer = scene.dav.ask("A'B&C", "a.txt", accept)
    assert answer.status == 501 and "A'B&C" in (of_page if accept else of_xml)(answer)


def test_the_page_bears_httpds_signature_where_that_is_wanted():
    server = start("ServerSignature On")
    assert b"<address>Apache" in server.get("/dav/nothing", BROWSER).body
    assert not server.stop()
    server.remove()


PAGES = {"a text": '"sorry', "a page": "/dav/error.html"}


@pytest.fixture(scope="module", params=PAGES)
def with_documents(request):
    server = start("".join(f"ErrorDocument {status} {PAGES[request.param]}\n" for status in (404, 409, 423)))
    yield Scene(Dav(server, server.data / "scene", "/dav/scene/"))
    assert not server.stop()
    server.remove()


def test_an_error_document_wins(with_documents):
    for accept in (), (BROWSER,):
        for method, name, status in (("GET", "nothing", 404), ("DELETE", "nothing", 404), ("MKCOL", "no/where", 409)):
            answer = with_documents.dav.ask(method, name, accept)
            assert answer.status == status and answer.body in (b"sorry", b"<p>An error page."), answer
    assert b"sorry" in (answer := with_documents.dav.put("locked/b.txt", b"x", BROWSER)).body or b"error page" in answer.body


def test_but_not_over_a_condition_that_a_client_acts_upon(with_documents):
    assert with_documents.dav.put("locked/b.txt", b"x").precondition() == ["lock-token-submitted"]


def test_a_folder_of_another_modules(scene):
    """One that a section keeps for itself, by a RewriteRule."""
    server = start('<Directory "{data}">\nRewriteEngine On\nRewriteRule ^old$ index.html [L]\n</Directory>', modules=["rewrite"])
    give(server.data)
    assert is_sentence(of_xml(server.ask("PUT", "/dav/old", body=b"x")))
    assert not server.stop()
    server.remove()


def test_a_special_file(scene):
    harness.os.mkfifo(scene.dav.path / "pipe")
    assert is_sentence(of_xml(scene.dav.get("pipe")))


def test_where_both_modules_are_on():
    server = harness.Server('DavLockDB "{root}/run/lock"\n<Directory "{data}">\nDav On\n</Directory>', modules=["dav", "dav_fs"])
    server.expect_log("both Dav and DavMultistatus")
    server.start()
    answer = server.ask("PROPFIND", "/dav/", [("Depth", "0")])
    assert answer.status == 500 and is_sentence(of_xml(answer))
    assert not server.stop()
    server.remove()


def test_what_is_refused_before_it_is_proxied():
    remote = start()
    server = start(backend.CONF.replace("/remote/dav/", "/dav/scene/").format(remote=remote.port, parameters="", location=""),
                   modules=["proxy", "proxy_http"])
    files = Dav(server, remote.data / "scene", "/files/")
    for method, headers, status in (("COPY", [("Destination", "/elsewhere")], 502), ("PUT", [("If", "</elsewhere> ([\"x\"])")], 412)):
        answer = files.ask(method, "a", headers, b"x" if method == "PUT" else None)
        assert answer.status == status and is_sentence(of_xml(answer)), answer
    assert not server.stop() + remote.stop()
    for each in server, remote:
        each.remove()


UPDATE = ("Content-Type", "application/x-sabredav-partialupdate")
PARTS = [
    ("PUT", [("Content-Range", "bytes 0-4/5")], 400, "length of its range"),
    ("PATCH", [UPDATE, ("X-Update-Range", "bytes=0-4")], 416, "length of its range"),
    ("PATCH", [UPDATE, ("X-Update-Range", "bytes=-99")], 416, "before the file"),
    ("PUT", [("Content-Range", "bytes 99999999999-100000000001/*")], 413, "too far beyond the end"),
    ("PATCH", [UPDATE, ("X-Update-Range", "bytes=99999999999-")], 413, "too far beyond the end"),
    ("PUT", [("Content-Range", "bytes 0-2/*"), ("Content-Encoding", "gzip")], 415, "no content coding"),
    ("PATCH", [("Content-Type", "text/plain"), ("X-Update-Range", "append")], 415, "x-sabredav-partialupdate"),
]


@pytest.mark.parametrize("method,headers,status,words", PARTS)
def test_what_is_wrong_with_a_part(dav, method, headers, status, words):
    dav.file("a.txt", b"abc")
    answer = dav.ask(method, "a.txt", headers, b"xyz")
    assert answer.status == status and words in of_xml(answer)
    assert dav.disk("a.txt").read_bytes() == b"abc"


@pytest.mark.parametrize("method,name", [("PUT", "a.txt"), ("PUT", "missing/a.txt"), ("PROPFIND", ""), ("DELETE", "missing")])
def test_a_body_that_is_too_long_for_the_server(dav, method, name):
    """Whatever else would be wrong: no error of httpd's takes its place when the body is dropped."""
    with dav.server.connect() as c:
        c.send_head(method, dav.url + name, [("Content-Length", str(900 * 10**12))])
        answer = c.read_answer(method)
    assert answer.status == 413 and "LimitRequestBody allows: 1073741824 bytes" in of_xml(answer)
