"""One request for each method and each status that it has, for tests of what holds whatever the answer is.

Terms: a *scene* is a folder with what the requests are about, made and changed by requests only, so that it may lie
behind a proxy or in another module's repository; a *case* is a request of which the status is known."""

import itertools

from harness import ALLPROP
from locking import lock_body
from writing import prop, update_body

# For the server that has the scene, wherever it is; some names in it have rules of their own.
CONF = """
<LocationMatch "/secret">
    AuthType Basic
    AuthName dms
    AuthUserFile "{root}/users"
    Require valid-user
</LocationMatch>
<LocationMatch "/denied">
    Require all denied
</LocationMatch>
<LocationMatch "/stay">
    <Limit DELETE>
        Require all denied
    </Limit>
</LocationMatch>
<LocationMatch "/tight">
    LimitRequestBody 10
    LimitXMLRequestBody 10
</LocationMatch>
<LocationMatch "/finite">
    DavMultistatusDepthInfinity Off
</LocationMatch>
"""
LOG = r"AH01630|client denied|AH01095|prefetch request body failed"  # what some of the cases log as errors

CONTENT = b"0123456789abcdefghij" * 100
PROBE = "probe.txt"  # which no case is about
XML = ("Content-Type", "application/xml")
TOKEN = "urn:uuid:00000000-0000-4000-8000-000000000000"
DOCTYPE = '<!DOCTYPE x><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'
PATCH = update_body(("set", prop("a", "1")))
PROTECTED = update_body(("set", prop("a", "1") + "<D:getetag>x</D:getetag>"))
LOCK = lock_body()


class Scene:
    def __init__(self, dav):
        """`dav` is a Dav whose folder is there and empty."""
        self.dav, self.number = dav, itertools.count(1)
        for folder in ("folder", "finite", "locked", "tight"):
            self.do("MKCOL", folder + "/")
        self.do("PUT", PROBE, body=CONTENT)
        self.do("PUT", "a.txt", body=CONTENT)
        self.do("PUT", "empty.txt", body=b"")
        self.do("PUT", "folder/b.txt", body=CONTENT)
        self.do("PUT", "locked/b.txt", body=CONTENT)
        answer = self.do("LOCK", "locked/b.txt", XML, ("Timeout", "Second-1000"), body=LOCK)
        self.token = answer.get("Lock-Token").strip("<>")
        self.head = self.do("HEAD", "a.txt")

    def do(self, method, name, *headers, body=None):
        answer = self.dav.ask(method, name, headers, body)
        assert answer.status < 300, (method, name, answer)
        return answer


class Case:
    """A request, and (method, name, body)s to do `before` it each time. The texts may use {new} (a name that nothing
    has), {etag} and {modified} (of a.txt), {token} (of locked/b.txt), {fresh} (of what `before` has locked), {url} (of
    the scene). `only` "disk": not for any repository, and not for a proxy."""

    def __init__(self, method, status, name, *headers, body=None, chunks=None, before=(), only=None):
        self.method, self.status, self.name, self.headers = method, status, name, headers
        self.body, self.chunks, self.before, self.only = body, chunks, before, only
        self.is_chunked = chunks is not None or any(n == "Transfer-Encoding" for n, _ in headers)
        self.id = f"{method} {status} {name} {' '.join(v for n, v in headers if n != 'Content-Type')}".strip()

    def prepare(self, scene):
        """Makes things ready; returns (target, headers) to send with method, body and chunks."""
        words = {"new": f"new{next(scene.number)}", "url": scene.dav.url, "token": scene.token,
                 "etag": scene.head.get("ETag"), "modified": scene.head.get("Last-Modified")}

        def filled(text):
            for word, value in words.items():
                text = text.replace("{" + word + "}", value)
            return text
        for method, name, body in self.before:
            answer = scene.do(method, filled(name), *[XML] * (body is not None), body=body)
            words["fresh"] = answer.get("Lock-Token", "").strip("<>")
        return scene.dav.url + filled(self.name), [(n, filled(v)) for n, v in self.headers]


def to(name, **headers):
    return ("Destination", "{url}" + name), *headers.items()


MAKE = [("PUT", "{new}", b"x")]
MAKE_STAYING = [("MKCOL", "{new}/", None), ("PUT", "{new}/a", b"x"), ("PUT", "{new}/stay", b"x")]
BAD_IF = ("If", "nonsense")
FALSE_IF = ("If", f"(<{TOKEN}>)")


def plain(method):
    """GET or HEAD."""
    return [
        Case(method, 200, "a.txt"),
        Case(method, 200, "empty.txt"),
        Case(method, 200, "folder/", only="disk"),
        Case(method, 206, "a.txt", ("Range", "bytes=2-5")),
        Case(method, 206, "a.txt", ("Range", "bytes=2-5,7-")),
        Case(method, 304, "a.txt", ("If-None-Match", "{etag}")),
        Case(method, 304, "a.txt", ("If-Modified-Since", "{modified}")),
        Case(method, 304, "empty.txt", ("If-None-Match", "*")),
        Case(method, 400, "a.txt", BAD_IF),
        Case(method, 400, "a.txt", ("X-Long", "x" * 9000)),
        Case(method, 401, "secret"),
        Case(method, 403, "denied"),
        Case(method, 404, "nothing"),
        Case(method, 404, "nothing/"),
        Case(method, 404, ".dav-multistatus-1"),
        Case(method, 412, "a.txt", ("If-Match", '"other"')),
        Case(method, 412, "a.txt", ("If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT")),
        Case(method, 412, "empty.txt", ("If-Match", '"other"')),
        Case(method, 413, "tight/a.txt", body=b"x" * 11, before=[("PUT", "tight/a.txt", b"x")]),
        Case(method, 416, "a.txt", ("Range", "bytes=900000-")),
        Case(method, 416, "a.txt", ("Range", "bytes=2000-")),
    ]


def guarded(method, *headers, body=None):
    """What most methods have in common."""
    case = dict(body=body)
    return [
        Case(method, 400, "a.txt", *headers, BAD_IF, **case),
        Case(method, 401, "secret", *headers, **case),
        Case(method, 403, "denied", *headers, **case),
        Case(method, 403, ".dav-multistatus-1", *headers, **case),
        Case(method, 412, "a.txt", *headers, FALSE_IF, **case),
    ]


def transfers(method):
    return guarded(method, *to("{new}")) + [
        Case(method, 201, "{new}", *to("{new}.to"), before=MAKE),
        Case(method, 204, "{new}", *to("folder/b.txt"), before=MAKE),
        Case(method, 400, "a.txt"),
        Case(method, 400, "folder/", *to("{new}", Depth="1")),
        Case(method, 403, "a.txt", *to("a.txt")),
        Case(method, 403, "folder/", *to("folder/new")),
        Case(method, 404, "nothing", *to("{new}")),
        Case(method, 409, "a.txt", *to("nowhere/{new}")),
        Case(method, 412, "a.txt", *to("folder/b.txt", Overwrite="F")),
        Case(method, 423, "a.txt", *to("locked/b.txt")),
        Case(method, 502, "a.txt", ("Destination", "http://elsewhere.example/")),
    ]


CASES = plain("GET") + plain("HEAD") + [
    Case("POST", 405, "a.txt", body=b"x=1", only="disk"),
    Case("OPTIONS", 200, "a.txt"),
    Case("OPTIONS", 200, "nothing"),
    Case("OPTIONS", 400, "a.txt", BAD_IF),
    Case("OPTIONS", 401, "secret"),
    Case("OPTIONS", 403, "denied"),
    Case("TRACE", 200, "a.txt", only="disk"),
    Case("REPORT", 501, "a.txt", XML, body="<a/>"),
    Case("FROBNICATE", 501, "a.txt"),

    *guarded("PUT", body=b"x"),
    Case("PUT", 201, "{new}", body=b"x"),
    Case("PUT", 201, "{new}", chunks=[b"x" * 1000, b"y" * 1000]),
    Case("PUT", 204, "{new}", body=b"x", before=MAKE),
    Case("PUT", 400, "a.txt", ("Content-Range", "nonsense"), body=b"x"),
    Case("PUT", 400, "{new}", ("Transfer-Encoding", "chunked"), body=b"zz\r\n"),
    Case("PUT", 405, "folder/", body=b"x" * 100_000),
    Case("PUT", 409, "nowhere/new", body=b"x" * 100_000),
    Case("PUT", 412, "a.txt", ("If-None-Match", "*"), body=b"x"),
    Case("PUT", 413, "tight/{new}", body=b"x" * 11),
    Case("PUT", 413, "tight/{new}", chunks=[b"x" * 11]),
    Case("PUT", 423, "locked/b.txt", body=b"x"),

    *guarded("DELETE"),
    Case("DELETE", 204, "{new}", before=MAKE),
    Case("DELETE", 207, "{new}/", before=MAKE_STAYING),
    Case("DELETE", 400, "folder/", ("Depth", "0")),
    Case("DELETE", 404, "nothing"),
    Case("DELETE", 413, "tight/{new}", body=b"x" * 11, before=[("PUT", "tight/{new}", b"x")]),
    Case("DELETE", 423, "locked/b.txt"),

    Case("MKCOL", 201, "{new}/"),
    Case("MKCOL", 400, "{new}/", BAD_IF),
    Case("MKCOL", 401, "secret/"),
    Case("MKCOL", 403, "denied/"),
    Case("MKCOL", 405, "folder/"),
    Case("MKCOL", 409, "nowhere/{new}/"),
    Case("MKCOL", 412, "{new}/", FALSE_IF),
    Case("MKCOL", 415, "{new}/", body=b"x" * 100_000),
    Case("MKCOL", 201, "{new}/", XML, body='<D:mkcol xmlns:D="DAV:"><D:set><D:prop><a/></D:prop></D:set></D:mkcol>'),
    Case("MKCOL", 403, "{new}/", XML, body='<D:mkcol xmlns:D="DAV:"><D:set><D:prop><D:getetag/></D:prop></D:set></D:mkcol>'),

    *transfers("COPY"), *transfers("MOVE"),
    Case("MOVE", 207, "{new}/", *to("{new}.to"), before=MAKE_STAYING),
    Case("MOVE", 423, "locked/b.txt", *to("{new}")),

    Case("PROPFIND", 207, "a.txt", ("Depth", "0")),
    Case("PROPFIND", 207, "folder/", ("Depth", "1"), XML, body=ALLPROP),
    Case("PROPFIND", 207, "folder/", ("Depth", "infinity")),
    Case("PROPFIND", 400, "a.txt", ("Depth", "7")),
    Case("PROPFIND", 400, "a.txt", ("Depth", "0"), BAD_IF),
    Case("PROPFIND", 400, "a.txt", ("Depth", "0"), XML, body="<a>" + "b" * 10_000),
    Case("PROPFIND", 401, "secret", ("Depth", "0")),
    Case("PROPFIND", 403, "denied", ("Depth", "0")),
    Case("PROPFIND", 403, "a.txt", ("Depth", "0"), XML, body=DOCTYPE),
    Case("PROPFIND", 403, "finite/", ("Depth", "infinity")),
    Case("PROPFIND", 404, "nothing", ("Depth", "0")),
    Case("PROPFIND", 413, "tight/", ("Depth", "0"), XML, body=ALLPROP),
    Case("PROPFIND", 415, "a.txt", ("Depth", "0"), ("Content-Type", "image/png"), body="x"),

    *guarded("PROPPATCH", XML, body=PATCH),
    Case("PROPPATCH", 207, "a.txt", XML, body=PATCH),
    Case("PROPPATCH", 207, "a.txt", XML, body=PROTECTED),
    Case("PROPPATCH", 400, "a.txt", XML, body="<a>"),
    Case("PROPPATCH", 400, "a.txt", XML, body=ALLPROP),
    Case("PROPPATCH", 403, "a.txt", XML, body=DOCTYPE),
    Case("PROPPATCH", 404, "nothing", XML, body=PATCH),
    Case("PROPPATCH", 413, "tight/", XML, body=PATCH),
    Case("PROPPATCH", 415, "a.txt", ("Content-Type", "image/png"), body="x"),
    Case("PROPPATCH", 423, "locked/b.txt", XML, body=PATCH),

    *guarded("LOCK", XML, body=LOCK),
    Case("LOCK", 200, "{new}", XML, body=LOCK, before=MAKE),
    Case("LOCK", 200, "locked/b.txt", ("If", "(<{token}>)")),
    Case("LOCK", 201, "{new}", XML, body=LOCK),
    Case("LOCK", 207, "locked/", XML, body=LOCK),
    Case("LOCK", 400, "a.txt"),
    Case("LOCK", 400, "a.txt", XML, body="<a>"),
    Case("LOCK", 409, "nowhere/new", XML, body=LOCK),
    Case("LOCK", 412, "a.txt", ("If", "(<{token}>)")),
    Case("LOCK", 413, "tight/{new}", XML, body=LOCK),
    Case("LOCK", 415, "a.txt", ("Content-Type", "image/png"), body="x"),
    Case("LOCK", 423, "locked/b.txt", XML, body=LOCK),

    Case("UNLOCK", 204, "{new}", ("Lock-Token", "<{fresh}>"), before=[("LOCK", "{new}", LOCK)]),
    Case("UNLOCK", 400, "a.txt"),
    Case("UNLOCK", 400, "a.txt", ("Lock-Token", f"<{TOKEN}>"), BAD_IF),
    Case("UNLOCK", 401, "secret", ("Lock-Token", f"<{TOKEN}>")),
    Case("UNLOCK", 403, "denied", ("Lock-Token", f"<{TOKEN}>")),
    Case("UNLOCK", 409, "a.txt", ("Lock-Token", f"<{TOKEN}>")),
]
