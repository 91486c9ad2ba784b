"""DavMultistatusNames: a name is found in its other normal form, by every method, and under the rules of the one that is there."""

import unicodedata
import urllib.parse

import pytest

import harness
from locking import lock, lock_body, submit
from writing import Dav

NAMES = ["caf\u00e9.txt", "\u00c5ngstr\u00f6m/\u1e69.txt", "\uac00.txt"]


def url(name, form):
    return urllib.parse.quote(unicodedata.normalize(form, name))


@pytest.fixture(scope="module")
def lenient():
    server = harness.Server(location="DavMultistatusNames normalize", conf='''<Location "/dav/w/secret-\u00e9">
Require all denied
</Location>
<Location "/dav/exact/">
DavMultistatusNames exact
</Location>
''')
    (server.data / "exact").mkdir()
    (server.data / "w").mkdir()
    server.expect_log("AH01630")
    yield server.start()
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def forms(lenient):
    return Dav(lenient, lenient.data / "w", "/dav/w/")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("there,asked", [("NFC", "NFD"), ("NFD", "NFC")])
def test_it_is_found_by_every_method(forms, name, there, asked):
    dav, there, asked = forms, url(name, there), url(name, asked)
    dav.file(there, b"old")
    dav.set(there, color="red")
    assert dav.get(asked).body == b"old"
    assert dav.ask("HEAD", asked).get("Content-Length") == "3"
    found = dav.try_propfind(asked).multistatus(None).responses
    assert [r.path for r in found] == [urllib.parse.unquote_to_bytes(dav.url + there)]
    held = lock(dav, asked)
    assert dav.put(there, b"x").status == 423
    assert dav.put(asked, b"new", submit(held.token)).status == 204
    assert dav.ask("UNLOCK", asked, [("Lock-Token", f"<{held.token}>")]).status == 204
    assert dav.copy("keep.txt" if dav.disk("keep.txt").exists() else there, asked + ".copy").status in (201, 204)
    assert dav.put("other.txt", b"o", ("If", f"<{dav.url}{asked}> ([{dav.etag(there)}])")).status in (201, 204)
    assert dav.move("other.txt", asked).status == 204
    assert dav.disk(there).read_bytes() == b"o" and not dav.disk(asked).exists()
    assert dav.ask("MKCOL", asked).status == 405
    assert dav.delete(asked).status == 204
    assert not dav.disk(there).exists()
    dav.delete(asked + ".copy")
    dav.delete(there.split("/")[0])


BODIES = {"PUT": b"first", "LOCK": lock_body().encode(), "MKCOL": b'<D:mkcol xmlns:D="DAV:"/>'}


@pytest.mark.parametrize("method", BODIES)
def test_who_is_slower_makes_no_twin(forms, method):
    """The name comes to be there in its other form while the request is under way."""
    name, body = "sl\u00f3w", BODIES[method]
    headers = [("Content-Length", str(len(body))), ("Content-Type", "application/xml"), ("Expect", "100-continue")]
    with forms.server.connect() as connection:
        connection.send_head(method, forms.url + url(name, "NFC"), headers)
        assert connection.file.readline().split()[1] == b"100"  # it waits for the body, and has looked for the name
        connection.file.readline()
        assert forms.put(url(name, "NFD"), b"second").status == 201
        connection.socket.sendall(body)
        assert connection.read_answer(method).status == 409
    assert [n for n in forms.tree() if n.startswith("sl")] == [unicodedata.normalize("NFD", name)]
    assert forms.put(url(name, "NFC"), b"again").status == 204
    assert forms.delete(url(name, "NFC")).status == 204


def test_a_new_name_is_as_it_was_sent(forms):
    for form in ("NFC", "NFD"):
        name = url("n\u00e9w" + form, form)
        assert forms.put(name, b"x").status == 201
        assert forms.disk(name).exists()
        forms.delete(name)


def test_the_rules_are_those_of_the_name_that_is_there(forms):
    forms.file(url("secret-\u00e9/x", "NFC"), b"secret")
    for form in ("NFC", "NFD"):
        for method in ("GET", "PROPFIND", "DELETE"):
            assert forms.ask(method, url("secret-\u00e9/x", form)).status == 403
        assert forms.copy(url("secret-\u00e9/x", form), "copied").status == 403


def test_a_name_that_is_denied_leads_to_no_other(forms):
    """What is there in a form that nothing denies is not to be had by the one that is denied."""
    forms.file(url("secret-\u00e9", "NFD"), b"other")
    forms.file("a.txt")
    assert forms.get(url("secret-\u00e9", "NFD")).body == b"other"
    for method in ("GET", "HEAD", "PROPFIND", "PUT", "DELETE", "LOCK", "PROPPATCH"):
        assert forms.ask(method, url("secret-\u00e9", "NFC")).status == 403, method
    assert forms.copy(url("secret-\u00e9", "NFC"), "copied").status == 403
    assert forms.copy("a.txt", url("secret-\u00e9", "NFC")).status == 403
    assert forms.get(url("secret-\u00e9", "NFD")).body == b"other"
    assert forms.delete(url("secret-\u00e9", "NFD")).status == 204


@pytest.mark.parametrize("host", ["http://127.0.0.1:{port}", "https://public", ""])
def test_its_own_name_in_an_if_header(forms, host):
    """By whatever host (behind a proxy it is another), in the form in which the client has it."""
    name = "l\u00f3ck/\u00e9"
    forms.file(url(name, "NFC"), b"old")
    held = lock(forms, url(name, "NFD"))
    own = host.format(port=forms.server.port) + forms.url + url(name, "NFD")
    assert forms.put(url(name, "NFD"), b"1", ("If", f"<{own}> (<{held.token}>)")).status == 204
    assert forms.put(url(name, "NFD"), b"2", ("If", f"<{own}x> (<{held.token}>)")).status == 412
    assert forms.delete(url(name, "NFD"), held.tagged(own)).status == 204


def test_slashes_that_are_not_merged(dav_on):
    """The rules are still those of the name that is there, however many slashes stand in the URL."""
    dav = dav_on(location="DavMultistatusNames normalize", conf="""MergeSlashes Off
<Location "/dav/secret-\u00e9">
Require all denied
</Location>
""")
    dav.server.expect_log("AH01630")
    dav.file(url("secret-\u00e9/x", "NFC"), b"secret")
    dav.file(url("\u00e9/x", "NFC"), b"open")
    for slashes in ("/", "//", "///"):
        for form in ("NFC", "NFD"):
            assert dav.get(url("secret-\u00e9", form) + slashes + "x").status == 403
            assert dav.get(url("\u00e9", form) + slashes + "x").body == b"open"


def test_below_a_name_in_another_form(forms):
    forms.folder(url("d\u00e9ep", "NFC"))
    assert forms.put(url("d\u00e9ep/\u00e9", "NFD"), b"x").status == 201
    assert forms.tree(url("d\u00e9ep", "NFC")) == {unicodedata.normalize("NFD", "\u00e9"): b"x"}
    assert forms.put(url("d\u00e9ep/\u00e9/\u00e9", "NFD"), b"x").status == 409


@pytest.mark.no_sanitizer
def test_nothing_is_looked_for_below_what_is_not_there(forms):
    path = "/".join([url("\u00e9", "NFC")] * 1000)
    before = forms.server.cpu_seconds()
    for _ in range(30):
        assert forms.get(path).status == 404
    assert forms.server.cpu_seconds() - before < 0.5  # it was 1.2


@pytest.mark.parametrize("name", ["%FF%CC%81", "%E9", "a/%CC%81", "\u0301"])
def test_odd_names(forms, name):
    assert forms.get(urllib.parse.quote(name, safe="%/")).status == 404


def test_exact_is_exact(lenient, dav):
    for place in (Dav(lenient, lenient.data / "exact", "/dav/exact/"), dav):
        place.file(url("\u00e9", "NFC"), b"c")
        assert place.get(url("\u00e9", "NFD")).status == 404
        assert place.put(url("\u00e9", "NFD"), b"d").status == 201
        assert place.get(url("\u00e9", "NFC")).body == b"c"


@pytest.mark.parametrize("section", ['Directory "/"', 'Files "*"', "If \"true\""])
def test_where_it_would_have_no_effect(section):
    server = harness.Server(conf=f"<{section}>\nDavMultistatusNames normalize\n</{section.split()[0]}>")
    with pytest.raises(harness.StartError, match="DavMultistatusNames .* within <"):
        server.start()


def test_wrong_word():
    server = harness.Server(location="DavMultistatusNames fuzzy")
    with pytest.raises(harness.StartError, match="takes exact or normalize"):
        server.start()
