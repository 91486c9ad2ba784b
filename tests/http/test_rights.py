"""Rights that a method implies, at the root of what it acts on and below: each denied by itself, nothing is done."""

import contextlib
import sqlite3

import pytest

import access
import writing

LOCKINFO = ('<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
            '</D:lockinfo>')


def deny(place, *methods):
    """Only alice may use these methods at a URL below /dav/."""
    return f'<Location "/dav/{place}">\n<Limit {" ".join(methods)}>\nRequire user alice\n</Limit>\n</Location>\n'


CONF = (
    deny("box", "GET") + deny("unread.txt", "GET") + deny("kept", "DELETE") + deny("kept.txt", "DELETE") + deny("noput", "PUT")
    + '<Location "/dav/private">\nRequire user alice\n</Location>\nRedirect 301 "/dav/moved" "http://127.0.0.1/other"\n')


@pytest.fixture(scope="module")
def guarded():
    g = access.Guarded(conf=CONF, location="Require valid-user\n")
    yield g
    access.stop(g)


@pytest.fixture
def g(guarded):
    guarded.begin()
    guarded.expect_refusals()
    guarded.make({"box/a.txt": "secret", "box/sub/b.txt": "secret", "unread.txt": "secret", "kept/in.txt": "kept",
                  "kept.txt": "kept", "free/f.txt": "free", "free.txt": "free", "noput/x": "x", "private/p": "p"})
    yield guarded
    wrong = guarded.end()
    assert not wrong, wrong


def test_a_copy_reads(g):
    assert g.transfer("bob", "COPY", "unread.txt", "got.txt").status in (401, 403)
    assert not (g.server.data / "got.txt").exists()
    assert g.transfer("alice", "COPY", "unread.txt", "got.txt").status == 201


def test_a_copy_of_a_folder_reads_each_file(g):
    """A drop box: who may list it and put something in may not read it, by no way."""
    assert g.ask("bob", "GET", "box/a.txt").status in (401, 403)
    answer = g.transfer("bob", "COPY", "box", "got")
    assert answer.status == 207
    assert set(access.failures(answer, "/dav/box/").values()) == {403}
    assert not [p for p in (g.server.data / "got").rglob("*") if p.is_file()]
    assert g.transfer("alice", "COPY", "box", "all").status == 201
    assert (g.server.data / "all/sub/b.txt").read_text() == "secret"


def test_what_a_copy_or_move_overwrites_is_removed(g):
    for method, source in (("COPY", "free"), ("MOVE", "free"), ("COPY", "free.txt")):
        assert g.transfer("bob", method, source, "kept").status in (401, 403), method
        assert (g.server.data / "kept/in.txt").read_text() == "kept"
    assert g.transfer("bob", "COPY", "free", "kept.txt").status in (401, 403)
    assert (g.server.data / "kept.txt").read_text() == "kept"
    assert g.transfer("bob", "COPY", "free.txt", "kept.txt").status == 204  # another content, as PUT gives it


def test_a_lock_that_makes_a_file_takes_the_right_to_put(g):
    headers = [("Content-Type", "application/xml")]
    assert g.ask("bob", "LOCK", "noput/new", headers, LOCKINFO).status in (401, 403)
    assert not (g.server.data / "noput/new").exists()
    assert g.ask("bob", "LOCK", "noput/x", headers, LOCKINFO).status == 200
    assert g.ask("alice", "LOCK", "noput/new", headers, LOCKINFO).status == 201


def test_a_deep_lock_takes_the_right_to_put_at_its_root_too(g):
    """Of a folder in which nothing would be asked for by itself."""
    for headers in ([("Depth", "infinity")], []):
        assert g.ask("bob", "LOCK", "noput/", [*headers, ("Content-Type", "application/xml")], LOCKINFO).status in (401, 403)
    assert g.ask("alice", "PUT", "noput/x", body=b"x").status == 204
    assert g.ask("bob", "LOCK", "free/", [("Content-Type", "application/xml")], LOCKINFO).status == 200


def test_a_destination_that_needs_a_login_asks_for_it(guarded):
    guarded.begin()
    guarded.expect_refusals()
    guarded.make({"free.txt": "free", "private/p": "p"})
    answer = guarded.transfer("bob", "COPY", "free.txt", "private/new")
    assert answer.status == 401 and answer.get("WWW-Authenticate").startswith("Basic")
    answer = guarded.transfer("bob", "COPY", "free.txt", "moved/new")
    assert answer.status == 502 and answer.get("Location") is None
    assert not guarded.end()


# -- the table: what a method does to what, each act denied by itself, by each kind of rule

# The methods that httpd is asked about, and all of them at once: then it is hidden, too.
DENIED = ("PROPFIND", "GET", "PUT", "PROPPATCH", "LOCK", "UNLOCK", "DELETE", "MKCOL", "ALL")
SECRET = "classified"
# What is denied, in the folder of a rule and a method: a file, a name that nothing has, a folder with a file in it.
FILE, NEW, FOLDER = "denied.txt", "denied-new.txt", "denied/"


def limited(method, text="Require user alice\n"):
    return text if method == "ALL" else f"<Limit {method}>\n{text}</Limit>\n"


def is_asked(method):
    return "" if method == "ALL" else f"%{{REQUEST_METHOD}} == '{method}' && "


# Kind of rule -> what it can deny, and the configuration that does: @URL@ is the folder's URL, @FOLDER@ its path.
RULES = {
    "limit": ((FILE, NEW, FOLDER), lambda m: '<LocationMatch "^@URL@.*denied">\n' + limited(m) + "</LocationMatch>\n"),
    "directory": ((FOLDER,), lambda m: '<Directory "@FOLDER@denied">\n' + limited(m) + "</Directory>\n"),
    "files": ((FILE, NEW), lambda m: '<Directory "@FOLDER@">\n<FilesMatch "^denied">\n' + limited(m) + "</FilesMatch>\n</Directory>\n"),
    "if": ((FILE, NEW, FOLDER), lambda m: '<Directory "@FOLDER@">\n<If "' + is_asked(m) + "%{REQUEST_URI} =~ m#/denied#\">\n"
           "Require user alice\n</If>\n</Directory>\n"),
    "htaccess": ((FILE, NEW), lambda m: '<Directory "@FOLDER@">\nAllowOverride All\n</Directory>\n'),
    "htaccess-folder": ((FOLDER,), lambda m: '<Directory "@FOLDER@">\nAllowOverride All\n</Directory>\n'),
    "rewrite": ((FILE, NEW, FOLDER), lambda m: '<Directory "@FOLDER@">\nRewriteEngine On\nRewriteCond %{REQUEST_URI} "/denied"\n'
                + ("" if m == "ALL" else f'RewriteCond %{{REQUEST_METHOD}} "={m}"\n') + 'RewriteRule "^" "-" [F]\n</Directory>\n'),
    "htaccess-rewrite": ((FILE, NEW, FOLDER), lambda m: '<Directory "@FOLDER@">\nAllowOverride All\n</Directory>\n'),
    "expr": ((FILE, NEW, FOLDER), lambda m: '<Directory "@FOLDER@">\nRequire expr "! (' + is_asked(m)
             + "%{REQUEST_URI} =~ m#/denied#)\"\n</Directory>\n"),
    "env": ((FILE, NEW, FOLDER), lambda m: 'SetEnvIf Request_URI "^@URL@.*denied" hide\n<Directory "@FOLDER@">\n'
            + limited(m, "<RequireAll>\nRequire all granted\nRequire not env hide\n</RequireAll>\n") + "</Directory>\n"),
    "redirect": ((FILE, NEW, FOLDER), lambda m: 'RedirectMatch 404 "^@URL@.*denied"\n' if m == "ALL" else None),
}
HTACCESS = {
    "htaccess": (".htaccess", lambda m: f'<FilesMatch "^denied">\n{limited(m)}</FilesMatch>\n'),
    "htaccess-folder": ("denied/.htaccess", limited),
    "htaccess-rewrite": (".htaccess", lambda m: "RewriteEngine On\n" + 'RewriteCond %{REQUEST_URI} "/denied"\n'
                         + ("" if m == "ALL" else f'RewriteCond %{{REQUEST_METHOD}} "={m}"\n') + 'RewriteRule "^" "-" [F]\n'),
}


class Case:
    """A request, and the acts that it implies on each kind of what is denied: {FILE: "methods", ...}. `top` stands for the
    folder in which that is, `it` for that itself."""

    def __init__(self, request, to=None, body=None, headers=(), **acts):
        method, _, self.path = request.partition(" ")
        self.method, self.to, self.body, self.headers, self.acts = method, to, body, headers, acts
        self.label = request + (f" to {to}" if to else "")
        self.names_it = "it" in self.path or "it" in (to or "")


PATCH = ('<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>')
XML = [("Content-Type", "application/xml")]
CASES = [
    Case("PROPFIND it", headers=[("Depth", "0")], file="PROPFIND", folder="PROPFIND"),
    Case("PROPFIND top", headers=[("Depth", "1")], file="PROPFIND", folder="PROPFIND"),
    Case("PROPFIND top", headers=[("Depth", "infinity")], file="PROPFIND", folder="PROPFIND"),
    Case("GET it", file="GET"),
    Case("PUT it", body="mine", file="PUT", new="PUT"),
    Case("PROPPATCH it", body=PATCH, headers=XML, file="PROPPATCH", folder="PROPPATCH"),
    Case("MKCOL it", new="MKCOL"),
    Case("MKCOL it", body=PATCH.replace("propertyupdate", "mkcol"), headers=XML, new="MKCOL PROPPATCH"),
    Case("LOCK it", body=LOCKINFO, headers=XML, file="LOCK", new="LOCK PUT", folder="LOCK"),
    Case("UNLOCK it", file="UNLOCK", folder="UNLOCK"),
    Case("DELETE it", file="DELETE", folder="DELETE"),
    Case("DELETE top", file="DELETE", folder="DELETE"),
    Case("COPY it", to="out", file="GET", folder="GET"),
    Case("COPY top", to="out", file="GET", folder="GET"),
    Case("MOVE it", to="out", file="DELETE", folder="DELETE"),
    Case("MOVE top", to="out", file="DELETE", folder="DELETE"),
    *(Case(f"{method} free.txt", to="it", file="PUT", new="PUT", folder="PUT DELETE") for method in ("COPY", "MOVE")),
    *(Case(f"{method} free/", to="it", file="PUT DELETE", new="PUT", folder="PUT DELETE") for method in ("COPY", "MOVE")),
    *(Case(f"{method} free/", to="top", file="DELETE", folder="DELETE") for method in ("COPY", "MOVE")),
    *(Case(f"{method} like/", to="over", new="PUT") for method in ("COPY", "MOVE")),
]
WORD = {FILE: "file", NEW: "new", FOLDER: "folder"}


def cases(kind, denied):
    """What a rule that denies a method is there to refuse: [(case, what it denies)]."""
    if RULES[kind][1](denied) is None:
        return []
    return [(case, what) for case in CASES for what in RULES[kind][0]
            if WORD[what] in case.acts and (denied == "ALL" or denied in case.acts[WORD[what]].split())]


def rules_conf(url, path):
    """All rules, where {url}{kind}/{method}/ is a folder on the disk at {path}{kind}/{method}/."""
    made = ((kind, denied, RULES[kind][1](denied)) for kind in RULES for denied in DENIED)
    return "".join(
        text.replace("@URL@", f"{url}{kind}/{denied}/").replace("@FOLDER@", f"{path}{kind}/{denied}/") for kind, denied, text in made if text)


class Place:
    """A server where the rules hold for the URLs below `base`. To have the table run for another place (a proxy, say), make
    one more of these, and name it in the fixture."""

    base = "/dav/"

    def __init__(self):
        self.guarded = access.Guarded(conf=rules_conf(self.base, "{data}/"), location="DavMultistatusSync Off\n",
                                      modules=("rewrite",))
        self.guarded.expect_refusals()
        self.data = self.guarded.server.data

    def prepare(self, kind, denied):
        """The folder of a rule, with what is denied, and other things around it."""
        self.guarded.clear()
        top = f"{kind}/{denied}/"
        files = {top + FILE: SECRET, top + FOLDER + "in.txt": SECRET, top + "open.txt": "open", "free.txt": "free", "free/f.txt": "free",
                 f"like/{FILE}": "like", f"like/{NEW}": "like", "like/sub/open.txt": "like"}
        if kind in HTACCESS:
            name, text = HTACCESS[kind]
            files[top + name] = text(denied)
        self.guarded.make(files)

    def rows(self):
        """What the store keeps."""
        with contextlib.closing(sqlite3.connect(writing.store_path(self.guarded.server), timeout=10)) as db:
            return sorted(map(repr, db.execute("SELECT * FROM property").fetchall() + db.execute("SELECT token FROM lock").fetchall()))

    def ask(self, method, path, headers=(), body=None):
        return self.guarded.server.ask(method, self.base + path, [*access.as_user("bob"), *headers], body)


@pytest.fixture(scope="module", params=[Place], ids=["own"])
def place(request):
    made = request.param()
    yield made
    made.guarded.clear()
    access.stop(made.guarded)


def send(place, case, kind, denied, what):
    top = f"{kind}/{denied}/"
    names = {"it": top + what, "top": top, "out": "out", "over": top + "over/"}
    headers = list(case.headers)
    if case.to:
        headers.append(("Destination", place.base + names[case.to]))
    if case.method == "UNLOCK":
        locked = place.ask("LOCK", top + what, XML, LOCKINFO)
        if locked.status != 200:
            return None  # all is denied, so there is no lock
        headers.append(("Lock-Token", locked.get("Lock-Token")))
    before = place.rows()
    answer = place.ask(case.method, names.get(case.path, case.path), headers, case.body)
    answer.changed_rows = place.rows() != before
    return answer


def what_is_wrong(place, case, kind, denied, what, answer):
    """Nothing of what is denied has been done, or told."""
    folder = place.data / kind / denied
    content = {FILE: {FILE: SECRET}, FOLDER: {"denied/in.txt": SECRET}, NEW: {}}[what]
    for name, text in content.items():
        if not (folder / name).is_file() or (folder / name).read_text() != text:
            yield f"{name} is not what it was"
    if what == NEW and ((folder / NEW).exists() or (folder / "over" / NEW).exists()):
        yield f"{NEW} has been made"
    if what == FILE or case.path == "it":
        if any(p.read_text() == SECRET for p in (place.data / "out").rglob(FILE if what == FILE else "in.txt")):
            yield "it has been copied"
    if answer.changed_rows and case.names_it:
        yield "the store has changed"
    if SECRET.encode() in answer.body:
        yield "its content is told"
    if case.names_it and answer.status < 300 and answer.status != 207:
        yield "it is no refusal"
    if not case.names_it and case.path != "like/" and denied in ("ALL", "PROPFIND") and what.encode().rstrip(b"/") + b"<" in answer.body.replace(b"/<", b"<"):
        yield "it is named"


@pytest.mark.parametrize("kind, denied", [(kind, denied) for kind in RULES for denied in DENIED if cases(kind, denied)])
def test_what_is_denied_is_neither_done_nor_told(place, kind, denied):
    wrong, is_fresh = [], False
    for case, what in cases(kind, denied):
        if not is_fresh:
            place.prepare(kind, denied)
        answer = send(place, case, kind, denied, what)
        is_fresh = not answer or answer.status >= 400 or case.method in ("GET", "PROPFIND")
        if answer:
            wrong += [f"{case.label} ({what}): {answer.status}, {w}" for w in what_is_wrong(place, case, kind, denied, what, answer)]
    assert not wrong, "\n".join(wrong)
