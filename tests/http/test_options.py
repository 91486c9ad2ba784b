"""OPTIONS says what is true (RFC 4918 sections 10.1, 18); methods that are not there are 501."""

import pytest

from harness import prop_body


@pytest.fixture
def files(place):
    place.file("a.txt")
    place.folder("sub")
    return place


@pytest.mark.parametrize("name", ["", "a.txt", "sub/", "sub"])
def test_options(files, name):
    answer = files.ask("OPTIONS", name)
    assert answer.status in (200, 204)
    assert answer.body == b""
    classes = [c.strip() for c in answer.get("DAV").split(",")]  # one header only: npm webdav reads the first
    assert "1" in classes
    assert answer.get("MS-Author-Via") == "DAV"
    assert {"PROPFIND", "GET", "HEAD", "OPTIONS"} <= answer.tokens("Allow")


def test_no_propset_that_we_do_not_do(files):
    # With it npm webdav would write by Content-Range.
    assert "apache.org" not in files.ask("OPTIONS").get("DAV")


def test_allow_lists_nothing_twice(files):
    for name in ("", "a.txt"):
        listed = [t.strip() for v in files.ask("OPTIONS", name).all("Allow") for t in v.split(",")]
        assert len(listed) == len(set(listed))


def test_every_method_in_allow_is_there(files):
    for method in files.ask("OPTIONS", "a.txt").tokens("Allow") - {"TRACE"}:
        files.file("a.txt")
        assert files.ask(method, "a.txt", [("Depth", "0")]).status not in (405, 501), method


def test_elsewhere_options_is_httpd_s_own(server):
    (server.data / "x.txt").write_bytes(b"x")
    answer = server.ask("OPTIONS", "/plain/x.txt")
    assert answer.get("DAV") is None and answer.get("MS-Author-Via") is None
    assert "PROPFIND" not in answer.tokens("Allow")


def test_options_with_a_body(files):
    assert files.ask("OPTIONS", "", [("Content-Type", "text/xml")], prop_body("x")).status in (200, 204)


# Methods that httpd knows, and some that nobody does.
@pytest.mark.parametrize("method", ["REPORT", "SEARCH", "ACL", "CHECKOUT", "BLABLA"])
def test_a_method_that_is_not_there_is_501_and_changes_nothing(files, method):
    for name in ("a.txt", "sub/"):
        answer = files.ask(method, name)
        assert answer.status == 501
        assert {"PROPFIND", "GET", "HEAD", "OPTIONS"} <= answer.tokens("Allow")
        assert method not in answer.tokens("Allow")
    assert files.list("1").names() == ["a.txt", "sub/"]


@pytest.mark.parametrize("method", ["FOO", "propfind", "PROPFINDX"])
def test_a_method_that_nobody_knows(files, method):
    files.server.expect_log("AH00135|Invalid method")
    assert files.ask(method, "a.txt").status in (405, 501)
