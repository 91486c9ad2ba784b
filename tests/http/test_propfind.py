"""PROPFIND: depths, limits, headers, collections (RFC 4918 section 9.1)."""

import gzip

import pytest

from harness import ALLPROP, RESOURCETYPE, prop_body


@pytest.fixture
def tree(place):
    """a.txt, sub/, sub/b.txt, sub/deep/, sub/deep/c.txt"""
    place.file("a.txt")
    place.file("sub/b.txt")
    place.file("sub/deep/c.txt")
    return place


ONE_LEVEL = ["a.txt", "sub/"]
ALL_LEVELS = ["a.txt", "sub/", "sub/b.txt", "sub/deep/", "sub/deep/c.txt"]


# -- depth (9.1, 10.2)


def test_depth_0_is_the_resource_alone(tree):
    assert tree.list("0").hrefs == [tree.url]


def test_depth_0_on_a_file(tree):
    assert tree.propfind("a.txt", "0").hrefs == [tree.url + "a.txt"]


@pytest.mark.parametrize("depth", ["1", "infinity", None])
def test_any_depth_on_a_file_is_the_file_alone(tree, depth):
    assert tree.propfind("a.txt", depth).hrefs == [tree.url + "a.txt"]


def test_depth_1_is_the_collection_first_and_then_its_members(tree):
    answer = tree.list("1")
    assert answer.hrefs[0] == tree.url
    assert answer.below() == ONE_LEVEL


def test_depth_infinity_is_everything_below(tree):
    answer = tree.list("infinity")
    assert answer.hrefs[0] == tree.url
    assert answer.below() == ALL_LEVELS


def test_no_depth_means_infinity(tree):
    assert tree.list(None).below() == ALL_LEVELS


@pytest.mark.parametrize("depth", ["Infinity", "INFINITY", " infinity "])
def test_infinity_is_read_without_regard_to_case_or_space(tree, depth):
    assert tree.list(depth).below() == ALL_LEVELS


@pytest.mark.parametrize("depth", ["2", "-1", "01", "0,noroot", "2,noroot", "0 1", "inf", "one", "1;q=1", ""])
def test_a_depth_that_is_none_of_the_three_is_refused(tree, depth):
    answer = tree.try_propfind("", depth, RESOURCETYPE)
    assert answer.status == 400
    assert answer.body
    tree.server.wait_log(r"\[dav_multistatus:info\].*[Dd]epth")
    assert len(tree.list("1")) == 3


def test_two_depth_headers_are_refused(tree):
    assert tree.try_propfind("", None, RESOURCETYPE, [("Depth", "0"), ("Depth", "1")]).status == 400


def test_an_empty_folder_has_one_response(place):
    assert place.list("infinity").hrefs == [place.url]


def test_an_empty_sub_folder_is_listed_and_the_walk_goes_on(place):
    for name in ("a", "b/c", "d"):
        place.folder(name)
    assert place.list("infinity").below() == ["a/", "b/", "b/c/", "d/"]


def test_what_is_not_there_is_404(place):
    for name in ("nope", "nope/", "nope/below"):
        assert place.try_propfind(name).status == 404


def test_below_a_file_there_is_nothing(place):
    place.file("a.txt")
    for name in ("a.txt/x", "a.txt/"):
        assert place.try_propfind(name).status == 404


# -- DavMultistatusDepthInfinity


@pytest.fixture
def finite(httpd):
    place = httpd(location="DavMultistatusDepthInfinity Off")
    place.file("sub/a.txt")
    return place


@pytest.mark.parametrize("depth", ["infinity", None])
def test_infinity_can_be_refused(finite, depth):
    # 9.1: "Servers MAY return 403 with the propfind-finite-depth precondition"
    answer = finite.try_propfind("", depth, RESOURCETYPE)
    assert answer.status == 403
    assert answer.precondition() == ["propfind-finite-depth"]


def test_depth_0_and_1_are_answered_where_infinity_is_not(finite):
    assert len(finite.list("0")) == 1
    assert len(finite.list("1")) == 2


# -- DavMultistatusMaxResponses


@pytest.fixture
def limited(httpd):
    place = httpd(location="DavMultistatusMaxResponses 5")
    for folder in ("four", "five"):
        for i in range(4 if folder == "four" else 5):
            place.file(f"{folder}/f{i}")
    return place


def test_an_answer_at_the_limit_is_whole(limited):
    answer = limited.propfind("four/", "1", RESOURCETYPE)
    assert len(answer) == 5
    assert all(r.status is None for r in answer)


@pytest.mark.parametrize("name, depth", [("five/", "1"), ("", "infinity")])
def test_an_answer_over_the_limit_ends_with_507_for_the_request_url(limited, name, depth):
    answer = limited.propfind(name, depth, RESOURCETYPE)
    assert len(answer) == 6
    assert all(r.status is None for r in answer.responses[:5])
    last = answer[5]
    assert (last.href, last.status) == (limited.url + name, 507)
    assert [e.tag for e in last.error] == ["{DAV:}number-of-matches-within-limits"]


def test_no_limit_is_the_default(place):
    for i in range(300):
        place.file(f"f{i}")
    assert len(place.list("1")) == 301


# -- collections and their slash


def test_a_collection_s_href_ends_in_a_slash_and_a_file_s_does_not(tree):
    answer = tree.list("infinity")
    assert all(r.href.endswith("/") == r.is_collection for r in answer)
    assert {r.href for r in answer if r.is_collection} == {tree.url + n for n in ("", "sub/", "sub/deep/")}


@pytest.mark.parametrize("depth", ["0", "1", "infinity"])
def test_a_collection_without_its_slash_is_answered(tree, depth):
    # 5.2: a server may answer as if the slash were there, and then tells so in Content-Location.
    answer = tree.try_propfind("sub", depth, RESOURCETYPE)
    assert answer.status == 207
    assert answer.get("Content-Location").endswith(tree.url + "sub/")
    listed = answer.multistatus(tree.url + "sub")
    assert listed.hrefs == tree.propfind("sub/", depth, RESOURCETYPE).hrefs


def test_content_location_is_escaped(place):
    place.folder("a b%é")
    answer = place.try_propfind("a%20b%25%C3%A9")
    assert answer.get("Content-Location").upper().endswith(place.url.upper() + "A%20B%25%C3%A9".upper() + "/")
    assert answer.multistatus().hrefs[0].upper().endswith("/A%20B%25%C3%A9/".upper())


def test_no_content_location_with_the_slash_or_on_a_file(tree):
    assert tree.try_propfind("sub/").get("Content-Location") is None
    assert tree.try_propfind("a.txt").get("Content-Location") is None


@pytest.mark.parametrize("load_first", [True, False])
def test_no_redirect_whether_loaded_before_or_after_mod_dir(httpd, load_first):
    place = httpd(load_first=load_first)
    place.file("sub/index.html")
    assert place.propfind("sub", "1").names() == ["index.html"]


def test_a_browser_is_still_redirected_to_the_slash(tree):
    answer = tree.get("sub")
    assert answer.status == 301
    assert answer.get("Location").endswith("/sub/")


def test_an_index_file_does_not_stand_in_for_its_folder(place):
    place.file("index.html", b"<p>index")
    answer = place.list("1")
    assert answer[0].is_collection
    assert answer.names() == ["index.html"]


# -- the URL


def test_a_query_is_no_part_of_the_href(tree):
    assert tree.propfind("sub/?a=b", "1", RESOURCETYPE).hrefs[0] == tree.url + "sub/"


def test_an_absolute_request_target(tree):
    server = tree.server
    answer = server.try_propfind(f"http://127.0.0.1:{server.port}{tree.url}sub/", "1", RESOURCETYPE)
    assert answer.multistatus().hrefs[0].endswith(tree.url + "sub/")


def test_an_escaped_request_target_and_its_plain_twin_answer_the_same_hrefs(tree):
    plain = tree.propfind("sub/", "1", RESOURCETYPE)
    assert tree.propfind("%73u%62/", "1", RESOURCETYPE).hrefs == plain.hrefs


@pytest.mark.parametrize("target", ["..%2f..%2fetc/", "%2e%2e/%2e%2e/etc/", "sub/%00", "../../../etc/"])
def test_no_way_out_of_the_root(tree, target):
    answer = tree.try_propfind(target, "1", RESOURCETYPE)
    assert answer.status in (400, 403, 404, 405)
    assert b"passwd" not in answer.body
    tree.server.expect_log(r"AH00026|AH10244|AH01630|invalid URI path|found %2f")


# -- the answer's headers


def test_content_type_is_application_xml(place):
    assert place.try_propfind().get("Content-Type").replace('"', "").lower() == "application/xml; charset=utf-8"


@pytest.mark.parametrize("accept, wanted", [
    ("text/xml", "text/xml"),
    ("text/xml, application/xml;q=0.5", "text/xml"),
    ("application/xml;q=0.4, text/xml;q=0.8", "text/xml"),
    ("application/xml", "application/xml"),
    ("text/xml;q=0.5, application/xml", "application/xml"),
    ("text/xml, application/xml", "application/xml"),
    ("*/*", "application/xml"),
    ("text/html, application/xhtml+xml, */*;q=0.1", "application/xml"),
    ("text/xml;q=0", "application/xml"),
    ("no such thing;;q=x,,", "application/xml"),
])
def test_text_xml_where_accept_prefers_it(place, accept, wanted):
    answer = place.try_propfind("", headers=[("Accept", accept)])
    assert answer.status == 207
    assert answer.get("Content-Type").split(";")[0].lower() == wanted


def test_a_207_carries_no_entity_tag_or_date_of_the_resource(tree):
    answer = tree.try_propfind("a.txt", "0", ALLPROP)
    assert answer.get("ETag") is None
    assert answer.get("Last-Modified") is None


def test_a_207_through_mod_deflate(httpd):
    place = httpd(location="SetOutputFilter DEFLATE")
    for i in range(2000):
        place.file(f"file{i}")
    answer = place.try_propfind("", "1", ALLPROP, [("Accept-Encoding", "gzip")])
    assert answer.get("Content-Encoding") == "gzip"
    answer.body = gzip.decompress(answer.body)
    assert len(answer.multistatus()) == 2001


def test_http_1_0(tree):
    with tree.server.connect() as connection:
        answer = connection.ask("PROPFIND", tree.url, [("Depth", "infinity")], version="HTTP/1.0")
        assert answer.get("Transfer-Encoding") is None
        assert answer.multistatus(tree.url).below() == ALL_LEVELS


def test_many_requests_on_one_connection(tree):
    with tree.server.connect() as connection:
        for depth in ("0", "1", "infinity", "0"):
            answer = connection.ask("PROPFIND", tree.url, [("Depth", depth)], RESOURCETYPE)
            assert len(answer.multistatus(tree.url)) == {"0": 1, "1": 3, "infinity": 6}[depth]
        assert connection.ask("GET", tree.url + "a.txt").body == b"hello\n"


def test_pipelined_requests(tree):
    with tree.server.connect() as connection:
        for depth in ("1", "0", "infinity"):
            connection.send("PROPFIND", tree.url, [("Depth", depth)], RESOURCETYPE)
        counts = [len(connection.read_answer().multistatus(tree.url)) for _ in range(3)]
    assert counts == [3, 1, 6]


# -- access control that httpd itself enforces


def test_a_propfind_needs_the_password_that_its_location_needs(httpd):
    place = httpd(location="AuthType Basic\nAuthName x\nAuthUserFile /dev/null\nRequire valid-user",
                  conf='<Location "/dav/open/">\nRequire all granted\n</Location>')
    place.folder("open")
    with place.server.connect() as connection:
        # The body is read before the 401, or Windows breaks the connection.
        answer = connection.ask("PROPFIND", place.url, [("Depth", "1")], prop_body("resourcetype"))
        assert answer.status == 401
        assert connection.ask("PROPFIND", place.url + "open/", [("Depth", "1")], RESOURCETYPE).status == 207
