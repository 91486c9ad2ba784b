"""What a propfind body may ask, and how each question is answered (RFC 4918 sections 9.1, 14.20, 17)."""

import pytest

from harness import ALLPROP, APACHE, DAV, PROPNAME, XML, prop_body

LIVE = {"creationdate", "displayname", "getcontentlength", "getcontenttype", "getetag", "getlastmodified",
        "resourcetype"}


@pytest.fixture
def files(place):
    place.file("a.txt")
    place.folder("sub")
    return place


def wrap(inner, declarations=""):
    return f'<D:propfind xmlns:D="DAV:"{declarations}>{inner}</D:propfind>'


# -- the three questions


def test_prop_answers_what_was_asked_and_no_more(files):
    answer = files.propfind("a.txt", body=prop_body("getetag", "getcontentlength"))
    assert [p.status for p in answer[0].propstats] == [200]
    assert answer[0].locals() == {"getetag", "getcontentlength"}


def test_allprop_has_every_live_property_and_no_404(files):
    answer = files.propfind("", "1", ALLPROP)
    assert LIVE <= answer["a.txt"].locals()
    assert {"creationdate", "displayname", "getlastmodified", "resourcetype"} <= answer["sub/"].locals()
    assert all([p.status for p in r.propstats] == [200] for r in answer)


def test_propname_has_names_without_values(files):
    answer = files.propfind("", "1", PROPNAME)
    for response in answer:
        assert [p.status for p in response.propstats] == [200]
        assert all(len(e) == 0 and not e.text for e in response.props().values())
    assert LIVE <= answer["a.txt"].locals()
    assert "resourcetype" in answer["sub/"].locals()


def test_each_name_of_propname_has_a_value_when_asked(files):
    for name in ("a.txt", "sub/"):
        tags = files.propfind(name, body=PROPNAME)[0].props()
        pairs = [tuple(t[1:].split("}")) for t in tags]
        again = files.propfind(name, body=prop_body(*pairs))
        assert set(again[0].props()) == set(tags)


def test_allprop_names_are_propname_names(files):
    for name in ("a.txt", "sub/"):
        allprop = set(files.propfind(name, body=ALLPROP)[0].props())
        assert allprop <= set(files.propfind(name, body=PROPNAME)[0].props())


def test_include_adds_to_allprop(files):
    # 9.1.6: "include" names properties that allprop leaves out, and unknown ones come back as 404.
    body = wrap('<D:allprop/><D:include><D:getetag/><x:executable xmlns:x="%s"/><x:b xmlns:x="urn:x"/></D:include>'
                % APACHE)
    response = files.propfind("a.txt", body=body)[0]
    assert LIVE <= response.locals()
    assert "{%s}executable" % APACHE in response.props()
    assert set(response.props(404)) == {"{urn:x}b"}


# -- nothing asked is allprop


def test_no_body_is_allprop(files):
    assert LIVE <= files.propfind("a.txt")[0].locals()


@pytest.mark.parametrize("headers", [[("Content-Length", "0")],
                                     [("Content-Length", "0"), ("Content-Type", "text/xml")]])
def test_an_empty_body_is_allprop(files, headers):
    assert LIVE <= files.propfind("a.txt", headers=headers)[0].locals()


def test_an_empty_chunked_body_is_allprop(files):
    assert LIVE <= files.propfind("a.txt", chunks=[])[0].locals()


# -- how the body may come


def test_a_body_without_content_type(files):
    # rclone sends none.
    answer = files.ask("PROPFIND", "a.txt", [("Depth", "0")], prop_body("getetag"))
    assert answer.multistatus()[0].locals() == {"getetag"}


@pytest.mark.parametrize("content_type", [
    "text/xml", "application/xml", "TEXT/XML", 'text/xml; charset="utf-8"', "application/xml;charset=utf-8",
    "application/davmount+xml"])
def test_an_xml_content_type(files, content_type):
    answer = files.propfind("a.txt", body=prop_body("getetag"), headers=[("Content-Type", content_type)])
    assert answer[0].locals() == {"getetag"}


def test_a_chunked_body(files):
    body = prop_body("getetag").encode()
    answer = files.propfind("a.txt", headers=[("Content-Type", "text/xml")], chunks=[body[:7], body[7:60], body[60:]])
    assert answer[0].locals() == {"getetag"}


def test_a_body_one_byte_a_chunk(files):
    body = prop_body("getetag", ("urn:é", "é")).encode()
    answer = files.propfind("a.txt", headers=[("Content-Type", "text/xml")], chunks=[bytes([b]) for b in body])
    assert answer[0].locals() == {"getetag"}
    assert set(answer[0].props(404)) == {"{urn:é}é"}


def test_a_client_that_waits_for_100_continue(files):
    body = prop_body("getetag").encode()
    with files.server.connect() as connection:
        connection.send_head("PROPFIND", files.url + "a.txt", [
            ("Depth", "0"), ("Expect", "100-continue"), ("Content-Length", str(len(body)))])
        assert connection.read_line().startswith(b"HTTP/1.1 100")
        assert connection.read_line() == b""
        connection.socket.sendall(body)
        assert connection.read_answer().multistatus()[0].locals() == {"getetag"}


@pytest.mark.parametrize("encoding, declared", [
    ("utf-8", ' encoding="UTF-8"'), ("utf-8-sig", ' encoding="utf-8"'), ("utf-8-sig", ""), ("utf-16", ""),
    ("utf-16", ' encoding="UTF-16"'), ("iso-8859-1", ' encoding="ISO-8859-1"')])
def test_encodings_that_a_body_may_have(files, encoding, declared):
    body = f'<?xml version="1.0"{declared}?>' + wrap('<D:prop><D:getetag/><é xmlns="urn:é"/></D:prop>')
    response = files.propfind("a.txt", body=body.encode(encoding))[0]
    assert response.locals() == {"getetag"}
    assert set(response.props(404)) == {"{urn:é}é"}


@pytest.mark.parametrize("codec, bom", [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
def test_utf_16_of_either_byte_order(files, codec, bom):
    assert files.propfind("a.txt", body=bom + prop_body("getetag").replace('"utf-8"', '"utf-16"').encode(codec))[
        0].locals() == {"getetag"}


# -- names


ODD_PAIRS = [
    ("http://ns.example.com/boxschema/", "bigbox"),
    ("", "nonamespace"),
    ("DAV:", "no-such-property"),
    ("DAV", "not-quite"),
    ("urn:a&b<c\"d'e", "quoted"),
    ("urn:é漢", "größe-漢字"),
    (XML, "lang"),
    ("urn:x", "xmlns"),
    ("urn:x", "_.-1"),
    ("D", "D"),
    ("ns1", "ns1"),
    (" urn with spaces ", "x"),
    (APACHE, "nothing"),
    ("urn:" + "n" * 3000, "p" * 3000),
]


@pytest.mark.parametrize("pair", ODD_PAIRS, ids=lambda p: repr(p)[:40])
def test_an_unknown_property_comes_back_by_its_name_in_a_404(files, pair):
    response = files.propfind("a.txt", body=prop_body("getetag", pair))[0]
    assert response.locals() == {"getetag"}
    tag = "{%s}%s" % pair if pair[0] else pair[1]
    assert set(response.props(404)) == {tag}
    assert len(response.props(404)[tag]) == 0 and not response.props(404)[tag].text


def test_all_of_them_at_once_on_every_member(files):
    for response in files.propfind("", "1", prop_body(*ODD_PAIRS)):
        assert len(response.props(404)) == len(ODD_PAIRS)


def test_a_thousand_properties_in_a_thousand_namespaces(files):
    pairs = [(f"urn:n{i}", f"p{i}") for i in range(1000)]
    response = files.propfind("a.txt", body=prop_body(*pairs))[0]
    assert set(response.props(404)) == {"{%s}%s" % p for p in pairs}


def test_one_name_in_many_namespaces(files):
    pairs = [("urn:a", "x"), ("urn:b", "x"), ("", "x"), (DAV, "x")]
    assert len(files.propfind("a.txt", body=prop_body(*pairs))[0].props(404)) == 4


def test_prefixes_of_the_request_that_look_like_ours(files):
    body = ('<propfind xmlns="DAV:"><prop><D:a xmlns:D="urn:d"/><ns0:b xmlns:ns0="urn:0"/><ns1:c xmlns:ns1="urn:1"/>'
            '<lp1:d xmlns:lp1="urn:2"/><getetag/></prop></propfind>')
    response = files.propfind("a.txt", body=body)[0]
    assert set(response.props(404)) == {"{urn:d}a", "{urn:0}b", "{urn:1}c", "{urn:2}d"}
    assert response.locals() == {"getetag"}


def test_a_property_asked_twice_is_answered_once(files):
    response = files.propfind("a.txt", body=prop_body("getetag", "getetag", ("u", "x"), ("u", "x")))[0]
    assert response.locals() == {"getetag"}
    assert set(response.props(404)) == {"{u}x"}


def test_an_include_of_what_allprop_has_anyway_is_answered_once(files):
    body = wrap("<D:allprop/><D:include><D:getetag/><D:displayname/></D:include>")
    assert LIVE <= files.propfind("a.txt", body=body)[0].locals()


def test_a_property_that_this_resource_does_not_have_is_404(files):
    answer = files.propfind("", "1", prop_body("getcontentlength", "resourcetype"))
    assert answer["a.txt"].locals() == {"getcontentlength", "resourcetype"}
    assert not answer["a.txt"].props(404)
    assert answer["sub/"].locals(404) == {"getcontentlength"}


def test_only_unknown_properties_make_one_404_propstat(files):
    assert [p.status for p in files.propfind("a.txt", body=prop_body(("u", "x")))[0].propstats] == [404]


def test_an_empty_prop_is_answered(files):
    response = files.propfind("a.txt", body=wrap("<D:prop/>"))[0]
    assert not response.props(404) and not response.props()


# -- 17: what nobody knows is ignored


@pytest.mark.parametrize("inner", [
    '<x:foo xmlns:x="urn:x"/><D:prop><D:getetag/></D:prop>',
    '<D:prop><D:getetag/></D:prop><x:foo xmlns:x="urn:x">text<D:allprop/><D:propname/></x:foo>',
    '<D:whatever><D:propname/></D:whatever><D:prop><D:getetag/></D:prop>',
    '<D:prop><D:getetag>text<D:allprop/><x xmlns="u"/></D:getetag></D:prop>',
    '<D:prop x="1" xml:lang="en" y:z="&lt;" xmlns:y="urn:y"><D:getetag a="b"/></D:prop>',
    'noise<D:prop>noise<D:getetag/>noise</D:prop>noise',
    '<!-- <D:propname/> --><D:prop><?pi <D:allprop/> ?><D:getetag/><![CDATA[<D:propname/>]]></D:prop>',
])
def test_unknown_elements_attributes_and_text_are_ignored(files, inner):
    response = files.propfind("a.txt", body=wrap(inner))[0]
    assert response.locals() == {"getetag"}
    assert not response.props(404)


def test_nested_twenty_deep_is_fine(files):
    deep = '<x xmlns="u">' * 20 + "</x>" * 20
    response = files.propfind("a.txt", body=wrap(deep + "<D:prop><D:getetag/></D:prop>"))[0]
    assert response.locals() == {"getetag"}


@pytest.mark.parametrize("body", [
    '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>',
    '<a:propfind xmlns:a="DAV:"><b:prop xmlns:b="DAV:"><getetag xmlns="DAV:"/></b:prop></a:propfind>',
    '\n\t <D:propfind\n xmlns:D=\'DAV:\' ><D:prop ><D:getetag></D:getetag></D:prop ></D:propfind >\r\n ',
    "<?xml version='1.0'?><!-- c --><?p i?><D:propfind xmlns:D='DAV:'><D:prop><D:getetag/></D:prop></D:propfind><!--x-->",
    '<D:propfind xmlns:D="&#68;AV:"><D:prop><D:getetag/></D:prop></D:propfind>',
])
def test_one_question_in_other_spellings(files, body):
    assert files.propfind("a.txt", body=body)[0].locals() == {"getetag"}
