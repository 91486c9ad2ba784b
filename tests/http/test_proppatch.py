"""PROPPATCH (RFC 4918, section 9.2): statuses, document order, all or none, and the live properties that can be set.
What becomes of values is in test_dead_properties.py."""

import os
import time

import pytest
from lxml import etree

from harness import APACHE, ALLPROP, http_date
from writing import NS, prop, shape, update_body

D = "{DAV:}"
MS = "urn:schemas-microsoft-com:"
LIVE = ["creationdate", "getcontentlanguage", "getcontentlength", "getcontenttype", "getetag", "getlastmodified",
        "resourcetype"]


@pytest.fixture
def file(dav):
    dav.file("a.txt", b"content")
    return dav


def dav_prop(local, text=""):
    return f"<D:{local}>{text}</D:{local}>"


# -- what goes well


def test_set_and_remove(file):
    answer = file.proppatch("a.txt", ("set", prop("color", "red")))
    response, = answer.multistatus(file.url + "a.txt")
    assert response.href == file.url + "a.txt"
    assert list(response.props(200)) == ["{%s}color" % NS]
    assert shape(response.props(200)["{%s}color" % NS]) == ("{%s}color" % NS, (), "", ())  # the name alone
    assert file.dead("a.txt") == {"color": "red"}
    response = file.patched("a.txt", ("remove", prop("color")))
    assert list(response.props(200)) == ["{%s}color" % NS] and len(response.propstats) == 1
    assert file.dead("a.txt") == {}


def test_many_in_one(file):
    file.set("a.txt", a="1", b="2", c="3")
    response = file.patched("a.txt", ("set", prop("a", "one") + prop("d", "four")), ("remove", prop("b")))
    assert len(response.propstats) == 1 and len(response.props(200)) == 3
    assert file.dead("a.txt") == {"a": "one", "c": "3", "d": "four"}


@pytest.mark.parametrize("steps, result", [
    ([("set", prop("x", "1")), ("remove", prop("x"))], {}),
    ([("remove", prop("x")), ("set", prop("x", "1"))], {"x": "1"}),
    ([("set", prop("x", "1")), ("set", prop("x", "2"))], {"x": "2"}),
    ([("set", prop("x", "1") + prop("x", "2"))], {"x": "2"}),
    ([("set", prop("x", "1")), ("remove", prop("x")), ("set", prop("x", "3")), ("remove", prop("y")),
      ("set", prop("y", "4"))], {"x": "3", "y": "4"})])
def test_document_order(file, steps, result):
    file.set("a.txt", x="old", y="old") if len(steps) > 2 else None
    response = file.patched("a.txt", *steps)  # also checks that no property is there twice in the answer
    assert [p.status for p in response.propstats] == [200]
    assert file.dead("a.txt") == result


def test_removing_what_is_not_there_goes_well(file):
    assert [p.status for p in file.patched("a.txt", ("remove", prop("never"))).propstats] == [200]


@pytest.mark.parametrize("name", ["sub/", "sub", ""])
def test_of_a_collection(dav, name):
    dav.folder("sub")
    answer = dav.proppatch(name, ("set", prop("color", "red")))
    response, = answer.multistatus(dav.url + name)
    assert response.href.endswith("/") and response.href == dav.url + ("sub/" if name else "")
    assert dav.dead(name) == {"color": "red"}


def test_of_the_root(dav_on):
    dav = dav_on()
    dav.file("a.txt")
    dav.set("", color="red")
    assert dav.dead() == {"color": "red"}
    assert dav.dead("", "1") == {"": {"color": "red"}, "a.txt": {}}


def test_what_is_no_instruction_is_ignored(file):
    body = ('<D:propertyupdate xmlns:D="DAV:" xmlns:n="%s"><n:other><D:prop><n:a/></D:prop></n:other><D:set n:x="1">'
            '<n:b/><D:prop><n:color>red</n:color></D:prop></D:set></D:propertyupdate>' % NS)
    assert set(file.patched("a.txt", body=body).props(200)) == {"{%s}color" % NS}
    assert file.dead("a.txt") == {"color": "red"}


def test_the_content_stays(file):
    before = (file.etag("a.txt"), file.disk("a.txt").stat().st_mtime_ns, file.disk("a.txt").stat().st_ino)
    file.set("a.txt", color="red")
    assert before == (file.etag("a.txt"), file.disk("a.txt").stat().st_mtime_ns, file.disk("a.txt").stat().st_ino)
    assert file.tree() == {"a.txt": b"content"}


def test_utf_16(file):
    body = update_body(("set", prop("color", "größer \U0001f600"))).replace("utf-8", "utf-16").encode("utf-16")
    file.patched("a.txt", body=body)
    assert file.dead("a.txt") == {"color": "größer \U0001f600"}


# -- what is refused whole


@pytest.mark.parametrize("body", [
    b"", b"no xml", b"<a>", b'<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>', b"<propertyupdate/>",
    b'<D:propertyupdate xmlns:D="DAV:"/>', b'<D:propertyupdate xmlns:D="DAV:"><D:set/></D:propertyupdate>',
    b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop/></D:set></D:propertyupdate>',
    b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><n:a/></D:prop></D:set></D:propertyupdate>',
    update_body(("set", prop("a", "1"))).encode()[:-3]])
def test_a_bad_body_is_400(file, body):
    file.set("a.txt", color="red")
    assert file.proppatch("a.txt", body=body).status == 400
    assert file.dead("a.txt") == {"color": "red"}


def test_no_resource_is_404(dav):
    dav.file("file")
    for name in ("missing", "missing/", "missing/deep", "file/below"):
        assert dav.proppatch(name, ("set", prop("color", "red"))).status == 404, name
    assert dav.tree() == {"file": b"hello\n"}


def test_limit_xml_request_body_is_413(dav_on):
    dav = dav_on(location="LimitXMLRequestBody 2000")
    dav.server.expect_log("AH0")
    dav.file("a.txt")
    assert dav.proppatch("a.txt", ("set", prop("color", "x" * 3000))).status == 413
    assert dav.dead("a.txt") == {}
    dav.set("a.txt", color="x" * 1000)


def test_a_document_type_is_refused(file):
    body = b'<!DOCTYPE a><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a/></D:prop></D:set></D:propertyupdate>'
    assert file.proppatch("a.txt", body=body).status in (400, 403)
    assert file.value("a.txt", "a") is None


# -- protected properties


@pytest.mark.parametrize("verb", ["set", "remove"])
@pytest.mark.parametrize("local", LIVE)
def test_a_protected_property_is_403_and_the_rest_424(file, verb, local):
    file.set("a.txt", keep="old", gone="old")
    before = file.propfind("a.txt", body=ALLPROP)[0].props()
    response = file.patched("a.txt", ("set", prop("keep", "new") + prop("more", "new")), (verb, dav_prop(local, "1")),
                            ("remove", prop("gone")))
    assert {p.status: set(p.props) for p in response.propstats} == {
        403: {D + local}, 424: {"{%s}%s" % (NS, n) for n in ("keep", "more", "gone")}}
    error = next(p for p in response.propstats if p.status == 403).error
    assert [e.tag for e in error] == [D + "cannot-modify-protected-property"]
    assert next(p for p in response.propstats if p.status == 424).error is None
    after = file.propfind("a.txt", body=ALLPROP)[0].props()
    assert {t: etree.tostring(e) for t, e in before.items()} == {t: etree.tostring(e) for t, e in after.items()}


def test_two_protected_properties_share_a_propstat(file):
    response = file.patched("a.txt", ("set", dav_prop("getetag") + dav_prop("resourcetype")))
    assert [(p.status, set(p.props)) for p in response.propstats] == [(403, {D + "getetag", D + "resourcetype"})]


def test_executable_is_protected(file):
    response = file.patched("a.txt", ("set", prop("executable", "T", APACHE)))
    assert [p.status for p in response.propstats] == [403]
    assert not file.disk("a.txt").stat().st_mode & 0o111


# -- displayname


def test_displayname_can_be_set_and_removed(file):
    def displayname():
        return file.propfind("", "1", ALLPROP)["a.txt"].text("displayname"), file.value("a.txt", D + "displayname").text
    assert displayname() == ("a.txt", "a.txt")
    assert file.patched("a.txt", ("set", dav_prop("displayname", "Größe &lt;1&gt;"))).locals() == {"displayname"}
    assert displayname() == ("Größe <1>", "Größe <1>")
    assert file.patched("a.txt", ("remove", dav_prop("displayname"))).locals() == {"displayname"}
    assert displayname() == ("a.txt", "a.txt")


def test_displayname_of_a_collection(dav):
    dav.folder("sub")
    dav.patched("sub/", ("set", dav_prop("displayname", "Chosen")))
    assert dav.value("sub/", D + "displayname").text == "Chosen"
    assert dav.propfind("", "1", ALLPROP)["sub/"].text("displayname") == "Chosen"
    names = dav.propfind("", "1", '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>')["sub/"]
    assert "displayname" in names.locals()


# -- the modification time

PAST = 1500000000


def test_getlastmodified_is_protected_by_default(file):
    before = file.disk("a.txt").stat().st_mtime_ns
    assert [p.status for p in file.patched("a.txt", ("set", dav_prop("getlastmodified", http_date(PAST)))).propstats] == [403]
    assert file.disk("a.txt").stat().st_mtime_ns == before


def test_getlastmodified_where_it_is_allowed(dav_on):
    dav = dav_on(location="DavMultistatusSetModified On")
    dav.file("a.txt")
    dav.folder("sub")
    for name in ("a.txt", "sub/"):
        response = dav.patched(name, ("set", dav_prop("getlastmodified", http_date(PAST)) + prop("color", "red")))
        assert [p.status for p in response.propstats] == [200]
        assert dav.disk(name).stat().st_mtime == PAST
        assert dav.value(name, D + "getlastmodified").text == http_date(PAST)
        assert dav.dead(name) == {"color": "red"}
    response = dav.patched("a.txt", ("set", dav_prop("getlastmodified", "soon") + prop("color", "blue")))
    assert {p.status: set(p.props) for p in response.propstats} == {
        409: {D + "getlastmodified"}, 424: {"{%s}color" % NS}}
    response = dav.patched("a.txt", ("set", dav_prop("getlastmodified", http_date(PAST + 9)) + dav_prop("getetag", "x")))
    assert {p.status: set(p.props) for p in response.propstats} == {
        403: {D + "getetag"}, 424: {D + "getlastmodified"}}
    assert [p.status for p in dav.patched("a.txt", ("remove", dav_prop("getlastmodified"))).propstats] == [403]
    assert dav.disk("a.txt").stat().st_mtime == PAST and dav.dead("a.txt") == {"color": "red"}


def test_win32_times(file):
    date = http_date(PAST)
    locals_ = ["Win32CreationTime", "Win32LastAccessTime", "Win32LastModifiedTime", "Win32FileAttributes"]
    xml = "".join(prop(n, "00000020" if n.endswith("Attributes") else date, MS) for n in locals_)
    response = file.patched("a.txt", ("set", xml))
    assert set(response.props(200)) == {"{%s}%s" % (MS, n) for n in locals_} and len(response.propstats) == 1
    assert file.disk("a.txt").stat().st_mtime == PAST
    assert file.value("a.txt", "{%s}Win32LastModifiedTime" % MS).text == date
    assert file.value("a.txt", "{%s}Win32FileAttributes" % MS).text == "00000020"
    response = file.patched("a.txt", ("set", prop("Win32LastModifiedTime", http_date(PAST + 9), MS) + dav_prop("getetag")))
    assert {p.status for p in response.propstats} == {403, 424}
    assert file.disk("a.txt").stat().st_mtime == PAST
    assert [p.status for p in file.patched("a.txt", ("remove", prop("Win32LastModifiedTime", "", MS))).propstats] == [403]
    assert file.disk("a.txt").stat().st_mtime == PAST


def test_win32_facts_are_those_of_the_file(file):
    """Windows shows them before getlastmodified: kept beside it, they would be wrong when another client has written."""
    modified, created, attributes = (f"{{{MS}}}Win32{n}" for n in ("LastModifiedTime", "CreationTime", "FileAttributes"))
    file.folder("sub")
    assert (file.value("a.txt", attributes).text, file.value("sub", attributes).text) == ("00000020", "00000010")
    assert file.value("a.txt", created).text.endswith(" GMT")
    file.patched("a.txt", ("set", prop("Win32LastModifiedTime", http_date(PAST), MS)))
    assert not file.propfind("a.txt", body=ALLPROP)[0].props().get(modified)
    file.put("a.txt", b"later")
    assert file.value("a.txt", modified).text == file.value("a.txt", "{DAV:}getlastmodified").text != http_date(PAST)
    assert [p.status for p in file.patched("a.txt", ("set", prop("Win32LastModifiedTime", "yesterday", MS))).propstats] == [409]


@pytest.mark.root
def test_a_time_that_can_not_be_set_undoes_all(file):
    """The file is root's: its time is not the server's to set."""
    os.chown(file.disk("a.txt"), 0, 0)
    answer = file.proppatch("a.txt", ("set", prop("color", "red") + prop("Win32LastModifiedTime", http_date(PAST), MS)))
    assert answer.status in (207, 403)
    if answer.status == 207:
        response, = answer.multistatus(file.url + "a.txt")
        assert {p.status for p in response.propstats} == {403, 424}
    assert file.dead("a.txt") == {}
    assert abs(file.disk("a.txt").stat().st_mtime - time.time()) < 60
