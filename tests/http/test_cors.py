"""DavMultistatusAllowOrigin: what a page of another origin may do, and what its browser asks before."""

import base64

import pytest

import harness
from harness import StartError
from writing import give

NOTES, OTHER = "https://notes.example", "https://other.example"
CONF = """<Location "/dav/">
AuthType Basic
AuthName "in here"
AuthBasicProvider file
AuthUserFile "{root}/users"
Require valid-user
DavMultistatusAllowOrigin https://notes.example http://localhost:3000
</Location>
<Location "/dav/all/">
DavMultistatusAllowOrigin *
</Location>
<Location "/dav/none/">
DavMultistatusAllowOrigin None
ErrorDocument 401 /dav/all/page.html
</Location>
<Location "/dav/none/theirs/">
Header set Access-Control-Allow-Origin "*"
</Location>
<Location "/dav/all/page.html">
Require all granted
</Location>
<Location "/dav/tree/other/">
DavMultistatusAllowOrigin https://other.example
</Location>
<Location "/dav/others/">
Header set Access-Control-Allow-Origin https://evil.example
Header set Access-Control-Allow-Credentials true
</Location>
<Location "/dav/others/always/">
Header always set Access-Control-Allow-Origin https://evil.example
Header always set Access-Control-Expose-Headers none
Header set Access-Control-Allow-Methods GET
Header always set access-control-max-age 1000000
</Location>
<Location "/dav/others/always/all/">
DavMultistatusAllowOrigin *
</Location>
<Location "/dav/elsewhere/">
ErrorDocument 401 /dav/all/page.html
</Location>
"""
ME = ("Authorization", "Basic " + base64.b64encode(b"me:secret").decode())
SENT = {"authorization", "content-type", "depth", "destination", "if", "if-match", "if-none-match", "lock-token", "overwrite", "timeout",
        "content-range", "range", "x-oc-mtime", "prefer", "x-update-range", "x-expected-entity-length", "oc-checksum", "repr-digest",
        "content-digest", "content-encoding", "digest", "content-md5", "want-repr-digest"}  # each that the module reads
READ = {"Accept-Encoding", "ETag", "DAV", "Lock-Token", "Location", "Content-Range", "X-OC-MTime"}


@pytest.fixture(scope="module")
def notes():
    server = harness.Server(CONF)
    (server.root / "users").write_text("me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")  # secret
    for name in ("all", "none", "none/theirs", "tree", "tree/other", "others", "others/always", "others/always/all"):
        (server.data / name).mkdir()
        (server.data / name / "a.txt").write_text("a")
    (server.data / "a.txt").write_text("a")
    (server.data / "all" / "page.html").write_text("no")
    give(server.data)
    server.expect_log("AH01617|AH01618|AH01797")
    yield server.start()
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


def cors_of(answer):
    return {n.lower()[len("access-control-"):]: v for n, v in answer.headers if n.lower().startswith("access-control-")}


def preflight(server, url, origin, method="PROPFIND", headers="authorization,depth"):
    return server.ask("OPTIONS", url, [("Origin", origin), ("Access-Control-Request-Method", method),
                                       ("Access-Control-Request-Headers", headers)])


@pytest.mark.parametrize("origin", [NOTES, "http://localhost:3000"])
@pytest.mark.parametrize("url", ["/dav/", "/dav/a.txt", "/dav/missing/x"])
def test_preflight_before_the_password(notes, origin, url):
    answer = preflight(notes, url, origin)
    cors = cors_of(answer)
    assert (answer.status, answer.body) == (204, b"")
    assert (cors["allow-origin"], cors["allow-credentials"]) == (origin, "true")
    assert set(cors["allow-methods"].split(", ")) >= {
        "GET", "HEAD", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "OPTIONS"}
    assert {h.lower() for h in cors["allow-headers"].split(", ")} >= SENT
    assert "Origin" in answer.tokens("Vary")
    assert answer.get("WWW-Authenticate") is None


@pytest.mark.parametrize("origin", [OTHER, "null", "https://notes.example.other", "http://notes.example", "https://notes.example:444",
                                    "https://NOTES.example", "*", ""])
def test_others_are_asked_as_ever(notes, origin):
    for answer in (preflight(notes, "/dav/", origin), notes.ask("PROPFIND", "/dav/", [("Origin", origin), ("Depth", "0")])):
        assert answer.status == 401 and not cors_of(answer)
    answer = notes.ask("PROPFIND", "/dav/", [("Origin", origin), ME, ("Depth", "0")])
    assert answer.status == 207 and not cors_of(answer)
    assert "Origin" in answer.tokens("Vary")


@pytest.mark.parametrize("method,url,headers,status", [
    ("GET", "a.txt", [ME], 200), ("HEAD", "a.txt", [ME], 200), ("PROPFIND", "", [ME, ("Depth", "1")], 207), ("PROPFIND", "", [("Depth", "1")], 401),
    ("PROPFIND", "missing", [ME, ("Depth", "0")], 404), ("GET", "missing", [ME], 404), ("MKCOL", "a.txt", [ME], 405), ("OPTIONS", "", [ME], 200),
    ("GET", "a.txt", [ME, ("If-None-Match", "*")], 304), ("PUT", "a.txt", [ME, ("If-Match", '"x"')], 412), ("BLABLA", "", [ME], 501)])
def test_answers_are_for_the_page(notes, method, url, headers, status):
    answer = notes.ask(method, "/dav/" + url, [("Origin", NOTES), *headers])
    cors = cors_of(answer)
    assert answer.status == status
    assert (cors["allow-origin"], cors["allow-credentials"]) == (NOTES, "true")
    assert set(cors["expose-headers"].split(", ")) >= READ
    assert len([n for n, _ in answer.headers if n.lower() == "access-control-allow-origin"]) == 1


def test_all_without_credentials(notes):
    for answer in (preflight(notes, "/dav/all/", OTHER), notes.ask("PROPFIND", "/dav/all/", [("Origin", "null"), ME, ("Depth", "0")])):
        assert answer.status in (204, 207)
        assert cors_of(answer)["allow-origin"] == "*" and "allow-credentials" not in cors_of(answer)


def test_none(notes):
    assert preflight(notes, "/dav/none/", NOTES).status == 401
    assert not cors_of(notes.ask("PROPFIND", "/dav/none/", [("Origin", NOTES), ME, ("Depth", "0")]))


@pytest.mark.parametrize("name,status", [("a.txt", 200), ("always/a.txt", 200), ("always/missing", 404), ("always/all/a.txt", 200)])
def test_what_others_say_does_not_count(notes, name, status):
    """Two answers to one question are none to a browser, and what is said here is what holds."""
    answer = notes.ask("GET", "/dav/others/" + name, [("Origin", NOTES), ME])
    assert answer.status == status
    cors = [(n, v) for n, v in answer.headers if n.startswith("Access-Control-")]
    assert len({n for n, _ in cors}) == len(cors), cors
    cors, is_all = cors_of(answer), "/all/" in name
    assert cors["allow-origin"] == ("*" if is_all else NOTES)
    assert cors.get("allow-credentials") == (None if is_all else "true")
    assert set(cors["expose-headers"].split(", ")) >= READ
    assert not {"allow-methods", "max-age"} & set(cors)


@pytest.mark.parametrize("name", ["a.txt", "always/a.txt", "always/missing"])
@pytest.mark.parametrize("headers", [[("Origin", OTHER)], []], ids=["other", "none"])
def test_what_others_say_opens_nothing(notes, name, headers):
    """The list is the last word, for those that are not on it, too."""
    for method, more in (("GET", []), ("PROPFIND", [("Depth", "0")])):
        assert not cors_of(notes.ask(method, "/dav/others/" + name, [ME, *headers, *more]))


def test_without_a_list_others_have_their_say(notes):
    cors = cors_of(notes.ask("GET", "/dav/none/theirs/a.txt", [ME, ("Origin", OTHER)]))
    assert cors == {"allow-origin": "*"}


def test_a_page_gets_no_further_than_its_places(notes):
    """What a method does to other resources, a page has to be allowed there, too: by the server it is a 403."""
    def ask(method, url, *headers, origin=NOTES):
        return notes.ask(method, "/dav/tree/" + url, [("Origin", origin), ME, *headers])

    def to(url):
        return "Destination", "/dav/tree/" + url

    assert ask("COPY", "a.txt", to("b.txt")).status == 201
    assert ask("COPY", "a.txt", to("other/b.txt")).status == 403
    refused = ask("MOVE", "b.txt", to("other/a.txt"))
    assert refused.status == 403 and NOTES.encode() in refused.body and b"DavMultistatusAllowOrigin" in refused.body
    assert notes.wait_log(f"a page of {NOTES} may not write the Destination")
    hrefs = [r.href for r in ask("PROPFIND", "", ("Depth", "infinity")).multistatus(None)]
    assert sorted(hrefs) == ["/dav/tree/", "/dav/tree/a.txt", "/dav/tree/b.txt"]
    assert ask("DELETE", "").status == 207
    assert (notes.data / "tree/other/a.txt").read_text() == "a" and not (notes.data / "tree/a.txt").exists()
    assert ask("COPY", "", ("Destination", "/dav/copy")).status == 207
    assert not (notes.data / "copy/other").exists()
    # the page that may be there, and whoever comes without one
    assert ask("COPY", "other/a.txt", to("other/c.txt"), origin=OTHER).status == 201
    assert notes.ask("COPY", "/dav/tree/other/a.txt", [ME, to("c.txt")]).status == 201
    assert notes.ask("PROPFIND", "/dav/tree/", [ME, ("Depth", "1")]).body.count(b"<D:href>") == 3


def test_the_page_of_an_error_opens_nothing(notes):
    """It is the URL which was asked for that decides, not that of an ErrorDocument."""
    for origin in (NOTES, OTHER):
        answer = notes.ask("GET", "/dav/none/x", [("Origin", origin)])
        assert (answer.status, answer.body) == (401, b"no") and not cors_of(answer)
    answer = notes.ask("GET", "/dav/elsewhere/x", [("Origin", OTHER)])
    assert (answer.status, answer.body) == (401, b"no") and not cors_of(answer)
    cors = cors_of(notes.ask("GET", "/dav/elsewhere/x", [("Origin", NOTES)]))
    assert (cors["allow-origin"], cors["allow-credentials"]) == (NOTES, "true")


def test_off_by_default_and_elsewhere(dav):
    dav.file("a.txt")
    answer = dav.ask("OPTIONS", "", [("Origin", NOTES), ("Access-Control-Request-Method", "PUT")])
    assert answer.status == 200 and not cors_of(answer) and answer.get("Vary") is None


def test_options_of_a_page_that_is_no_preflight(notes):
    answer = notes.ask("OPTIONS", "/dav/", [("Origin", NOTES), ME])
    assert answer.status == 200 and "1" in answer.tokens("DAV")


@pytest.mark.parametrize("word", ["notes.example", "https://notes.example/", "https://Notes.example", "https://*.example", "https://", "://x", "**",
                                  "https://u@x", "https://a,https://b", "https://a.example:443", "http://a.example:80",
                                  'None" "https://a.example', 'https://a.example" "None', '*" "https://a.example', 'https://a.example" "*',
                                  '*" "None'])
def test_what_is_no_origin(word):
    server = harness.Server(location=f'DavMultistatusAllowOrigin "{word}"')
    with pytest.raises(StartError, match="DavMultistatusAllowOrigin(:| takes origins)"):
        server.start()
