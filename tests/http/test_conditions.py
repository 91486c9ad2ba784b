"""If-Match, If-None-Match and If-Unmodified-Since (RFC 9110, section 13) for every method that changes something."""

import time

import pytest

from harness import http_date
from writing import prop

METHODS = ["PUT", "PUT part", "DELETE", "PROPPATCH", "COPY", "MOVE"]
GOOD = {"PUT": 204, "PUT part": 204, "DELETE": 204, "PROPPATCH": 207, "COPY": 201, "MOVE": 201}


def do(dav, method, name, *headers):
    if method == "PUT":
        return dav.put(name, b"new", *headers)
    if method == "PUT part":
        return dav.put(name, b"n", ("Content-Range", "bytes 0-0/3"), *headers)
    if method == "DELETE":
        return dav.delete(name, *headers)
    if method == "PROPPATCH":
        return dav.proppatch(name, ("set", prop("color", "new")), headers=headers)
    if method == "MKCOL":
        return dav.mkcol(name, *headers)
    return dav.transfer(method, name, "target", *headers)


@pytest.fixture
def old(dav):
    dav.put("old.txt", b"old", ("X-OC-Mtime", "1600000000"))
    dav.set("old.txt", color="old")
    return dav


def is_unchanged(dav):
    return dav.tree() == {"old.txt": b"old"} and dav.dead("old.txt") == {"color": "old"}


HOLD = [("If-Match", "{etag}"), ("If-Match", '"x", {etag}'), ("If-Match", "*"), ("If-None-Match", '"x"'),
        ("If-Unmodified-Since", http_date(1600000000)), ("If-Unmodified-Since", http_date(1700000000)),
        ("If-Unmodified-Since", "no date"), ("If-Modified-Since", http_date(1700000000)),
        ("If-None-Match", '"x", W/"y"')]
FAIL = [("If-Match", '"x"'), ("If-Match", 'W/{etag}'), ("If-Match", '"x", "y"'), ("If-None-Match", "*"),
        ("If-None-Match", "{etag}"), ("If-None-Match", '"x", {etag}'),
        ("If-Unmodified-Since", http_date(1599999999))]


@pytest.mark.parametrize("method", METHODS)
def test_that_hold(old, method):
    for name, value in HOLD:
        if not old.disk("old.txt").exists():
            old.put("old.txt", b"old", ("X-OC-Mtime", "1600000000"))
        old.put("old.txt", b"old", ("X-OC-Mtime", "1600000000"))
        old.delete("target")
        header = (name, value.replace("{etag}", old.etag("old.txt")))
        assert do(old, method, "old.txt", header).status == GOOD[method], header


@pytest.mark.parametrize("method", METHODS)
def test_that_fail(old, method):
    etag = old.etag("old.txt")
    for name, value in FAIL:
        header = (name, value.replace("{etag}", etag))
        assert do(old, method, "old.txt", header).status == 412, header
        assert is_unchanged(old), header


@pytest.mark.parametrize("method", METHODS)
def test_both_must_hold(old, method):
    etag = old.etag("old.txt")
    assert do(old, method, "old.txt", ("If-Match", etag), ("If-None-Match", "*")).status == 412
    assert is_unchanged(old)


@pytest.mark.parametrize("method", ["PUT", "MKCOL"])
def test_where_nothing_is(dav, method):
    for header in (("If-Match", "*"), ("If-Match", '"x"')):
        assert do(dav, method, "new", header).status == 412, header
        assert dav.tree() == {}
    for number, header in enumerate([("If-None-Match", "*"), ("If-None-Match", '"x"'),
                                     ("If-Unmodified-Since", http_date(1000000000))]):
        assert do(dav, method, f"new{number}", header).status == 201, header


def test_mkcol_where_something_is(old):
    assert do(old, "MKCOL", "old.txt", ("If-None-Match", "*")).status in (405, 412)
    assert is_unchanged(old)


@pytest.mark.parametrize("method", ["DELETE", "PROPPATCH", "COPY", "MOVE"])
def test_of_a_collection(dav, method):
    dav.folder("sub")
    dav.file("sub/a.txt")
    etag = dav.etag("sub/")
    for header in (("If-Match", '"x"'), ("If-None-Match", "*"), ("If-None-Match", etag),
                   ("If-Unmodified-Since", http_date(1000000000))):
        assert do(dav, method, "sub/", header).status == 412, header
        assert dav.tree() == {"sub": None, "sub/a.txt": b"hello\n"}
    assert do(dav, method, "sub/", ("If-Match", etag)).status == GOOD[method]


def test_a_condition_that_fails_wins_over_the_body(old):
    with old.server.connect() as c:
        c.send_head("PUT", old.url + "old.txt", [("Content-Length", "1000"), ("If-None-Match", "*"),
                                                 ("Expect", "100-continue")])
        answer = c.read_head()
        assert (answer.status, answer.interim) == (412, [])
    assert is_unchanged(old)


def test_a_condition_is_asked_again_after_the_body(old):
    """Two uploads with the same If-Match: one of them loses, however they overlap."""
    etag = old.etag("old.txt")
    with old.server.connect() as slow:
        slow.send_head("PUT", old.url + "old.txt", [("Content-Length", "10"), ("If-Match", etag)])
        slow.socket.sendall(b"01234")
        time.sleep(0.1)
        assert old.put("old.txt", b"fast", ("If-Match", etag)).status == 204
        slow.socket.sendall(b"56789")
        assert slow.read_answer("PUT").status == 412
    assert old.tree() == {"old.txt": b"fast"}


def test_two_that_make_the_same_file(dav):
    with dav.server.connect() as slow:
        slow.send_head("PUT", dav.url + "a.txt", [("Content-Length", "10"), ("If-None-Match", "*")])
        slow.socket.sendall(b"01234")
        time.sleep(0.1)
        assert dav.put("a.txt", b"fast", ("If-None-Match", "*")).status == 201
        slow.socket.sendall(b"56789")
        assert slow.read_answer("PUT").status == 412
    assert dav.tree() == {"a.txt": b"fast"}
