"""DavMultistatusAllowOrigin as Chromium sees it: a page of another origin, all that it may do, and what it may not."""

import pytest

import clients

# Names below localhost lead to this machine, and each is an origin. These are of one site, as far as passwords are concerned.
DAV, APP, OTHER = ("http://dav.test.localhost:{port}", "http://app.test.localhost:{port}", "http://other.test.localhost:{port}")
CONF = f"""<Location "/dav/">
AuthType Basic
AuthName "in here"
AuthBasicProvider file
AuthUserFile "{{root}}/users"
Require valid-user
DavMultistatusAllowOrigin {APP}
# as another module would
Header always set Location /dav/box/ "expr=%{{REQUEST_METHOD}} == 'MKCOL'"
</Location>
<Location "/dav/all/">
Require all granted
DavMultistatusAllowOrigin *
</Location>
"""

# What a page of `given.page` gets for each of `given.asks`; a header's value may name one of an earlier answer, as {etag}.
ASK = """
const page = await browse();
if (given.login) {
    await page.goto(given.login);
}
await page.goto(given.page);
return page.evaluate(async ({ base, asks }) => {
    const seen = {}, answers = [];
    for (const [method, path, headers, body, more] of asks) {
        const filled = Object.fromEntries(Object.entries(headers)
            .map(([name, value]) => [name, value.replace(/\\{([a-z-]+)\\}/g, (_, earlier) => seen[earlier])]));
        try {
            const answer = await fetch(base + path, { method, headers: filled, body, ...more });
            const readable = Object.fromEntries(answer.headers);
            Object.assign(seen, readable);
            answers.push({ status: answer.status, headers: readable, body: await answer.text() });
        } catch (error) {
            answers.push({ blocked: String(error) });
        }
    }
    return answers;
}, given);
"""
ME = {"Authorization": "Basic bWU6c2VjcmV0"}


def at(server, text):
    return text.replace("{port}", str(server.port))


@pytest.fixture(scope="module")
def server():
    with clients.running(conf=CONF) as server:
        (server.root / "users").write_text("me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")  # secret
        (server.data / "page.html").write_text('<!DOCTYPE html><title>a page</title><link rel="icon" href="data:,">')
        (server.data / "all").mkdir()
        (server.data / "all/a.txt").write_text("for all")
        clients.writing.give(server.data)
        yield server


@pytest.fixture
def ask(chromium, server):
    """ask(origin, [(method, path, headers, body, more of fetch's options)...]): what the page gets for each."""
    def of(origin, asks, **more):
        asks = [(*each, *[{}, None, {}][len(each) - 2:]) for each in asks]
        return chromium.run(ASK, page=at(server, origin + "/plain/page.html"), base=at(server, DAV + "/dav/"), asks=asks, **more)
    return of


PROPERTY = """<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">é</x></D:prop></D:set></D:propertyupdate>"""
LOCK = """<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>"""
SABRE = "application/x-sabredav-partialupdate"
TEXT = {"Content-Type": "text/plain"}

# method, path, headers, body, then the status and which headers the script has to be able to read.
EACH = [
    ("OPTIONS", "page.html", {}, None, 200, ["dav", "allow", "accept-patch", "ms-author-via"]),
    ("MKCOL", "box", {}, None, 201, ["location"]),
    ("PUT", "box/a.txt", {"If-None-Match": "*", "X-OC-Mtime": "1000000000", **TEXT}, "hello world", 201, ["etag", "x-oc-mtime"]),
    ("GET", "box/a.txt", {"Range": "bytes=1-4", "If-Range": "{etag}"}, None, 206, ["content-range", "etag", "last-modified"]),
    ("GET", "box/a.txt", {"If-None-Match": "{etag}", "Cache-Control": "no-cache"}, None, 304, ["etag"]),
    ("HEAD", "box/a.txt", {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, None, 200, ["content-length", "accept-ranges"]),
    ("PUT", "box/a.txt", {"If-Match": '"another"', **TEXT}, "x", 412, []),
    ("PUT", "box/a.txt", {"Content-Range": "bytes 0-0/*", "If-Match": "{etag}", **TEXT}, "j", 204, ["etag"]),
    ("PATCH", "box/a.txt", {"Content-Type": SABRE, "X-Update-Range": "bytes=6-10", "If-Match": "{etag}"}, "there", 204, ["etag"]),
    ("PROPPATCH", "box/a.txt", {"Content-Type": "application/xml"}, PROPERTY, 207, []),
    ("PROPFIND", "box/", {"Depth": "1", "Prefer": "return=minimal", "X-Requested-With": "XMLHttpRequest"}, None, 207, ["preference-applied"]),
    ("COPY", "box/a.txt", {"Destination": DAV + "/dav/box/b.txt", "Overwrite": "F"}, None, 201, []),
    ("MOVE", "box/b.txt", {"Destination": DAV + "/dav/box/a.txt", "Overwrite": "F"}, None, 412, []),
    ("MOVE", "box/b.txt", {"Destination": DAV + "/dav/box/%C3%BC.txt"}, None, 201, []),
    ("LOCK", "box/a.txt", {"Timeout": "Second-600", "Depth": "0", "Content-Type": "application/xml"}, LOCK, 200, ["lock-token"]),
    ("PUT", "box/a.txt", TEXT, "locked", 423, []),
    ("PUT", "box/a.txt", {"If": "({lock-token})", "If-Unmodified-Since": "Fri, 01 Jan 2100 00:00:00 GMT", **TEXT}, "mine", 204, ["etag"]),
    ("LOCK", "box/a.txt", {"If": "({lock-token})", "Timeout": "Second-900"}, None, 200, []),
    ("UNLOCK", "box/a.txt", {"Lock-Token": "{lock-token}"}, None, 204, []),
    ("PUT", "box/sum", {"OC-Checksum": "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", **TEXT}, "hello", 201, ["etag"]),
    ("GET", "box/sum", {"Want-Repr-Digest": "sha=5"}, None, 200, ["repr-digest"]),
    ("PUT", "box/sum", {"Repr-Digest": "sha=:AAAA:", **TEXT}, "hello", 400, []),
    ("DELETE", "box", {}, None, 204, []),
    ("GET", "box", {}, None, 404, []),
]


def test_each_method_and_header(ask, server):
    asks = [(method, path, {n: at(server, v) for n, v in {**ME, **headers}.items()}, body)
            for method, path, headers, body, _, _ in EACH]
    told = []
    for (method, path, _, _, _, names), answer in zip(EACH, ask(APP, asks)):
        told.append((method, path, answer.get("status", answer), [n for n in names if n not in answer.get("headers", {})]))
    assert told == [(method, path, status, []) for method, path, _, _, status, _ in EACH]


def test_a_preflight_needs_no_password_and_its_answer_is_kept(ask, server):
    before = len(clients.requests(server))
    answers = ask(APP, [("PROPFIND", "all/../", {"Depth": "0", **ME})] * 3)
    assert [answer["status"] for answer in answers] == [207] * 3
    seen = [(method, status) for method, path, status in clients.requests(server)[before:] if path == "/dav/"]
    assert seen == [("OPTIONS", 204)] + [("PROPFIND", 207)] * 3


def test_without_a_password_the_page_reads_the_challenge(ask):
    answer, = ask(APP, [("PROPFIND", "", {"Depth": "0"})])
    assert answer["status"] == 401 and "Basic" in answer["headers"]["www-authenticate"]


@pytest.mark.parametrize("method,more", [("PROPFIND", {}), ("GET", {}), ("PUT", {"body": "x"}), ("DELETE", {})])
def test_another_origin_is_kept_out(ask, server, method, more):
    """What the browser has to ask for is not sent; what it has not, the page does not read."""
    before = len(clients.requests(server))
    answers = ask(OTHER, [(method, "page.html", ME, None, more), (method, "page.html", {}, None, {"credentials": "include", **more})])
    assert all("blocked" in answer for answer in answers), answers
    seen = {(m, status) for m, path, status in clients.requests(server)[before:] if path == "/dav/page.html"}
    assert seen <= {("OPTIONS", 401), ("GET", 401)}
    assert (server.data / "page.html").exists()


def test_the_browsers_own_password(ask, server):
    login = at(server, DAV + "/dav/page.html").replace("//", "//me:secret@")
    for credentials, status in (("include", 207), ("omit", 401)):
        answer, = ask(APP, [("PROPFIND", "", {"Depth": "0"}, None, {"credentials": credentials})], login=login)
        assert answer["status"] == status
    answer, = ask(OTHER, [("GET", "page.html", {}, None, {"credentials": "include"})], login=login)
    assert "blocked" in answer


def test_all_may_come_without_credentials(ask):
    plain, header, include = ask(OTHER, [
        ("PROPFIND", "all/", {"Depth": "1"}), ("GET", "all/a.txt", ME), ("PROPFIND", "all/", {"Depth": "1"}, None, {"credentials": "include"})])
    assert plain["status"] == 207 and "/dav/all/a.txt" in plain["body"]
    assert header["body"] == "for all"
    assert "blocked" in include


READ = """
const page = await browse();
await page.goto(given.page);
return page.evaluate(async ({ url, headers }) => {
    const answer = await fetch(url, { method: "PROPFIND", headers });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const pieces = [];
    for (let piece; !(piece = await reader.read()).done;) {
        pieces.push(piece.value);
    }
    const xml = new DOMParser().parseFromString(pieces.join(""), "application/xml");
    return { pieces: pieces.length, first: pieces[0].split("</D:response>").length - 1,
             whole: xml.getElementsByTagNameNS("DAV:", "response").length };
}, given);
"""
MEMBERS = 20_000


def test_a_listing_is_read_while_it_comes(chromium, server):
    folder = server.data / "many"
    folder.mkdir()
    for i in range(MEMBERS):
        (folder / f"{i:05}").touch()
    given = {"page": at(server, APP + "/plain/page.html"), "url": at(server, DAV + "/dav/many/"), "headers": {"Depth": "1", **ME}}
    told = chromium.run(READ, **given)
    assert told["whole"] == MEMBERS + 1 and 0 < told["first"] < MEMBERS / 2 and told["pieces"] > 2, told
