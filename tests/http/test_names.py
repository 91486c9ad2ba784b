"""Every name that a file can have is listed, and its href leads back to it (RFC 4918 sections 8.3, 5.2)."""

import os

import pytest

from harness import ALLPROP, RESOURCETYPE, last_name, prop_body

NAMES = [
    b"a b", b" leading", b"trailing ", b"a&b", b"a%b", b"a%41b", b"%41", b"%", b"%%", b"%00", b"%2f", b"a+b", b"a<b>c",
    b"]]>", b"<!--", b"a\"b", b"a'b", b"a#b", b"a?b", b"a;b", b"a;b=c", b"a:b", b"http:x", b"a\\b", b"a|b", b"a^b`{}[]~",
    b"(a)", b"a!*$,=@", b"-dash", b"--", b".dot", b"..two", b"...", b"a..", b"&amp;", b"&#65;", b"*", b"{DAV:}x",
    "é.txt".encode(), "e\u0301.txt".encode(), "漢字".encode(), "😀".encode(), "\u0085\u2028".encode(), "\ufffd".encode(),
    b"\xff\xfe", b"latin-\xe9", b"cut-\xc3", b"\x80", b"overlong-\xc0\xaf", b"surrogate-\xed\xa0\x80",
    b"beyond-\xf4\x90\x80\x80", b"nonchar-\xef\xbf\xbe", b"nonchar-\xef\xbf\xbf",
    b"\x01", b"a\x1fb", b"\x7f", b"a\nb", b"\n", b"a\rb", b"a\tb", b"\x1b[31m", bytes(range(1, 32)),
    b"n" * 255, "é".encode() * 127, b"%" * 255, b"\xff" * 255, b"&" * 255, b"\x01" * 255,
]

ids = [repr(n)[2:-1][:30] for n in NAMES]


@pytest.fixture(scope="module")
def content():
    return {name: b"content of " + name for name in NAMES}


def test_all_of_them_are_listed_and_lead_back(place, content):
    for name in NAMES:
        place.file(name, content[name])
    answer = place.propfind("", "1", ALLPROP)
    assert sorted(last_name(r.path) for r in answer.responses[1:]) == sorted(NAMES)
    with place.server.connect() as connection:
        for response in answer.responses[1:]:
            got = connection.ask("GET", response.href)
            assert (got.status, got.body) == (200, content[last_name(response.path)]), response.href


@pytest.mark.parametrize("name", NAMES, ids=ids)
def test_one_file_by_its_href(place, name):
    place.file(name, b"hello")
    href = place.list("1")[1].href
    answer = place.server.propfind(href, "0", prop_body("getcontentlength"))
    assert answer[0].href == href
    assert answer[0].text("getcontentlength") == "5"
    assert place.server.get(href).body == b"hello"


@pytest.mark.parametrize("name", NAMES, ids=ids)
def test_one_folder_by_its_href_and_what_it_holds(place, name):
    os.mkdir(os.path.join(os.fsencode(place.path), name))
    with open(os.path.join(os.fsencode(place.path), name, b"in"), "wb") as f:
        f.write(b"inside")
    listed = place.list("infinity")
    href = listed[1].href
    assert listed.hrefs[1:] == [href, href + "in"]
    assert place.server.propfind(href, "1", RESOURCETYPE).hrefs == [href, href + "in"]
    assert place.server.get(href + "in").body == b"inside"


def xml_can_carry(name):
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(c in "\t\n\r" or 0x20 <= ord(c) < 0xfffe or ord(c) > 0xffff for c in text)


@pytest.mark.parametrize("name", [n for n in NAMES if xml_can_carry(n)],
                         ids=[i for n, i in zip(NAMES, ids) if xml_can_carry(n)])
def test_displayname_is_the_very_name_where_xml_can_carry_it(place, name):
    place.file(name)
    assert place.propfind("", "1", prop_body("displayname"))[1].text("displayname") == name.decode()


def test_an_href_escapes_no_more_than_it_must(place):
    # Old GNOME chokes on %28; RFC 3986 allows all of these in a path.
    place.file("a-b_c.d~e(f)g!h*i,j=k@l:m$n+o")
    assert place.list("1")[1].href == place.url + "a-b_c.d~e(f)g!h*i,j=k@l:m$n+o"


def test_the_asked_url_and_the_listed_one_are_spelt_alike(place):
    # A client compares them as strings.
    place.file("a(b)é&'.txt")
    href = place.list("1")[1].href
    assert place.server.propfind(href, "0")[0].href == href


def test_a_deep_path_of_long_names(place):
    # Deeper than PATH_MAX: listed or told off, but the rest is there, and nothing breaks.
    place.file("z.txt")
    fd = os.open(place.path, os.O_RDONLY)
    try:
        for _ in range(25):
            os.mkdir("d" * 200, dir_fd=fd)
            next_fd = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = next_fd
    finally:
        os.close(fd)
    place.server.expect_log("AH00127|File name too long")  # httpd's own core, where it maps the URL
    answer = place.list("infinity")
    assert "z.txt" in answer.names()
    assert len(answer) > 18
    for response in answer:
        assert response.status is None or 400 <= response.status < 600


def test_folders_a_hundred_and_fifty_deep(place):
    place.folder("/".join("d" * 150))
    place.file("z.txt")
    answer = place.list("infinity")
    assert len(answer) == 152
    assert all(r.status is None for r in answer)


def test_where_a_walk_goes_no_deeper_it_says_so(place):
    place.folder("/".join("d" * 600))
    place.file("z.txt")
    answer = place.list("infinity")
    assert "z.txt" in answer.names()
    cut = [r for r in answer if r.status is not None]
    assert len(answer) == 602 or (len(cut) == 1 and cut[0].status >= 400)
