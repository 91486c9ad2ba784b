"""MKCOL (RFC 4918, section 9.3)."""

import concurrent.futures
import os

import pytest


@pytest.mark.parametrize("name", ["new", "new/", "%FF", "a%20b/", "%C3%A9", "100%25"])
def test_makes_an_empty_collection(dav, name):
    answer = dav.mkcol(name)
    assert (answer.status, answer.body) == (201, b"")
    assert dav.disk(name).is_dir()
    assert dav.propfind(name.rstrip("/") + "/", "1")[0].is_collection
    assert len(dav.tree()) == 1


def test_where_something_is_405(dav):
    dav.folder("sub")
    dav.file("a.txt", b"old")
    for name in ("sub", "sub/", "a.txt", ""):
        answer = dav.mkcol(name)
        assert answer.status == 405, name
        assert "MKCOL" not in answer.tokens("Allow") and {"PROPFIND", "DELETE"} <= answer.tokens("Allow")
    assert dav.tree() == {"sub": None, "a.txt": b"old"}


def test_at_the_root_is_405(dav):
    assert dav.server.ask("MKCOL", "/dav/").status == 405


def test_without_a_parent_is_409(dav):
    dav.file("file")
    for name in ("missing/new", "missing/deep/new/", "file/new"):
        assert dav.mkcol(name).status == 409, name
    assert dav.tree() == {"file": b"hello\n"}


@pytest.mark.parametrize("kw", [{"body": b"<a/>"}, {"chunks": [b"x"]}, {"body": b"x" * 100_000}],
                         ids=["length", "chunked", "long"])
def test_with_a_body_is_415(dav, kw):
    with dav.server.connect() as c:
        assert c.ask("MKCOL", dav.url + "new", [("Content-Type", "text/xml")], **kw).status == 415
        assert c.ask("PROPFIND", dav.url, [("Depth", "0")]).status == 207  # the body did not become a request
    assert dav.tree() == {}


@pytest.mark.parametrize("kw", [{"body": b""}, {"chunks": []}], ids=["length", "chunked"])
def test_with_an_empty_body_is_201(dav, kw):
    assert dav.ask("MKCOL", "new", **kw).status == 201


@pytest.mark.root
def test_without_permission_is_403(dav):
    os.chown(dav.folder("sub"), 0, 0)
    assert dav.mkcol("sub/new").status == 403
    assert dav.tree() == {"sub": None}


def test_a_dangling_link_is_in_the_way(dav):
    dav.server.expect_log("AH00037")  # httpd's own core, where it maps the URL
    os.symlink("nowhere", dav.disk("link"))
    assert 400 <= dav.mkcol("link").status < 500
    assert dav.tree() == {"link": "-> nowhere"}


def test_of_many_at_once_one_wins(dav):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i in range(5):
            statuses = sorted(pool.map(lambda _: dav.mkcol(f"new{i}").status, range(8)))
            assert statuses == [201] + [405] * 7
