"""curl: uploads of all kinds, parts, conditions, and WebDAV by hand as people's scripts do it."""

import re

import pytest

import clients

LOCK = ("<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>"
        "</D:lockinfo>")


@pytest.fixture(scope="module")
def server():
    with clients.running() as server:
        yield server


@pytest.fixture
def curl(server, tmp_path):
    """curl(name, *arguments): returns (status, what it says)."""
    def run(name, *arguments, stdin="", status=0):
        told = clients.run("curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *arguments, clients.url(server, name),
                           cwd=tmp_path, stdin=stdin, both=False, status=status)
        body, _, code = told.rpartition("\n")
        return int(code), body
    return run


def test_upload_and_download(server, curl, tmp_path):
    content = bytes(range(256)) * 20_000  # over curl's threshold for Expect: 100-continue
    (tmp_path / "up.bin").write_bytes(content)
    assert curl("up.bin", "-T", "up.bin")[0] == 201
    assert curl("up.bin", "-T", "up.bin", "-H", "Expect: 100-continue")[0] == 204
    assert curl("up.bin", "-T", "up.bin", "-H", "Transfer-Encoding: chunked")[0] == 204
    assert (server.data / "up.bin").read_bytes() == content
    assert curl("up.bin", "-o", "down.bin")[0] == 200
    assert (tmp_path / "down.bin").read_bytes() == content


def test_an_upload_from_a_pipe(server, curl):
    assert curl("pipe.txt", "-T", "-", stdin="from a pipe\n")[0] == 201
    assert (server.data / "pipe.txt").read_text() == "from a pipe\n"


def test_a_resumed_upload(server, curl, tmp_path):
    (tmp_path / "whole.txt").write_bytes(b"0123456789")
    (server.data / "part.txt").write_bytes(b"01234")
    clients.writing.give(server.data / "part.txt")
    code, told = curl("part.txt", "-T", "whole.txt", "-C", "5", "--stderr", "-", status=None)
    if "cannot be resumed" in told:
        pytest.skip("this curl resumes no upload by HTTP")
    assert code in (200, 201, 204), told
    assert (server.data / "part.txt").read_bytes() == b"0123456789"


def test_a_resumed_download(server, curl, tmp_path):
    (server.data / "part.txt").write_bytes(b"0123456789")
    (tmp_path / "half.txt").write_bytes(b"0123")
    assert curl("part.txt", "-C", "-", "-o", "half.txt")[0] == 206
    assert (tmp_path / "half.txt").read_bytes() == b"0123456789"
    assert curl("part.txt", "-r", "2-4") == (206, "234")


def test_conditions(server, curl, tmp_path):
    (tmp_path / "c.txt").write_text("c\n")
    assert curl("c.txt", "-T", "c.txt", "-H", "If-None-Match: *")[0] == 201
    assert curl("c.txt", "-T", "c.txt", "-H", "If-None-Match: *")[0] == 412
    assert curl("c.txt", "--etag-save", "tag", "-o", "/dev/null")[0] == 200
    assert curl("c.txt", "--etag-compare", "tag")[0] == 304


def test_collections(server, curl):
    assert curl("d/", "-X", "MKCOL")[0] == 201
    assert curl("d/", "-X", "MKCOL")[0] == 405
    assert curl("d/a.txt", "-T", "-", stdin="a")[0] == 201
    assert curl("d/", "-X", "COPY", "-H", "Destination: /dav/e/")[0] == 201
    assert curl("d/", "-X", "MOVE", "-H", f"Destination: {clients.url(server, 'f')}")[0] == 201
    code, body = curl("", "-X", "PROPFIND", "-H", "Depth: infinity")
    assert code == 207
    assert {"/dav/e/", "/dav/e/a.txt", "/dav/f/", "/dav/f/a.txt"} <= set(re.findall(r"<D:href>([^<]*)", body))
    assert curl("e/", "-X", "DELETE")[0] == 204 == curl("f", "-X", "DELETE")[0]


def test_locks(server, curl, tmp_path):
    (tmp_path / "l.txt").write_text("l\n")
    code, _ = curl("l.txt", "-X", "LOCK", "-H", "Timeout: Second-60", "-H", "Content-Type: text/xml", "-d", LOCK,
                   "-D", "head.txt")
    assert code == 201
    token = re.search(r"^Lock-Token: <(.*)>", (tmp_path / "head.txt").read_text(), re.M | re.I).group(1)
    code, body = curl("l.txt", "-T", "l.txt")
    assert code == 423 and "lock-token-submitted" in body and "/dav/l.txt" in body
    assert curl("l.txt", "-T", "l.txt", "-H", f"If: (<{token}>)")[0] == 204
    assert curl("l.txt", "-X", "DELETE")[0] == 423
    assert curl("l.txt", "-X", "LOCK", "-H", f"If: (<{token}>)")[0] == 200
    assert curl("l.txt", "-X", "UNLOCK", "-H", f"Lock-Token: <{token}>")[0] == 204
    assert curl("l.txt", "-X", "DELETE")[0] == 204


def test_a_refused_upload_costs_nobody_the_body(server, curl, tmp_path):
    """With Expect: 100-continue a locked file is refused before the body is sent."""
    (tmp_path / "big.bin").write_bytes(b"x" * 5_000_000)
    code, _ = curl("locked.bin", "-X", "LOCK", "-H", "Content-Type: text/xml", "-d", LOCK)
    assert code == 201
    told = clients.run("curl", "-sS", "-m", "20", "--expect100-timeout", "10", "-H", "Expect: 100-continue", "-o", "/dev/null",
                       "-w", "%{http_code} %{size_upload}", "-T", "big.bin", clients.url(server, "locked.bin"), cwd=tmp_path,
                       both=False)
    assert told.split() == ["423", "0"]


def test_options(server, curl, tmp_path):
    assert curl("", "-X", "OPTIONS", "-D", "head.txt")[0] == 200
    assert re.search(r"^DAV: 1, ?2, ?3\b", (tmp_path / "head.txt").read_text(), re.M | re.I)
