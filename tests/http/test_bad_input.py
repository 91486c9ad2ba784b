"""Bodies that are refused: with the right status, a message, a line at info in the error log, and no harm done."""

import pytest

from harness import prop_body

GOOD = prop_body("getetag")
XML = ("Content-Type", "application/xml; charset=utf-8")


def wrap(inner):
    return f'<D:propfind xmlns:D="DAV:">{inner}</D:propfind>'


def refused(place, body, status, headers=(XML,), **kw):
    """Sends a bad request and a good one after it, on one connection and on another; returns the bad one's answer."""
    with place.server.connect() as connection:
        answer = connection.ask("PROPFIND", place.url, [("Depth", "0"), *headers], body, **kw)
        assert answer.status == status, answer
        assert answer.body.strip()
        if answer.get("Connection", "").lower() != "close":
            connection.ask("PROPFIND", place.url, [("Depth", "0")], GOOD).multistatus(place.url)
    line = place.server.wait_log(r"\[dav_multistatus:info\] .*")
    assert len(line.group(0)) > 40, "a clear message"
    assert len(place.propfind("", "0", GOOD)) == 1
    return answer


MALFORMED = {
    "unclosed root": '<D:propfind xmlns:D="DAV:"><D:allprop/>',
    "truncated in a tag": GOOD[:-5],
    "truncated in a declaration": '<?xml version="1.0"',
    "a lone <": "<",
    "only white space": " \n ",
    "mismatched tags": wrap("<D:prop><D:a></D:b></D:prop>"),
    "two roots": GOOD + "<D:propfind/>",
    "text after the root": GOOD + "x",
    "text before the root": "<!-- -->x" + wrap("<D:allprop/>"),
    "declaration not first": "\n" + GOOD,
    "an attribute twice": wrap('<D:prop a="1" a="2"/>'),
    "an attribute twice by namespace": wrap('<D:prop xmlns:p="u" xmlns:q="u" p:a="1" q:a="2"/>'),
    "an attribute without quotes": wrap("<D:prop a=1/>"),
    "an undefined entity": wrap("<D:prop>&nope;</D:prop>"),
    "a bare ampersand": wrap("<D:prop> & </D:prop>"),
    "a reference to no character": wrap("<D:prop>&#1;</D:prop>"),
    "a control character": wrap("<D:prop>\x01</D:prop>"),
    "a NUL": wrap("<D:prop>\0</D:prop>"),
    "invalid UTF-8": wrap("<D:prop>\xff</D:prop>").encode("latin-1"),
    "overlong UTF-8": b'<D:propfind xmlns:D="DAV:"><D:prop>\xc0\xbc</D:prop></D:propfind>',
    "a surrogate": b'<D:propfind xmlns:D="DAV:"><D:prop>\xed\xa0\x80</D:prop></D:propfind>',
    "an unbound prefix": '<D:propfind><D:allprop/></D:propfind>',
    "an unbound prefix inside": wrap("<D:prop><x:a/></D:prop>"),
    "an unbound prefix on an attribute": wrap('<D:prop x:a="1"/>'),
    "a prefix undeclared": wrap('<D:prop><x:a xmlns:x=""/></D:prop>'),
    "the xml prefix rebound": wrap('<D:prop xmlns:xml="urn:x"/>'),
    "the xmlns prefix declared": wrap('<D:prop xmlns:xmlns="urn:x"/>'),
    "two colons in a name": wrap("<D:prop><D:a:b/></D:prop>"),
    "a name that starts with a digit": wrap("<D:prop><D:1/></D:prop>"),
    "an unclosed comment": wrap("<D:allprop/>") + "<!--",
    "UTF-16 cut in a character": b"\xff\xfe" + wrap("<D:allprop/>").encode("utf-16-le")[:-1],
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_xml_that_is_not_well_formed(place, body):
    refused(place, body, 400)


UNFITTING = {
    "propname beside allprop": wrap("<D:propname/><D:allprop/>"),
    "allprop beside propname": wrap("<D:allprop/><D:propname/>"),
    "prop beside allprop": wrap("<D:prop><D:getetag/></D:prop><D:allprop/>"),
    "prop beside propname": wrap("<D:propname/><D:prop><D:getetag/></D:prop>"),
    "include without allprop": wrap("<D:include><D:getetag/></D:include>"),
    "no child": wrap(""),
    "no child that is known": wrap('<D:foo/><x xmlns="u"/>'),
    "children of another namespace": '<D:propfind xmlns:D="DAV:"><allprop xmlns="dav:"/></D:propfind>',
    "another root": '<D:propertyupdate xmlns:D="DAV:"><D:allprop/></D:propertyupdate>',
    "a root of another namespace": '<propfind xmlns="DAV"><allprop/></propfind>',
    "a root of no namespace": "<propfind><allprop/></propfind>",
    "a root in another case": '<D:PropFind xmlns:D="DAV:"><D:allprop/></D:PropFind>',
    "a prop as root": '<D:prop xmlns:D="DAV:"><D:getetag/></D:prop>',
}


@pytest.mark.parametrize("body", UNFITTING.values(), ids=UNFITTING.keys())
def test_xml_that_is_no_propfind(place, body):
    refused(place, body, 400)


LAUGHS = "".join(f'<!ENTITY l{i} "{("&l%d;" % (i - 1)) * 10 if i else "ha"}">' for i in range(10))


@pytest.mark.parametrize("body", [
    "<!DOCTYPE D:propfind>" + wrap("<D:allprop/>"),
    '<!DOCTYPE propfind SYSTEM "file:///etc/passwd">' + wrap("<D:allprop/>"),
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + wrap("<D:prop>&e;</D:prop>"),
    '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x">%p;]>' + wrap("<D:allprop/>"),
    f"<!DOCTYPE a [{LAUGHS}]>" + wrap("<D:prop>&l9;</D:prop>"),
    '<!DOCTYPE a [<!ATTLIST D:propfind xmlns:D CDATA "DAV:">]><D:propfind/>',
], ids=["bare", "system", "external entity", "parameter entity", "laughs", "attribute default"])
def test_a_document_type_is_refused(place, body):
    # 17, 20.6; the precondition is of RFC 4918 section 16
    answer = refused(place, body, 403)
    assert answer.precondition() == ["no-external-entities"]


@pytest.mark.parametrize("levels", [1000, 20000])
def test_nested_too_deep(place, levels):
    body = wrap("<D:prop>" + "<D:a>" * levels + "</D:a>" * levels + "</D:prop>")
    refused(place, body, 400)


def test_nested_too_deep_where_nobody_looks(place):
    refused(place, wrap("<D:allprop/>" + '<x xmlns="u">' * 1000 + "</x>" * 1000), 400)


# -- size


def padded(length):
    """A good body of exactly so many bytes."""
    body = GOOD + "<!---->"
    return body.replace("<!--", "<!--" + "x" * (length - len(body)))


@pytest.fixture
def small(httpd):
    return httpd(location="LimitXMLRequestBody 2000")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit(small, chunked):
    for length, status in ((2000, 207), (2001, 413), (50000, 413)):
        body = padded(length).encode()
        assert len(body) == length
        answer = small.ask("PROPFIND", "", [("Depth", "0"), XML], chunks=[body[:999], body[999:]]) if chunked else \
            small.try_propfind("", "0", body)
        assert answer.status == status, (length, answer)
        if status == 413:
            assert answer.body.strip()
            small.server.wait_log(r"\[dav_multistatus:info\]")
    assert len(small.propfind("", "0", GOOD)) == 1


def test_the_default_limit_is_a_million_bytes(place):
    assert len(place.propfind("", "0", padded(1_000_000))) == 1
    refused(place, padded(1_000_001), 413)


def test_a_limit_of_httpd_s_own_is_not_ours_to_loosen(httpd):
    place = httpd(location="LimitRequestBody 1000")
    assert place.try_propfind("", "0", padded(1001)).status == 413
    assert len(place.propfind("", "0", padded(1000))) == 1
    place.server.expect_log("AH01588|Requested content-length")


# -- bodies that are not XML


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "image/png", "multipart/form-data; boundary=x",
                                          "text/xml-external-parsed-entity-not", "application/xmlish"])
def test_a_content_type_that_is_not_xml(place, content_type):
    # 9.1 with RFC 4918 section 8: 415 for a body of a kind that the method does not know
    refused(place, '{"a": 1}', 415, [("Content-Type", content_type)])


@pytest.mark.parametrize("body", [b"hello", b"{}", b"\x02\x01\x00", b"\x1f\x8b\x08\x00", b"a=<b/>"])
def test_garbage_without_a_content_type(place, body):
    refused(place, body, 415, [])


def test_a_coded_body_is_not_read_as_xml(place):
    answer = place.try_propfind("", "0", b"\x1f\x8b\x08\x00garbage", [("Content-Encoding", "gzip")])
    assert answer.status in (400, 415)
    assert len(place.propfind("", "0", GOOD)) == 1


# -- bodies that stop


def test_a_client_that_leaves_inside_its_body(place):
    for _ in range(5):
        with place.server.connect() as connection:
            connection.send_head("PROPFIND", place.url, [("Depth", "0"), ("Content-Length", "1000"), XML])
            connection.socket.sendall(GOOD.encode()[:40])
            connection.reset()
    assert len(place.propfind("", "0", GOOD)) == 1


def test_chunks_that_are_no_chunks(place):
    with place.server.connect() as connection:
        connection.send_head("PROPFIND", place.url, [("Depth", "0"), ("Transfer-Encoding", "chunked"), XML])
        connection.socket.sendall(b"zz\r\n<D:propfind\r\n0\r\n\r\n")
        assert connection.read_answer().status == 400
    assert len(place.propfind("", "0", GOOD)) == 1


def test_many_attributes_and_namespaces(place):
    attributes = " ".join(f'a{i}="{i}" xmlns:n{i}="urn:{i}"' for i in range(5000))
    answer = place.try_propfind("", "0", wrap(f"<D:prop {attributes}><D:getetag/></D:prop>"))
    assert answer.status in (207, 400)
    assert len(place.propfind("", "0", GOOD)) == 1


def test_random_damage_never_kills_the_worker(place):
    import random
    rng = random.Random(4918)
    good = wrap('<D:allprop/><D:include><x:é xmlns:x="urn:é" a="&lt;"/></D:include><!-- c --><?p i?>').encode()
    with_pid = place.server.workers()
    for _ in range(400):
        body = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            position = rng.randrange(len(body))
            kind = rng.randrange(3)
            if kind == 0:
                body[position] = rng.randrange(256)
            elif kind == 1:
                del body[position:position + rng.randint(1, 9)]
            else:
                body[position:position] = bytes(rng.choices(b"<>&;\"'/=:!?-[] x\x00\xff", k=rng.randint(1, 6)))
        answer = place.try_propfind("", "0", bytes(body))
        assert answer.status in (207, 400, 403, 415), (bytes(body), answer)
        if answer.status == 207:
            answer.multistatus(place.url)
    assert set(with_pid) <= set(place.server.workers())
