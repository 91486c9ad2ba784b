"""The value of each live property, against what the file system and httpd's own GET say (RFC 4918 section 15)."""

import datetime
import os
import re
import time

import pytest

from harness import ALLPROP, APACHE, PROPNAME, birth_time, http_date, prop_body


def rfc3339(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text), text
    return datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")).timestamp()


# -- from stat


def test_creationdate_is_the_birth_time_and_not_the_change_time(place):
    # 15.1
    path = place.file("a.txt")
    folder = place.folder("sub")
    os.utime(path, (1, 1))
    os.utime(folder, (1, 1))
    answer = place.propfind("", "1", prop_body("creationdate"))
    for name, where in (("a.txt", path), ("sub/", folder)):
        born = birth_time(where)
        if born is None:
            assert answer[name].locals(404) == {"creationdate"}
        else:
            assert rfc3339(answer[name].text("creationdate")) == born


def test_creationdate_stays_when_the_file_changes(place):
    path = place.file("a.txt")
    born = birth_time(path)
    if born is None:
        pytest.skip("no birth time on this file system")
    time.sleep(1.1)
    path.write_bytes(b"other")
    path.chmod(0o600)
    assert path.stat().st_ctime >= born + 1
    assert rfc3339(place.propfind("a.txt", body=prop_body("creationdate"))[0].text("creationdate")) == born


@pytest.mark.parametrize("size", [0, 1, 65536, 1234567])
def test_getcontentlength_is_the_size(place, size):
    # 15.4
    place.file("a.bin", b"x" * size)
    answer = place.propfind("", "1", prop_body("getcontentlength"))
    assert answer["a.bin"].text("getcontentlength") == str(size)
    assert place.get("a.bin").get("Content-Length") == str(size)


def test_getcontentlength_beyond_4_gib(place):
    path = place.file("sparse.bin")
    os.truncate(path, 5 * 2**30 + 7)
    assert place.propfind("sparse.bin", body=prop_body("getcontentlength"))[0].text("getcontentlength") == \
        str(5 * 2**30 + 7)


@pytest.mark.parametrize("seconds", [0, 1, 951782400, 1709210096, 1767225599])
def test_getlastmodified_is_the_modification_time(place, seconds):
    # 15.7, in the format of RFC 1123
    path = place.file("a.txt")
    folder = place.folder("sub")
    os.utime(path, ns=(0, seconds * 10**9 + 999999999))
    os.utime(folder, (seconds, seconds))
    answer = place.propfind("", "1", prop_body("getlastmodified"))
    assert answer["a.txt"].text("getlastmodified") == http_date(seconds)
    assert answer["sub/"].text("getlastmodified") == http_date(seconds)
    assert place.head("a.txt").get("Last-Modified") == http_date(seconds)


@pytest.mark.parametrize("mode, value", [(0o755, "T"), (0o644, "F"), (0o744, "T"), (0o444, "F")])
def test_executable(place, mode, value):
    place.file("a.sh", mode=mode)
    answer = place.propfind("", "1", prop_body((APACHE, "executable")))
    assert answer["a.sh"].text("executable", APACHE) == value


def test_resourcetype(place):
    # 15.9
    place.file("a.txt")
    place.folder("sub")
    answer = place.propfind("", "1", prop_body("resourcetype"))
    assert [e.tag for e in answer["sub/"].prop("resourcetype")] == ["{DAV:}collection"]
    assert len(answer["a.txt"].prop("resourcetype")) == 0
    assert not answer["a.txt"].text("resourcetype")


def test_displayname_is_the_name(place):
    place.file("a & b <c>.txt")
    place.folder("sub")
    answer = place.propfind("", "1", prop_body("displayname"))
    assert answer["a & b <c>.txt"].text("displayname") == "a & b <c>.txt"
    assert answer["sub/"].text("displayname") == "sub"
    assert answer[0].text("displayname") == place.path.name


def test_depth_0_and_a_listing_say_the_same(place):
    place.file("a.en.html")
    place.file("b.bin", b"x" * 70000, 0o755)
    place.folder("sub")
    listed = place.propfind("", "1", ALLPROP)
    for name in ("a.en.html", "b.bin", "sub/"):
        alone = place.propfind(name, "0", ALLPROP)[0]
        for tag, element in alone.props().items():
            assert listed[name].props()[tag].text == element.text, tag
        assert set(listed[name].props()) == set(alone.props())


SUPPORTED = "{DAV:}supportedlock"
EXPLORER = [("User-Agent", "Microsoft-WebDAV-MiniRedir/10.0.19045")]


@pytest.fixture
def lean(httpd):
    return httpd(conf='BrowserMatch "^Microsoft-WebDAV-MiniRedir" dav-multistatus-lean')


def test_what_is_the_same_everywhere_is_told_once_where_that_is_wanted(lean):
    place = lean
    place.file("a.txt")
    place.folder("sub")
    for body in (ALLPROP, None):
        assert [SUPPORTED in r.props() for r in place.propfind("", "1", body)] == [True, True, True]
        assert [SUPPORTED in r.props() for r in place.propfind("", "1", body, EXPLORER)] == [True, False, False]
        assert SUPPORTED in place.propfind("a.txt", "0", body, EXPLORER)[0].props()
    included = ALLPROP.replace("<D:allprop/>", "<D:allprop/><D:include><D:supportedlock/></D:include>")
    for body in (included, prop_body("supportedlock"), PROPNAME):
        assert all(SUPPORTED in r.props() for r in place.propfind("", "1", body, EXPLORER))


def test_1600_files_fit_into_what_explorer_reads(lean):
    """It shows nothing of an answer of more than 1,000,000 bytes, and sends no body."""
    for i in range(1600):
        lean.file(f"Report %20 of {i:04} \u00e9.docx", b"")
    answer = lean.try_propfind("", "1", None, EXPLORER)
    assert len(answer.multistatus().responses) == 1601 and len(answer.body) < 1_000_000


# -- the entity tag (15.6: the value of GET's ETag header)

ETAG = re.compile(r'"[\x21\x23-\x7e]+"')


@pytest.mark.parametrize("name", ["a.txt", "README", "a.unknown", "a.tar.gz", "a.html.en", ".hidden", "a%20b"])
def test_getetag_is_strong_and_the_one_of_get_and_head_from_the_first_moment(place, name):
    """With a content type and without one, which is another way through httpd."""
    for i in range(5):
        place.file(name.replace("%20", " "), b"x" * i)
        tag = place.propfind(name, body=prop_body("getetag"))[0].text("getetag")
        assert ETAG.fullmatch(tag), "a strong tag"
        assert place.get(name).get("ETag") == tag
        assert place.head(name).get("ETag") == tag
        assert place.get(name, ("If-None-Match", tag)).status == 304
        assert place.get(name, ("If-Match", tag)).status == 200


def test_get_first_then_propfind(place):
    place.file("a.txt")
    tag = place.get("a.txt").get("ETag")
    listed = place.propfind("", "1", prop_body("getetag"))
    assert listed["a.txt"].text("getetag") == tag


def test_getetag_stays_when_nothing_changes(place):
    place.file("a.txt")
    first = place.propfind("a.txt", body=prop_body("getetag"))[0].text("getetag")
    time.sleep(1.1)
    assert place.propfind("a.txt", body=prop_body("getetag"))[0].text("getetag") == first
    assert place.get("a.txt").get("ETag") == first


def etag(place, name="a.txt"):
    return place.propfind(name, body=prop_body("getetag"))[0].text("getetag")


def test_getetag_changes_with_each_write_even_of_the_same_size(place):
    tags = set()
    for i in range(10):
        place.file("a.txt", b"%d" % i)
        tags.add(etag(place))
    assert len(tags) == 10


def test_getetag_changes_when_another_file_of_the_same_size_and_time_takes_its_place(place):
    # As after `cp -p` or rsync: a strong tag must not be the same for other bytes.
    one, two = place.file("a.txt", b"one"), place.file("b.txt", b"two")
    os.utime(one, (10**9, 10**9))
    os.utime(two, (10**9, 10**9))
    before = etag(place)
    os.replace(two, one)
    assert etag(place) != before


def test_two_names_of_two_files_differ(place):
    place.file("a.txt", b"same")
    place.file("b.txt", b"diff")
    for name in ("a.txt", "b.txt"):
        os.utime(place.path / name, (10**9, 10**9))
    assert etag(place) != etag(place, "b.txt")


def test_fileetag_none_does_not_part_get_from_propfind(httpd):
    # Whatever FileETag says, the two show the same (or neither shows any).
    place = httpd(directory="Options Indexes\nFileETag None")
    place.file("a.txt")
    assert place.get("a.txt").get("ETag") == place.propfind("a.txt", body=prop_body("getetag"))[0].text("getetag")


# -- content type and language: what httpd itself would send

NAMES = ["a.txt", "a.html", "A.TXT", "a.png", "a.tar.gz", "a.txt.gz", "a.html.en", "a.en.html", "a.en.fr.html",
         "a.html.unknown", "a.unknown.html", "a.unknown", "plain", "txt", ".txt", "..txt", ".a.txt", "a.", "a..txt",
         "a.txt.", "a.utf8", "a.html.utf8.de", "a.de", "a.pt-br", "a.txt~", "a b.txt", "ä.html.fr", "a.xml", "a.x y",
         "a.special", "special.txt", "special.special", "x.info", "a.js.html", "forced-1.txt", "a.html.forced"]

TYPES = """
AddLanguage en .en
AddLanguage fr .fr
AddLanguage de .de
AddLanguage pt-BR .pt-br
AddCharset UTF-8 .utf8
AddEncoding x-gzip .gz
AddType application/x-special .special
<Files "special.txt">
    ForceType application/x-forced-file
</Files>
<FilesMatch "^forced-\\d">
    ForceType image/x-forced-match
</FilesMatch>
<Files "*.forced">
    ForceType text/x-wildcard
</Files>
"""


@pytest.fixture
def typed(httpd):
    def start(extra=""):
        place = httpd(directory="Options None\n" + TYPES + extra)
        for name in NAMES:
            place.file(name)
        return place
    return start


@pytest.mark.parametrize("extra", ["", "DefaultLanguage nl", "AddDefaultCharset utf-8", "ForceType text/x-all",
                                   "AddDefaultCharset On\nDefaultLanguage da"])
def test_type_and_language_are_those_of_get(typed, extra):
    place = typed(extra)
    answer = place.propfind("", "1", prop_body("getcontenttype", "getcontentlanguage"))
    wrong = {}
    for name in NAMES:
        get = place.server.get(answer[name].href)
        assert get.status == 200
        of_get = (get.get("Content-Type"), get.get("Content-Language"))
        of_propfind = (answer[name].text("getcontenttype"), answer[name].text("getcontentlanguage"))
        if of_get != of_propfind:
            wrong[name] = f"GET {of_get}, PROPFIND {of_propfind}"
    assert not wrong


def test_type_and_language_of_one_file_alone_are_those_of_get(typed):
    place = typed()
    for name in ("a.html.utf8.de", "special.txt", "plain", "forced-1.txt", "a.html.forced", "a.en.fr.html"):
        get = place.get(name)
        alone = place.propfind(name, body=prop_body("getcontenttype", "getcontentlanguage"))[0]
        assert alone.text("getcontenttype") == get.get("Content-Type")
        assert alone.text("getcontentlanguage") == get.get("Content-Language")


def test_types_that_a_sub_folder_has_of_its_own(httpd):
    place = httpd(conf='<Directory "{data}/sub">\nAddType text/x-sub .txt\n</Directory>\n'
                       '<Location "/dav/loc">\nAddType text/x-loc .txt\n</Location>')
    for name in ("a.txt", "loc/a.txt", "sub/a.txt", "z/a.txt"):
        place.file(name)
    answer = place.propfind("", "infinity", prop_body("getcontenttype"))
    for response in answer:
        if not response.href.endswith("/"):
            assert response.text("getcontenttype") == place.server.get(response.href).get("Content-Type")
    assert sorted(r.text("getcontenttype") for r in answer if not r.href.endswith("/")) == \
        ["text/plain", "text/plain", "text/x-loc", "text/x-sub"]


def test_many_extensions_in_one_listing(place):
    for i in range(300):
        place.file(f"f.ext{i}")
        place.file(f"f{i}.txt")
    answer = place.propfind("", "1", prop_body("getcontenttype"))
    assert all(answer[f"f{i}.txt"].text("getcontenttype") == "text/plain" for i in range(300))
    assert all(answer[f"f.ext{i}"].text("getcontenttype") is None for i in range(300))


@pytest.mark.no_sanitizer
@pytest.mark.alone
def test_the_type_is_not_asked_of_httpd_once_a_member(httpd, big_folders):
    # A subrequest a member would cost 10 µs and more: with the type may not cost thrice what it costs without.
    server = httpd(data=big_folders).server

    def seconds(name):
        best = 99
        for _ in range(3):
            start = time.monotonic()
            server.try_propfind("/dav/many/", "1", prop_body("getcontentlength", name))
            best = min(best, time.monotonic() - start)
        return best
    assert seconds("getcontenttype") < 3 * seconds("getlastmodified")
