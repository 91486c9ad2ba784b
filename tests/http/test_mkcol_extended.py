"""Extended MKCOL (RFC 5689): a collection with properties from birth, or none at all; and its time by X-OC-Mtime."""

import pytest
from lxml import etree

import harness
from harness import check_prefixes
from writing import NS, prop

COLLECTION = "<D:resourcetype><D:collection/></D:resourcetype>"
TYPED = [("Content-Type", "application/xml")]


def mkcol_body(*props, root="mkcol"):
    inner = "".join(f"<D:set><D:prop>{xml}</D:prop></D:set>" for xml in props)
    return f'<?xml version="1.0" encoding="utf-8"?><D:{root} xmlns:D="DAV:">{inner}</D:{root}>'


def make(dav, name, *props, headers=(), **kw):
    return dav.ask("MKCOL", name, [*TYPED, *headers], mkcol_body(*props, **kw))


def told(answer):
    """{local name: (status, precondition)} of a mkcol-response."""
    root = etree.fromstring(answer.body)
    check_prefixes(root)
    assert root.tag == "{DAV:}mkcol-response"
    found = {}
    for propstat in map(harness.Propstat, root):
        for tag in propstat.props:
            assert tag not in found
            error = None if propstat.error is None else etree.QName(propstat.error[0]).localname
            found[etree.QName(tag).localname] = (propstat.status, error)
    return found


# -- what goes well


def test_properties_from_birth(dav):
    answer = make(dav, "new/", COLLECTION + "<D:displayname>New one</D:displayname>" + prop("color", "<b>red</b>"))
    assert (answer.status, answer.body) == (201, b"")
    response = dav.propfind("new/")[0]
    assert response.is_collection and response.text("displayname") == "New one"
    assert dav.value("new/", "{%s}color" % NS)[0].text == "red"
    assert make(dav, "new/").status == 405


@pytest.mark.parametrize("label", ["text/xml", "text/plain", None])
def test_a_body_is_what_its_bytes_are(dav, label):
    headers = [("Content-Type", label)] if label else []
    assert dav.ask("MKCOL", "new", headers, mkcol_body(prop("color", "red"))).status == 201
    assert dav.dead("new/") == {"color": "red"}


def test_without_any_property(dav):
    for i, props in enumerate([(), ("",), (COLLECTION,)]):
        assert make(dav, f"new{i}", *props).status == 201
        assert dav.disk(f"new{i}").is_dir()


def test_the_last_value_counts_and_nothing_is_removed(dav):
    body = mkcol_body(prop("a", "1"), prop("a", "2")).replace(
        "</D:mkcol>", f"<D:remove><D:prop>{prop('a')}</D:prop></D:remove></D:mkcol>")
    assert dav.ask("MKCOL", "new", TYPED, body).status == 201
    assert dav.dead("new/") == {"a": "2"}


def test_representation_tells_of_each(dav):
    answer = make(dav, "new", COLLECTION + prop("color", "red"), headers=[("Prefer", "return=representation")])
    assert answer.status == 201 and answer.get("Preference-Applied") == "return=representation"
    assert told(answer) == {"resourcetype": (200, None), "color": (200, None)}


def test_it_is_advertised(dav):
    assert "extended-mkcol" in dav.ask("OPTIONS", "").tokens("DAV")


# -- what does not

REFUSED = [
    ("<D:resourcetype><D:collection/><x:calendar xmlns:x='urn:x'/></D:resourcetype>", "resourcetype", 403, "valid-resourcetype"),
    ("<D:resourcetype><x:thing xmlns:x='urn:x'/></D:resourcetype>", "resourcetype", 403, "valid-resourcetype"),
    ("<D:resourcetype/>", "resourcetype", 403, "valid-resourcetype"),
    ("<D:getetag>x</D:getetag>", "getetag", 403, "cannot-modify-protected-property"),
    ("<w:Win32LastModifiedTime xmlns:w='urn:schemas-microsoft-com:'>never</w:Win32LastModifiedTime>", "Win32LastModifiedTime", 409, None)]


@pytest.mark.parametrize("xml, local, status, condition", REFUSED)
def test_all_or_none(dav, xml, local, status, condition):
    for headers in ([], [("Prefer", "return=minimal")]):
        answer = make(dav, "new", prop("color", "red"), xml, prop("size", "1"), headers=headers)
        assert answer.status == status and answer.get("Preference-Applied") is None
        assert told(answer) == {"color": (424, None), local: (status, condition), "size": (424, None)}
        assert dav.tree() == {}
    assert make(dav, "new").status == 201 and dav.dead("new/") == {}


@pytest.mark.parametrize("body, status", [("<D:set xmlns:D='DAV:'/>", 415), ("<mkcol/>", 415), ("no XML", 415), ("<a>", 400),
                                          ("<!DOCTYPE a><a/>", 403), (mkcol_body(*[prop("n", "1")] * 2001), 507)])
def test_other_bodies(dav, body, status):
    with dav.server.connect() as connection:
        assert connection.ask("MKCOL", dav.url + "new", TYPED, body).status == status
        if status != 400:  # which ends a connection
            assert connection.ask("GET", dav.url + "none").status == 404
    assert dav.tree() == {}


def test_what_else_stands_in_its_way(dav):
    dav.file("a.txt")
    assert make(dav, "a.txt", prop("color", "red")).status == 405
    assert make(dav, "missing/new", prop("color", "red")).status == 409
    assert make(dav, "new", prop("color", "red"), headers=[("If", "(<urn:x>)")]).status == 412
    assert dav.tree() == {"a.txt": b"hello\n"} and dav.dead("a.txt") == {}


def test_its_bounds_are_those_of_proppatch(dav_on):
    dav = dav_on(location="DavMultistatusMaxProperties 2\nLimitXMLRequestBody 0")
    assert make(dav, "new", prop("a", "1") + prop("b", "2") + prop("c", "3")).precondition() == ["quota-not-exceeded"]
    assert make(dav, "new", prop("a", "x" * 1_200_000)).status == 507
    assert dav.tree() == {}
    assert make(dav, "new", prop("a", "1") + prop("b", "2")).status == 201
    assert make(dav, "more", prop("a", "1")).status == 507
    assert list(dav.tree()) == ["new"]


def test_who_may_not_set_properties(dav_on):
    dav = dav_on(location="<Limit PROPPATCH>\nRequire all denied\n</Limit>")
    assert make(dav, "new", prop("color", "red")).status == 403
    assert dav.tree() == {}
    assert make(dav, "new").status == 201


# -- times


def test_its_time(dav):
    answer = dav.mkcol("new", ("X-OC-Mtime", "1500000000"))
    assert (answer.status, answer.get("X-OC-MTime")) == (201, "accepted")
    assert dav.disk("new").stat().st_mtime == 1500000000
    time = "<w:Win32LastModifiedTime xmlns:w='urn:schemas-microsoft-com:'>%s</w:Win32LastModifiedTime>" % harness.http_date(1234567890)
    assert make(dav, "more", time).status == 201
    assert dav.disk("more").stat().st_mtime == 1234567890
    assert dav.mkcol("missing/new", ("X-OC-Mtime", "1500000000")).get("X-OC-MTime") is None
