"""A request has one answer. Behind it on the same socket comes that of the next request, byte for byte, or the end,
where the answer has said so: an answer too many would be taken for the next request's."""

import copy
import re
import socket

import pytest

import backend
import failures
import harness
import locking
import modules
import writing
from cases import CASES, CONF, CONTENT, LOCK, LOG, PATCH, PROBE, TOKEN, XML, Case, Scene, to

# What httpd makes a page of its own from, and each way to say what it shall show instead.
ERRORS = (400, 401, 403, 404, 405, 409, 412, 413, 415, 416, 423, 500, 501, 502, 507)
PAGES = {"none": None, "text": '"sorry', "elsewhere": "/plain/error.html", "within": "/dav/error.html",
         "missing": "/dav/missing.html"}
DEFLATE = "AddOutputFilterByType DEFLATE text/html text/plain text/xml application/xml\n"  # Debian's, in short
WAYS = ("pipelined", "one by one", "HTTP/1.0", "expecting")
METHODS = sorted({case.method for case in CASES})
DATE = re.compile(rb"\r\nDate: [^\r]*")


def pages_conf(target):
    return "".join(f"ErrorDocument {status} {target}\n" for status in ERRORS if target)


def start(conf, **kw):
    """A server with the scene's rules."""
    server = harness.Server(conf=modules.load_line(modules.OWN / "mod_one_end.c", "one_end") + conf + CONF,
                            location="DavMultistatusSync Off", **kw)
    (server.data / "error.html").write_text("<p>An error page.")
    locking.add_users(server, "jane")
    writing.give(server.data)
    server.expect_log(LOG)
    return server.start()


def stop(*servers):
    wrong = [line for server in servers for line in server.stop()]
    for server in servers:
        server.remove()
    assert not wrong, "\n".join(wrong)


def probe_alone(server, target):
    with server.connect() as connection:
        send_probe(connection, target)
        return DATE.sub(b"", connection.file.read())


def send_probe(connection, target):
    connection.send("GET", target, [("Connection", "close")])


def check_framing(answer, method):
    lengths = answer.all("Content-Length") + answer.all("Transfer-Encoding")
    assert len(lengths) <= 1, answer
    if not lengths and method != "HEAD" and answer.status not in (204, 304):
        assert answer.get("Connection") == "close", answer


def answer_to(connection, case, way, target, headers, probe):
    """The answer; the probe has been sent after the request, wherever that is possible."""
    if way == "pipelined":
        connection.send(case.method, target, headers, case.body, case.chunks)
        send_probe(connection, probe)
        return connection.read_answer(case.method)
    if way == "expecting":
        body = harness.as_bytes(case.body)
        headers += [("Expect", "100-continue"), ("Content-Length", str(len(body)))]
        connection.send_head(case.method, target, headers)
        if connection.socket.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 100":
            connection.socket.sendall(body)
        answer = connection.read_answer(case.method)
    elif way == "HTTP/1.0":
        connection.send(case.method, target, [*headers, ("Connection", "keep-alive")], case.body, version="HTTP/1.0")
        answer = connection.read_answer(case.method)
    else:
        answer = connection.ask(case.method, target, headers, case.body, chunks=case.chunks)
    return answer


def check(server, scene, case, way, probe, alone):
    target, headers = case.prepare(scene)
    with server.connect(timeout=10) as connection:
        answer = answer_to(connection, case, way, target, headers, probe)
        assert answer.status == case.status, (way, answer)
        check_framing(answer, case.method)
        if answer.get("Connection") == "close":
            assert connection.file.read() == b"", way
            return
        if way != "pipelined":
            send_probe(connection, probe)
        assert DATE.sub(b"", connection.file.read()) == alone, (way, answer)


def cases_of(method, *only):
    return [case for case in CASES if case.method == method and case.only in (None, *only)]


def check_all(scene, cases):
    """In all ways; every one that goes wrong is told of."""
    server, probe, wrong = scene.dav.server, scene.dav.url + PROBE, []
    alone = probe_alone(server, probe)
    assert alone.startswith(b"HTTP/1.1 200 OK\r\n") and alone.endswith(b"\r\n\r\n" + CONTENT)
    for case in cases:
        for way in WAYS:
            if way == "HTTP/1.0" and case.is_chunked or way == "expecting" and (case.is_chunked or not case.body):
                continue
            try:
                check(server, scene, case, way, probe, alone)
            except (AssertionError, harness.Truncated, OSError) as error:
                wrong.append(f"{case.id}, {way}: {str(error).splitlines()[0][:300]}")
    wrong += server.new_alarms()
    assert not wrong, "\n\n".join(wrong)


# -- files


def scene_of_files(conf):
    server = start(conf)
    (server.data / "scene").mkdir()
    return Scene(writing.Dav(server, server.data / "scene", "/dav/scene/"))


@pytest.fixture(scope="module", params=PAGES)
def files(request):
    scene = scene_of_files(pages_conf(PAGES[request.param]))
    yield scene
    stop(scene.dav.server)


@pytest.mark.parametrize("method", METHODS)
def test_files(files, method):
    check_all(files, cases_of(method, "disk"))


@pytest.fixture(scope="module")
def deflated():
    scene = scene_of_files(DEFLATE)
    yield scene
    stop(scene.dav.server)


def accepting_gzip(case):
    case = copy.copy(case)
    case.headers += ("Accept-Encoding", "gzip"),
    return case


@pytest.fixture
def dav_of_scene():
    scene = scene_of_files("")
    yield scene
    stop(scene.dav.server)


@pytest.mark.parametrize("method", METHODS)
def test_mod_deflate(deflated, method):
    assert deflated.dav.get("a.txt", ("Accept-Encoding", "gzip")).get("Content-Encoding") == "gzip"
    check_all(deflated, [accepting_gzip(case) for case in cases_of(method, "disk")])


def test_a_full_disk(dav_of_scene):
    dav_of_scene.dav.server.expect_log("No space left on device")
    with writing.mounted(dav_of_scene.dav.path / "full", "64k"):
        check_all(dav_of_scene, [
            Case("PUT", 507, "full/{new}", body=b"x" * 100_000),
            Case("COPY", 507, "big", ("Destination", "{url}full/{new}"), before=[("PUT", "big", b"x" * 100_000)]),
            Case("MOVE", 507, "big", ("Destination", "{url}full/{new}"), before=[("PUT", "big", b"x" * 100_000)])])


def test_a_broken_store(dav_of_scene):
    server = dav_of_scene.dav.server
    with locking.database(server) as db:
        db.execute("DROP TABLE lock")
    server.expect_log("store|lock")
    check_all(dav_of_scene, [Case(method, 500, "a.txt", *headers, body=body) for method, headers, body in (
        ("PUT", [], b"x"), ("DELETE", [], None), ("PROPPATCH", [XML], PATCH), ("LOCK", [XML], LOCK),
        ("MOVE", to("{new}"), None), ("UNLOCK", [("Lock-Token", "<" + TOKEN + ">")], None))])


def test_the_log_tells_what_an_input_filter_has_answered(dav_of_scene):
    assert dav_of_scene.dav.put("tight/new", b"x" * 11).status == 413
    dav_of_scene.dav.server.wait_log("PUT /dav/scene/tight/new: 413, ")


def test_a_listing_that_fails_before_its_first_bytes(dav_of_scene):
    """There is still time to say so."""
    server = dav_of_scene.dav.server
    server.expect_log("can't be read to its end")
    with failures.failing(server, "getdents64", "1+"):
        check_all(dav_of_scene, [Case("PROPFIND", 500, "folder/", ("Depth", "1"))])


def test_a_listing_that_fails_later(dav_of_scene):
    """It is cut short, and nothing follows."""
    server = dav_of_scene.dav.server
    server.expect_log("can't be read to its end")
    for i in range(300):  # more than one call tells of
        dav_of_scene.dav.file(f"many/{i:0200}")
    with failures.failing(server, "getdents64", 2), server.connect() as connection:
        connection.send("PROPFIND", dav_of_scene.dav.url + "many/", [("Depth", "1")])
        assert connection.read_head().status == 207
        assert b"</D:multistatus>" not in connection.file.read()


# -- what else there is


@pytest.fixture(scope="module")
def memory():
    conf = '<Location "/memory">\nDavMultistatus memory\nRequire all granted\n</Location>\n'
    server = start(modules.load_line(modules.OWN / "mod_dav_memory.c", "dav_memory") + conf)
    top = writing.Dav(server, server.data, "/memory/")
    assert top.mkcol("scene").status == 201
    yield Scene(writing.Dav(server, server.data, "/memory/scene/"))
    stop(server)


@pytest.mark.parametrize("method", METHODS)
def test_a_repository_in_memory(memory, method):
    check_all(memory, cases_of(method))


@pytest.fixture(scope="module")
def proxied():
    remote = start("")
    (remote.data / "scene").mkdir()
    writing.give(remote.data)
    conf = backend.CONF.replace("/remote/dav/", "/dav/scene/").format(remote=remote.port, parameters="", location="")
    server = start(conf, modules=["proxy", "proxy_http"])
    yield Scene(writing.Dav(server, remote.data / "scene", "/files/"))
    stop(server, remote)


@pytest.mark.parametrize("method", METHODS)
def test_a_proxied_server(proxied, method):
    check_all(proxied, cases_of(method))
