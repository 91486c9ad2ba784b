"""Who may what, as clients ask before they offer it: current-user-principal, current-user-privilege-set, oc:permissions."""

import pytest

import harness
from harness import prop_body
from locking import USERS_CONF, add_users, basic
from writing import prop

OC = "http://owncloud.org/ns"
WANTED = prop_body("current-user-principal", "current-user-privilege-set", (OC, "permissions"))
READ = {"read", "read-current-user-privilege-set"}
WRITE = READ | {"write", "write-content", "write-properties"}
FOLDER = WRITE | {"bind", "unbind"}

CONF = """<Location "/dav/">
AuthMerging And
AuthType Basic
AuthName dms
AuthBasicProvider file
AuthUserFile "{root}/users"
<RequireAny>
Require method GET HEAD OPTIONS PROPFIND
Require user anna admin
</RequireAny>
DavMultistatusUnlockAny user admin
</Location>
<Directory "{data}">
<Files "fixed.txt">
<RequireAll>
Require not method DELETE PROPPATCH
Require all granted
</RequireAll>
</Files>
</Directory>
<Location "/dav/closed/">
<LimitExcept GET PROPFIND>
Require all denied
</LimitExcept>
</Location>
"""


def told(response):
    """The last part of the principal, the set of privileges, and the letters."""
    principal = response.prop("current-user-principal")
    href = principal.findtext("{DAV:}href")
    assert (href is None) == (principal.find("{DAV:}unauthenticated") is not None)
    names = [p[0].tag.removeprefix("{DAV:}") for p in response.prop("current-user-privilege-set")]
    assert len(names) == len(set(names))
    return href and href.rsplit("/", 1)[1], set(names), response.text("permissions", OC)


def rights(dav, name="", depth="0", *headers):
    return {r.href.removeprefix(dav.url): told(r) for r in dav.propfind(name, depth, WANTED, headers)}


@pytest.fixture
def users(dav_on):
    dav = dav_on(conf=CONF)
    add_users(dav.server, "anna", "admin", "ben")
    for name in ("a.txt", "b.txt", "fixed.txt", "sub/c.txt", "closed/d.txt"):
        dav.file(name)
    return dav


def test_all_is_allowed(dav):
    dav.file("a.txt")
    assert rights(dav, "", "1") == {"": (None, FOLDER, "GDNVCK"), "a.txt": (None, WRITE, "GDNVW")}


def test_each_as_it_is(users):
    nobody = rights(users, "", "infinity")
    assert {v for k, v in ((k, (p, tuple(sorted(s)), o)) for k, (p, s, o) in nobody.items())} == {(None, tuple(sorted(READ)), "G")}
    assert rights(users, "", "1", basic("anna")) == {
        "": ("anna", FOLDER, "GCK"),  # what httpd has mapped itself stays
        "a.txt": ("anna", WRITE, "GDNVW"), "b.txt": ("anna", WRITE, "GDNVW"),
        "fixed.txt": ("anna", READ | {"write-content"}, "GW"), "sub/": ("anna", FOLDER, "GDNVCK"),
        "closed/": ("anna", READ, "G")}
    # where nobody may do anything for which httpd asks who it is, it is who it is in the folder around it
    assert rights(users, "closed/", "1", basic("anna")) == {"closed/": ("anna", READ, "G"), "closed/d.txt": ("anna", READ, "G")}
    assert rights(users, "closed/d.txt", "0", basic("anna")) == {"closed/d.txt": ("anna", READ, "G")}
    assert rights(users, "sub/c.txt", "0", basic("admin")) == {"sub/c.txt": ("admin", WRITE | {"unlock"}, "GDNVW")}


def test_who_may_only_read_is_somebody(users):
    """In a listing as by itself: httpd knows who ben is, although it lets him change nothing."""
    for name in ("", "a.txt", "fixed.txt", "sub/", "sub/c.txt", "closed/", "closed/d.txt"):
        for depth in ("0", "1"):
            told = rights(users, name, depth, basic("ben"))
            assert {principal for principal, _, _ in told.values()} == {"ben"}, (name, told)
    wrong = [("Authorization", "Basic YmVuOndyb25n")]  # ben:wrong
    for headers in ([], wrong, basic("nobody")):
        assert {p for p, _, _ in rights(users, "sub/", "1", *([headers] if isinstance(headers, tuple) else headers)).values()} == {None}


def test_what_is_told_is_so(users):
    """By asking for the act itself."""
    users.server.expect_log("AH01630")
    for name, headers in (("a.txt", [basic("anna")]), ("fixed.txt", [basic("anna")]), ("b.txt", []), ("closed/d.txt", [basic("anna")])):
        (_, privileges, letters), = rights(users, name, "0", *headers).values()
        assert (users.put(name, b"x", *headers).status == 204) == ("write-content" in privileges) == ("W" in letters)
        assert (users.ask("DELETE", name, headers).status == 204) == ("D" in letters)


METHODS = ["GET", "PUT", "DELETE", "PROPPATCH", "MKCOL", "MOVE"]
RULES = {
    **{"no-" + m: f"<Limit {m}>\nRequire all denied\n</Limit>" for m in METHODS},
    **{"only-" + m: f"<LimitExcept {m} PROPFIND>\nRequire all denied\n</LimitExcept>" for m in METHODS},
    **{"not-" + m: f"<RequireAll>\nRequire not method {m}\nRequire all granted\n</RequireAll>" for m in METHODS}}


def acts(dav, folder):
    """What is told of a file and a folder in `folder`, each as (what, whether it is told, whether it is so)."""
    told = {k: (p, letters) for k, (_, p, letters) in rights(dav, folder, "1").items()}
    (file, f), (sub, s) = told[folder + "f"], told[folder + "g/"]
    yield "G", "G" in f, dav.get(folder + "f").status < 300
    yield "W", "W" in f, dav.put(folder + "f", b"x").status < 300
    yield "write-content", "write-content" in file, dav.put(folder + "f", b"x").status < 300
    yield "write-properties", "write-properties" in file, dav.proppatch(folder + "f", ("set", prop("x", "1"))).status < 300
    yield "C", "C" in s, dav.put(folder + "g/file", b"x").status < 300
    yield "bind", "bind" in sub, dav.put(folder + "g/more", b"x").status < 300
    yield "K", "K" in s, dav.mkcol(folder + "g/made").status < 300
    dav.file(folder + "g/goes")
    yield "unbind", "unbind" in sub, dav.delete(folder + "g/goes").status < 300
    dav.file(folder + "h")
    yield "NV", "NV" in f, dav.move(folder + "h", folder + "i").status < 300
    dav.folder(folder + "j")
    yield "NV of a folder", "NV" in s, dav.move(folder + "j", folder + "k").status < 300
    yield "D", "D" in f, dav.delete(folder + "f").status < 300
    yield "D of a folder", "D" in s, dav.delete(folder + "g").status < 300


def test_each_letter_is_what_its_method_does(dav_on):
    dav = dav_on(conf="\n".join(f'<Location "/dav/{name}/">\n{rule}\n</Location>' for name, rule in RULES.items()))
    dav.server.expect_log("AH01630")
    wrong = []
    for name in RULES:
        dav.file(name + "/f")
        dav.folder(name + "/g")
        wrong += [(name, what, told, so) for what, told, so in acts(dav, name + "/") if told != so]
    assert not wrong


def test_only_where_it_is_named(dav):
    for body in (harness.ALLPROP, harness.PROPNAME):
        (response,) = dav.propfind("", "0", body)
        assert not response.locals() & {"current-user-principal", "current-user-privilege-set", "permissions"}


def test_a_principal_is_a_path(dav_on):
    dav = dav_on(conf=USERS_CONF)
    add_users(dav.server, "J\u00f6rg A/B")
    body = prop_body("current-user-principal")
    (response,) = dav.propfind("", "0", body, [basic("J\u00f6rg A/B")])
    href = response.prop("current-user-principal").findtext("{DAV:}href")
    assert href == "/.dav-multistatus-principals/J%C3%B6rg%20A%2FB"
    assert dav.server.ask("PROPFIND", href, [("Depth", "0")]).status in (403, 404, 405)


@pytest.mark.no_sanitizer
def test_asked_for_once_a_folder(dav_on):
    """The log tells of each question."""
    dav = dav_on(conf=CONF + "LogLevel dav_multistatus:trace2\n")
    add_users(dav.server, "anna")
    for i in range(50):
        dav.file(f"{i}.txt")
        dav.folder(f"d{i}")
    offset = len(dav.server.log_text())
    assert len(rights(dav, "", "1", basic("anna"))) == 101
    asked = dav.server.log_text()[offset:].count("asked httpd for ")
    assert asked < 50 + 25, asked  # PROPFIND for each folder, as without
