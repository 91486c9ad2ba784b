"""The files by which folders configure httpd (AccessFileName): no client writes one, unless DavMultistatusAccessFiles says so."""

import itertools

import pytest

import harness
import writing
from access import failures
from harness import RESOURCETYPE
from locking import lock_body
from writing import prop, update_body

XML = ("Content-Type", "application/xml")
RULES = b"Require all granted\n"
# Not beginning with .ht, which <FilesMatch> denies on Debian, and here; the second server's names count, too.
CONF = 'AccessFileName .acl ".an other" inner/.path\n<VirtualHost *:{port}>\nServerName other.example\nAccessFileName .rules\n</VirtualHost>\n'
NAMES = (".acl", ".an%20other", ".rules")


# A place of each kind.
PLACES = {"auto": "", "off": "DavMultistatusAuthz off", "each": "DavMultistatusAuthz each",
          "open": "DavMultistatusAccessFiles On"}
CONF += "".join(f'<LocationMatch "^/dav/{name}(/|$)">\n{lines}\n</LocationMatch>\n' for name, lines in PLACES.items())


@pytest.fixture(scope="module")
def server():
    server = harness.Server(CONF, location="DavMultistatusSync Off")
    for name in PLACES:
        (server.data / name).mkdir()
    writing.give(server.data)
    yield server.start()
    wrong = server.stop()
    server.remove()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def folder_in(server):
    """folder_in(place) is a fresh folder there."""
    number = itertools.count(1)

    def fresh(place):
        name = f"{place}/t{next(number)}"
        (server.data / name).mkdir()
        return writing.Dav(server, server.data / name, f"/dav/{name}/")
    return fresh


@pytest.fixture(params=["auto", "off", "each"])
def dav(folder_in, request):
    return folder_in(request.param)


@pytest.fixture
def closed(folder_in):
    return folder_in("auto")


@pytest.fixture
def opened(folder_in):
    return folder_in("open")


WRITES = {
    "PUT": lambda dav, name: dav.put(name, RULES),
    "PUT of a part": lambda dav, name: dav.put(name, b"x", ("Content-Range", "bytes 0-0/*")),
    "MKCOL": lambda dav, name: dav.ask("MKCOL", name + "/"),
    "MKCOL without slash": lambda dav, name: dav.ask("MKCOL", name),
    "MKCOL with properties": lambda dav, name: dav.ask(
        "MKCOL", name, [XML], '<D:mkcol xmlns:D="DAV:"><D:set><D:prop><a/></D:prop></D:set></D:mkcol>'),
    "LOCK": lambda dav, name: dav.ask("LOCK", name, [XML], lock_body()),
    "COPY": lambda dav, name: dav.copy("a.txt", name),
    "COPY of a folder": lambda dav, name: dav.copy("folder/", name),
    "MOVE": lambda dav, name: dav.move("a.txt", name),
    "MOVE of a folder": lambda dav, name: dav.move("folder/", name + "/"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_none_is_made(closed, write):
    closed.file("a.txt", RULES)
    closed.folder("folder")
    before = closed.tree()
    for name in NAMES:
        answer = write(closed, name)
        assert answer.status == 403, (name, answer)
        assert closed.tree() == before
        assert write(closed, "folder/" + name).status == 403
    assert closed.tree() == before


CHANGES = {
    "PUT": lambda dav: dav.put(".acl", b"x"),
    "PATCH": lambda dav: dav.ask("PATCH", ".acl", [("Content-Type", "application/x-sabredav-partialupdate"),
                                                   ("X-Update-Range", "append")], b"x"),
    "PROPPATCH": lambda dav: dav.ask("PROPPATCH", ".acl", [XML], update_body(("set", prop("a", "1")))),
    "DELETE": lambda dav: dav.delete(".acl"),
    "MOVE": lambda dav: dav.move(".acl", "b.txt"),
    "COPY over it": lambda dav: dav.copy("a.txt", ".acl"),
    "MOVE over it": lambda dav: dav.move("a.txt", ".acl"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_none_is_changed(closed, change):
    closed.file(".acl", RULES)
    closed.file("a.txt")
    before = closed.tree()
    assert change(closed).status == 403 and closed.tree() == before


def test_reading_is_as_it_was(closed):
    closed.file(".acl", RULES)
    assert closed.get(".acl").body == RULES
    assert closed.propfind("", "1", RESOURCETYPE).names() == [".acl"]
    assert closed.copy(".acl", "b.txt").status == 201 and closed.disk("b.txt").read_bytes() == RULES


def test_names_that_are_alike_are_like_any_other(closed):
    for name in (".acl2", "acl", ".an", ".acl.txt", ".rules/"):
        if name.endswith("/"):
            assert closed.put(name + "x", b"").status == 409
        else:
            assert closed.put(name, b"").status == 201


@pytest.mark.parametrize("name", [".ACL", ".Acl.", ".acl%20.", ".An%20Other", "inner/.path", ".path"])
def test_names_that_are_the_same_to_some_file_systems(closed, name):
    """Those of Windows, say, which this test's is not."""
    closed.folder("inner")
    closed.file("a.txt")
    before = closed.tree()
    for write in "PUT", "MKCOL", "LOCK", "COPY", "MOVE":
        assert WRITES[write](closed, name).status == 403
    assert closed.tree() == before


def test_a_user_who_renames_what_was_uploaded(closed):
    assert closed.put("x", RULES).status == 201
    assert closed.move("x", ".acl").status == 403
    assert closed.ask("MKCOL", "sub/").status == 201
    assert closed.move("x", "sub/.acl").status == 403
    assert list(closed.tree("sub")) == []


def tree(dav):
    dav.file("top/.acl", RULES)
    dav.file("top/a.txt", b"a")
    dav.file("top/sub/b.txt", b"b")
    dav.file("top/sub/.rules", RULES)


STAYING = [".acl", "sub", "sub/.rules"]


def test_a_tree_that_is_copied(dav):
    """By DavMultistatusAuthz off, too."""
    tree(dav)
    answer = dav.copy("top/", "copy/")
    assert failures(answer, dav.url) == {"top/.acl": 403, "top/sub/.rules": 403}
    assert sorted(p.name for p in dav.disk("copy").rglob("*")) == ["a.txt", "b.txt", "sub"]


def test_in_a_tree_that_is_moved_they_stay(dav):
    """A folder of uploads in which nothing runs would come to be one in which it does."""
    tree(dav)
    assert dav.move("top/", "moved/").status == 207
    assert sorted(p.name for p in dav.disk("moved").rglob("*")) == ["a.txt", "b.txt", "sub"]
    assert sorted(str(p.relative_to(dav.disk("top"))) for p in dav.disk("top").rglob("*")) == STAYING
    assert dav.disk("top/.acl").read_bytes() == RULES


def test_in_a_tree_that_is_deleted_they_stay(dav):
    tree(dav)
    assert dav.delete("top/").status == 207
    assert sorted(str(p.relative_to(dav.disk("top"))) for p in dav.disk("top").rglob("*")) == STAYING


def test_a_tree_that_would_be_overwritten_stays_whole(dav):
    tree(dav)
    dav.file("other/c.txt")
    for act in dav.copy, dav.move:
        assert act("other/", "top/").status == 403
    assert len(list(dav.disk("top").rglob("*"))) == 5


def test_a_folder_with_one_can_be_locked(dav):
    tree(dav)
    assert dav.ask("LOCK", "top/", [XML, ("Depth", "infinity")], lock_body()).status == 200


def test_rights_are_told_so(closed):
    closed.file(".acl", RULES)
    body = '<D:propfind xmlns:D="DAV:" xmlns:o="http://owncloud.org/ns"><D:prop><o:permissions/></D:prop></D:propfind>'
    assert closed.propfind(".acl", "0", body)[0].text("permissions", "http://owncloud.org/ns") == "G"


def test_unless_it_is_allowed(opened):
    for name in NAMES:
        assert opened.put(name, RULES).status == 201
        assert opened.put(name, RULES).status == 204
        assert opened.delete(name).status == 204
    tree(opened)
    assert opened.move("top/", "moved/").status == 201
    assert opened.copy("moved/", "copy/").status == 201
    assert opened.delete("moved/").status == 204
    assert len(list(opened.disk("copy").rglob("*"))) == 5


def test_each_place_has_its_own_rule(opened, closed):
    """The Destination's is that of where it is."""
    opened.file(".acl", RULES)
    closed.file("a.txt", RULES)
    assert opened.move(".acl", closed.url + ".acl").status == 403
    assert opened.copy(".acl", closed.url + ".acl").status == 403
    assert failures(opened.copy("", closed.url + "copy/"), "")
    assert not closed.disk("copy/.acl").exists()
    assert closed.copy("a.txt", opened.url + ".rules").status == 201


def test_allowed_it_is_still_httpds_to_say(opened):
    """.ht* on Debian, and here."""
    opened.server.expect_log("client denied")
    assert opened.put(".htaccess", RULES).status == 403


def test_the_default_name_where_nobody_denies_it():
    """As on a server that has no <FilesMatch "^\\.ht">."""
    server = harness.Server('<FilesMatch "^\\.ht">\nRequire all granted\n</FilesMatch>\nAlias "/alias.txt" "{data}/.htaccess"\n'
                            '<Location "/alias.txt">\nDavMultistatus On\n</Location>')
    writing.give(server.data)
    server.start()
    for url in "/dav/.htaccess", "/alias.txt":
        assert b"configures the server" in (answer := server.ask("PUT", url, body=RULES)).body and answer.status == 403
    assert server.ask("PUT", "/dav/.htpasswd", body=RULES).status == 201
    assert not server.stop()
    server.remove()


def test_after_a_restart(closed):
    closed.server.graceful_restart()
    assert closed.put(".acl", RULES).status == 403
