"""Prefer (RFC 7240, RFC 8144): less in an answer, or more, for who asks for it."""

import pytest

from harness import ALLPROP, PROPNAME, prop_body
from writing import prop

MINIMAL = ("Prefer", "return=minimal")
NO_ROOT = ("Prefer", "depth-noroot")
SOME = prop_body("getetag", "missing", ("urn:x", "also-missing"))
NONE = prop_body("missing")


@pytest.fixture
def tree(dav):
    dav.file("a.txt")
    dav.file("sub/b.txt")
    return dav


def applied(answer):
    return answer.tokens("Preference-Applied")


# ---------------------------------------------------------------------------------------------- return=minimal

SPELLINGS = ["return=minimal", '"return=minimal"', 'return="minimal"', "Return = Minimal", "respond-async, return=minimal; foo=\"a,b\"",
             "return=minimal, return=representation", "wait=10;x=\"return=representation,\", return=minimal;q"]


@pytest.mark.parametrize("value", SPELLINGS)
def test_what_is_missing_is_left_out(tree, value):
    answer = tree.try_propfind("", "1", SOME, [("Prefer", value)])
    assert [[p.status for p in r.propstats] for r in answer.multistatus()] == [[200]] * 3
    assert applied(answer) == {"return=minimal"} and "Prefer" in answer.tokens("Vary")


def test_several_headers(tree):
    answer = tree.try_propfind("", "1", SOME, [("Prefer", "wait=1"), NO_ROOT, MINIMAL])
    assert [[p.status for p in r.propstats] for r in answer.multistatus()] == [[200]] * 2
    assert applied(answer) == {"return=minimal", "depth-noroot"}


OTHERS = ["return=representation", "return", "return=minimals", "minimal", "x;return=minimal", "=", ",;,", "\"\",\"\\",
          "return=representation, return=minimal"]


@pytest.mark.parametrize("value", OTHERS)
def test_other_preferences_change_nothing(tree, value):
    answer = tree.try_propfind("", "1", SOME, [("Prefer", value)])
    assert [[p.status for p in r.propstats] for r in answer.multistatus()] == [[200, 404]] * 3
    assert applied(answer) == set() and "Prefer" in answer.tokens("Vary")


def test_where_nothing_is_left_a_propstat_is_empty(tree):
    """RFC 8144, section 2.1: a response has at least one."""
    for response in tree.propfind("", "1", NONE, [MINIMAL]):
        assert [(p.status, p.props) for p in response.propstats] == [(200, {})]


def test_it_changes_no_allprop(tree):
    for body in (ALLPROP, PROPNAME, None):
        plain, minimal = (tree.try_propfind("", "1", body, headers).body for headers in ([], [MINIMAL]))
        assert plain == minimal


def test_vary_only_where_it_could_matter(tree):
    assert "Prefer" in tree.try_propfind("a.txt", "0", SOME).tokens("Vary")
    assert "Prefer" not in tree.try_propfind("a.txt", "0", ALLPROP).tokens("Vary")
    assert "Prefer" not in tree.get("a.txt").tokens("Vary")


def test_proppatch_that_goes_well_says_nothing(dav):
    dav.file("a.txt")
    answer = dav.proppatch("a.txt", ("set", prop("color", "red")), headers=[MINIMAL])
    assert (answer.status, answer.body, applied(answer)) == (200, b"", {"return=minimal"})
    assert dav.dead("a.txt") == {"color": "red"}
    answer = dav.proppatch("a.txt", ("set", prop("color", "blue") + "<D:getetag>x</D:getetag>"), headers=[MINIMAL])
    response, = answer.multistatus()
    assert {p.status for p in response.propstats} == {403, 424} and applied(answer) == set()
    assert dav.dead("a.txt") == {"color": "red"}
    assert dav.proppatch("a.txt", ("set", prop("color", "red"))).status == 207


def test_mkcol(dav):
    answer = dav.mkcol("new", MINIMAL)
    assert (answer.status, answer.body, applied(answer)) == (201, b"", {"return=minimal"})


# ---------------------------------------------------------------------------------------------- depth-noroot


@pytest.mark.parametrize("headers, depth", [([NO_ROOT], "1"), ([], "1,noroot"), ([], "1, noroot"), ([], "1,NoRoot"), ([NO_ROOT], "1,noroot")])
def test_members_only(tree, headers, depth):
    answer = tree.try_propfind("", depth, SOME, headers)
    assert sorted(answer.multistatus().hrefs) == [tree.url + "a.txt", tree.url + "sub/"]
    assert applied(answer) == {"depth-noroot"} and "Prefer" in answer.tokens("Vary")


@pytest.mark.parametrize("headers, depth", [([NO_ROOT], "infinity"), ([NO_ROOT], None), ([], "infinity,noroot")])
def test_members_of_all_levels(tree, headers, depth):
    answer = tree.try_propfind("", depth, ALLPROP, headers)
    assert sorted(answer.multistatus().hrefs) == [tree.url + "a.txt", tree.url + "sub/", tree.url + "sub/b.txt"]
    assert b"supportedlock" in answer.body


def test_at_depth_0_the_resource_is_all_that_there_is(tree):
    answer = tree.try_propfind("", "0", ALLPROP, [NO_ROOT])
    assert answer.multistatus().hrefs == [tree.url] and applied(answer) == set()
    assert tree.try_propfind("", "0,noroot", ALLPROP).status == 400
    assert tree.try_propfind("", "1,root", ALLPROP).status == 400


def test_a_file_has_no_members(tree):
    assert tree.try_propfind("a.txt", "1", ALLPROP, [NO_ROOT]).multistatus().hrefs == []


def test_the_root_does_not_count_where_answers_are_limited(dav_on):
    dav = dav_on(location="DavMultistatusMaxResponses 2")
    for name in "ab":
        dav.file(name)
    answer = dav.try_propfind("", "1", ALLPROP, [NO_ROOT]).multistatus()
    assert sorted(answer.hrefs) == ["/dav/a", "/dav/b"]
    dav.file("c")
    assert [r.status for r in dav.try_propfind("", "1", ALLPROP, [NO_ROOT]).multistatus()] == [None, None, 507]


def test_other_methods_take_no_noroot(dav):
    dav.folder("sub")
    assert dav.delete("sub", ("Depth", "infinity,noroot")).status == 400
    assert dav.delete("sub", NO_ROOT).status == 204


# ---------------------------------------------------------------------------------------------- return=representation

SHOWN = ("Prefer", "return=representation")


def shown(dav, answer, name, status, body):
    """What a GET would show, too."""
    assert (answer.status, answer.body) == (status, body), answer
    assert answer.get("Content-Location") == dav.url + name and applied(answer) == {"return=representation"}
    got = dav.get(name)
    assert [answer.get(h) for h in ("ETag", "Content-Type", "Last-Modified")] == [got.get(h) for h in ("ETag", "Content-Type", "Last-Modified")]


def test_put_shows_what_it_has_made(dav):
    shown(dav, dav.put("a%20b.html", b"<p>one", SHOWN), "a%20b.html", 201, b"<p>one")
    shown(dav, dav.put("a%20b.html", b"<p>two", SHOWN, ("Range", "bytes=0-1")), "a%20b.html", 200, b"<p>two")
    shown(dav, dav.put("a%20b.html", b"X", SHOWN, ("Content-Range", "bytes 0-0/*")), "a%20b.html", 200, b"Xp>two")
    shown(dav, dav.put("empty", b"", SHOWN), "empty", 201, b"")
    plain = dav.put("a%20b.html", b"<p>three")
    assert (plain.status, plain.body, plain.get("Content-Location")) == (204, b"", None)


def test_put_whose_conditions_fail_shows_what_is_there(dav):
    dav.file("a.txt", b"there")
    with dav.server.connect() as connection:
        for header in (("If-None-Match", "*"), ("If-Match", '"x"'), ("If", '(["x"])')):
            shown(dav, connection.ask("PUT", dav.url + "a.txt", [SHOWN, header], b"new"), "a.txt", 412, b"there")
            assert connection.ask("PUT", dav.url + "a.txt", [header], b"new").status == 412
        assert connection.ask("PUT", dav.url + "none", [SHOWN, ("If-Match", "*")], b"new").status == 412
    assert dav.tree() == {"a.txt": b"there"}


def test_what_a_client_may_not_get_is_not_shown(dav_on):
    dav = dav_on(location="<Limit GET>\nRequire all denied\n</Limit>")
    answer = dav.put("a.txt", b"x", SHOWN)
    assert (answer.status, applied(answer)) == (201, set()) and answer.body == b""
    answer = dav.put("a.txt", b"x", SHOWN, ("If-Match", '"x"'))
    assert answer.status == 412 and b"x" != answer.body and applied(answer) == set()


def test_what_another_handler_shows_is_left_to_it(dav_on):
    dav = dav_on(location="SetHandler server-status")
    answer = dav.put("a.txt", b"x", SHOWN)
    assert (answer.status, answer.body, applied(answer)) == (201, b"", set())
