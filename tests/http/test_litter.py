"""What becomes of files that clients strew about (DavMultistatusLitter): ._*, .DS_Store, .Trash*, Thumbs.db, desktop.ini."""

import contextlib
import os
import shutil
import sqlite3

import pytest

import harness
from access import Guarded, as_user, stop
from harness import StartError, last_name, prop_body
from locking import ask_lock, start_again
from shim import Shim
from writing import Dav, give, mounted, store_path, wait_until

NAMES = ["._x", "._", ".DS_Store", ".Trashes", ".Trash-1000", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.INI"]
OTHERS = ["x._", "_x", ".ds_store", ".DS_Store2", ".trashes", "xThumbs.db", "Thumbs.db.txt", "desktop.inis", ".x", "x"]

# README's example: anybody reads, who has logged in writes.
OPEN = "Require method GET HEAD OPTIONS PROPFIND\nRequire valid-user\n"


def start(line, conf="", **kw):
    guarded = Guarded(conf=conf, location=OPEN + line, **kw)
    guarded.server.expect_log("AH01797|AH01618|AH01630|AH01631")
    return guarded


@pytest.fixture(scope="module")
def refusing():
    guarded = start("DavMultistatusLitter refuse", '<Location "/dav/kept">\nDavMultistatusLitter keep\n</Location>')
    yield guarded
    stop(guarded)


CONF = """
<LocationMatch "/\\._denied$">
    Require all denied
</LocationMatch>
<Location "/dav/alices">
    Require user alice
</Location>
AddHandler server-status .stat
Alias "/state" "{root}/state"
<Directory "{root}/state">
    Options Indexes FollowSymLinks
    Require all granted
</Directory>
<Location "/state">
    DavMultistatus On
</Location>
"""


@pytest.fixture(scope="module")
def server_apart():
    guarded = start("DavMultistatusLitter apart 20 100K", CONF)
    yield guarded
    stop(guarded)


@pytest.fixture
def apart(server_apart):
    """A server that keeps litter apart, without any of it."""
    forget(server_apart.server)
    server_apart.begin()
    server_apart.server.expect_log("AH01797|AH01618|AH01630|AH01631")
    yield server_apart
    wrong = server_apart.end()
    assert not wrong, wrong


def folder(server):
    return server.root / "state/store.db-litter"


def forget(server):
    """As if nobody had had any litter: on the disk, and in the sums."""
    shutil.rmtree(folder(server), ignore_errors=True)
    with contextlib.closing(sqlite3.connect(store_path(server), timeout=10)) as db:
        db.execute("DELETE FROM space")
        db.commit()


def litter(server):
    """{path: content} of all that is kept apart."""
    return {p.relative_to(folder(server)): p.read_bytes() for p in folder(server).rglob("*")
            if p.is_file() and p.name != "last-round"}


def listed(guarded, user="alice", name=""):
    return sorted(last_name(r.path.rstrip(b"/")).decode() for r in guarded.propfind(user, name).responses[1:])


def content(guarded, user, name):
    answer = guarded.ask(user, "GET", name)
    return answer.body if answer.status == 200 else answer.status


def token(granted):
    return granted.get("Lock-Token").strip("<>")


# -- keep


def test_they_are_files_like_any_other_unless_something_is_said(dav):
    for name in NAMES:
        assert dav.put(name, b"litter").status == 201
    assert set(dav.tree()) == set(NAMES)
    assert {last_name(r.path).decode() for r in dav.propfind("", "1").responses[1:]} == set(NAMES)


def test_an_inner_section_has_the_last_word(refusing):
    refusing.make({"kept": None})
    assert refusing.ask("alice", "PUT", "kept/._x", body=b"1").status == 201


@pytest.mark.parametrize("line", ["sometimes", "keep 3", "refuse 3", "apart x", "apart 0", "apart 3 x", "apart 3 none", "apart 99999",
                                  "apart -1", ""])
def test_what_the_directive_takes(line):
    with pytest.raises(StartError, match="DavMultistatusLitter takes"):
        harness.Server(location="DavMultistatusLitter " + line).start()


# -- refuse


@pytest.mark.parametrize("name", NAMES)
def test_refuse_makes_none(refusing, name):
    refusing.clear()
    refusing.make({"doc.txt": "text", "sub": None})
    asks = [refusing.ask("alice", "PUT", name, body=b"x"), refusing.ask("alice", "MKCOL", name + "/"),
            refusing.ask("alice", "MKCOL", name), ask_lock(refusing.dav, name, headers=as_user("alice")),
            refusing.ask("alice", "PUT", name, [("Content-Range", "bytes 0-0/*")], b"x"),
            refusing.transfer("alice", "COPY", "doc.txt", name), refusing.transfer("alice", "MOVE", "doc.txt", name),
            refusing.transfer("alice", "MOVE", "sub/", name)]
    assert [answer.status for answer in asks] == [403] * 8
    assert refusing.dav.tree() == {"doc.txt": b"text", "sub": None}


@pytest.mark.parametrize("name", OTHERS)
def test_refuse_refuses_no_other_name(refusing, name):
    refusing.clear()
    assert refusing.ask("alice", "PUT", name, body=b"x").status == 201


def test_refuse_says_so_before_the_body_is_sent(refusing):
    headers = [*as_user("alice"), ("Expect", "100-continue"), ("Content-Length", "1000000"), ("Connection", "close")]
    with refusing.server.connect() as connection:
        connection.send_head("PUT", "/dav/._x", headers)
        answer = connection.read_answer()
    assert (answer.status, answer.interim) == (403, [])


def test_what_is_there_is_read_and_may_go(refusing):
    refusing.clear()
    refusing.make({"._x": "old", "a/.DS_Store": "old", ".Trash-1/files/x": "old"})
    assert content(refusing, None, "._x") == b"old"
    assert listed(refusing) == [".Trash-1", "._x", "a"]
    assert refusing.ask("alice", "PUT", "._x", body=b"new").status == 403
    assert refusing.ask("alice", "PATCH", "._x", [("X-Update-Range", "append"),
                        ("Content-Type", "application/x-sabredav-partialupdate")], b"new").status == 403
    granted = ask_lock(refusing.dav, "._x", headers=as_user("alice"))
    assert granted.status == 200
    assert refusing.ask("alice", "UNLOCK", "._x", [("Lock-Token", f"<{token(granted)}>")]).status == 204
    assert refusing.transfer("alice", "COPY", "a/", "b/").status == 201  # a folder with all that is in it
    assert refusing.transfer("alice", "MOVE", "._x", "x").status == 201
    assert refusing.ask("alice", "DELETE", "a/.DS_Store").status == 204
    assert refusing.ask("alice", "PUT", ".Trash-1/files/y", body=b"y").status == 201
    assert refusing.dav.tree() == {"x": b"old", "a": None, "b": None, "b/.DS_Store": b"old", ".Trash-1": None,
                                   ".Trash-1/files": None, ".Trash-1/files/x": b"old", ".Trash-1/files/y": b"y"}


# -- apart


@pytest.mark.parametrize("name", NAMES)
def test_apart_is_not_in_the_tree_and_in_no_listing(apart, name):
    apart.make({"x": "text"})
    assert apart.ask("alice", "PROPFIND", name, [("Depth", "0")]).status == 404
    assert apart.ask("alice", "PUT", name, body=b"litter").status == 201
    assert apart.dav.tree() == {"x": b"text"}
    assert listed(apart) == ["x"]
    assert content(apart, "alice", name) == b"litter"
    assert list(litter(apart.server).values()) == [b"litter"]
    assert apart.ask("alice", "DELETE", name).status == 204
    assert content(apart, "alice", name) == 404
    assert litter(apart.server) == {}


@pytest.mark.parametrize("name", OTHERS)
def test_apart_is_no_other_name(apart, name):
    assert apart.ask("alice", "PUT", name, body=b"x").status == 201
    assert apart.dav.tree() == {name: b"x"}


def test_what_finder_does_it_can(apart):
    def ask(method, name, *headers, body=None):
        return apart.ask("alice", method, name, headers, body)

    apart.make({"a b": None})
    granted = ask_lock(apart.dav, "a%20b/._f.txt", headers=as_user("alice"))
    assert granted.status == 201
    held = ("If", f"(<{token(granted)}>)")
    assert b"<D:href>/dav/a%20b/._f.txt</D:href>" in granted.body  # the lock's root
    assert ask("PUT", "a%20b/._f.txt", body=b"1").status == 423
    assert apart.ask("alice", "PUT", "a%20b/._f.txt", [held], b"resource fork").status == 204
    put = ask("PUT", "a%20b/._f.txt", held, body=b"the resource fork")
    assert put.status == 204
    (response,) = apart.propfind("alice", "a%20b/._f.txt", "0", harness.ALLPROP)
    assert response.path == b"/dav/a b/._f.txt"
    assert response.text("getcontentlength") == "17" and response.text("displayname") == "._f.txt"
    assert response.text("getcontenttype") == "text/plain" and response.text("getetag") == put.get("ETag")
    got = ask("GET", "a%20b/._f.txt", ("Range", "bytes=0-2"))
    assert (got.status, got.body) == (206, b"the")
    head = ask("HEAD", "a%20b/._f.txt")
    assert (head.status, head.get("Content-Length"), head.get("ETag")) == (200, "17", put.get("ETag"))
    assert ask("UNLOCK", "a%20b/._f.txt", ("Lock-Token", f"<{token(granted)}>")).status == 204
    assert ask("PUT", "a%20b/._f.txt", ("If-Match", '"other"'), body=b"").status == 412
    assert ask("PUT", "a%20b/._f.txt", ("If-Match", put.get("ETag")), body=b"fork").status == 204
    assert ask("PUT", "a%20b/x", ("If", f"</dav/a%20b/._f.txt> ([{put.get('ETag')}])"), body=b"").status == 412
    assert ask("PUT", "a%20b/x", ("If", f"</dav/a%20b/._f.txt> ([{apart.ask('alice', 'HEAD', 'a%20b/._f.txt').get('ETag')}])"),
               body=b"").status == 201
    assert ask("PATCH", "a%20b/._f.txt", ("X-Update-Range", "append"), ("Content-Type", "application/x-sabredav-partialupdate"),
               body=b"!").status == 204
    assert apart.transfer("alice", "MOVE", "a%20b/._f.txt", "a%20b/._g.txt").status == 201
    assert apart.transfer("alice", "COPY", "a%20b/._g.txt", "._h.txt").status == 201
    assert apart.transfer("alice", "COPY", "a%20b/._g.txt", "._h.txt", ("Overwrite", "F")).status == 412
    assert apart.transfer("alice", "COPY", "a%20b/._g.txt", "._h.txt").status == 204
    assert [content(apart, "alice", n) for n in ("a%20b/._f.txt", "a%20b/._g.txt", "._h.txt")] == [404, b"fork!", b"fork!"]
    assert apart.dav.tree() == {"a b": None, "a b/x": b""}
    assert sorted(litter(apart.server).values()) == [b"fork!", b"fork!"]


def test_properties_go_along_and_with_it(apart):
    headers = as_user("alice")
    apart.ask("alice", "PUT", "Thumbs.db", body=b"1")
    apart.dav.patched("Thumbs.db", ("set", "<N:p xmlns:N='urn:n'>v</N:p>"), headers=headers)
    assert apart.transfer("alice", "MOVE", "Thumbs.db", "desktop.ini").status == 201

    def value(name):
        return apart.propfind("alice", name, "0", prop_body(("urn:n", "p")))[0].props().get("{urn:n}p")

    assert value("desktop.ini").text == "v"
    apart.ask("alice", "PUT", "Thumbs.db", body=b"1")
    assert value("Thumbs.db") is None


def test_each_user_has_their_own(apart):
    for user in ("alice", "bob"):
        assert apart.ask(user, "PUT", ".DS_Store", body=user.encode()).status == 201
    assert [content(apart, user, ".DS_Store") for user in ("alice", "bob", None)] == [b"alice", b"bob", 404]
    assert apart.ask(None, "PUT", ".DS_Store", body=b"x").status == 401
    assert apart.ask("alice", "DELETE", ".DS_Store").status == 204
    assert [content(apart, user, ".DS_Store") for user in ("alice", "bob", None)] == [404, b"bob", 404]


def test_a_wrong_password_is_nobody(apart):
    apart.ask("alice", "PUT", "._x", body=b"alice")
    got = apart.dav.get("._x", ("Authorization", "Basic YWxpY2U6d3Jvbmc="))
    assert got.status == 404


def test_who_has_not_logged_in_is_one_user(dav_on):
    dav = dav_on(location="DavMultistatusLitter apart")
    assert dav.put("._x", b"1").status == 201
    assert dav.get("._x").body == b"1"
    assert dav.tree() == {}


def test_what_is_denied_stays_denied(apart):
    apart.make({"alices": None})
    assert [apart.ask("alice", method, "._denied", body=b"x").status for method in ("PUT", "LOCK", "GET", "DELETE")] == [403] * 4
    assert litter(apart.server) == {}
    assert apart.ask("bob", "PUT", "alices/._x", body=b"x").status == 401
    assert apart.ask("alice", "PUT", "alices/._x", body=b"x").status == 201
    assert apart.ask("bob", "GET", "alices/._x").status == 401
    assert apart.ask("bob", "PUT", "._y", body=b"y").status == 201
    assert apart.transfer("bob", "MOVE", "._y", "alices/._y").status == 401
    assert apart.transfer("bob", "COPY", "._y", "._denied").status == 403


def test_no_lock_of_anothers_tree_is_in_the_way(apart):
    apart.make({"sub": None})
    assert ask_lock(apart.dav, "sub/", headers=as_user("alice")).status == 200
    assert apart.ask("bob", "PUT", "sub/x", body=b"x").status == 423
    assert apart.ask("bob", "PUT", "sub/._x", body=b"x").status == 201
    assert ask_lock(apart.dav, "._y", headers=as_user("bob")).status == 201  # nor of another's litter
    assert apart.ask("alice", "PUT", "._y", body=b"y").status == 201


def test_a_folder_takes_its_litter_along_and_a_new_one_has_none(apart):
    apart.make({"a": None, "b": None})
    apart.ask("alice", "PUT", "a/.DS_Store", body=b"of a")
    apart.ask("alice", "PUT", "b/.DS_Store", body=b"of b")
    assert apart.transfer("alice", "MOVE", "a/", "c/").status == 201
    assert content(apart, "alice", "c/.DS_Store") == b"of a"
    assert apart.transfer("alice", "MOVE", "c/", "b/").status == 204
    assert content(apart, "alice", "b/.DS_Store") == b"of a"
    assert apart.transfer("alice", "COPY", "b/", "d/").status == 201
    assert content(apart, "alice", "d/.DS_Store") == 404
    assert apart.ask("alice", "DELETE", "b/").status == 204
    assert content(apart, "alice", "b/.DS_Store") == 404
    assert apart.ask("alice", "MKCOL", "b/").status == 201
    assert content(apart, "alice", "b/.DS_Store") == 404


def test_without_its_folder_there_is_none(apart):
    assert apart.ask("alice", "PUT", "no/._x", body=b"x").status == 409
    assert apart.ask("alice", "GET", "no/._x").status == 404
    assert litter(apart.server) == {}


def test_what_is_in_the_tree_stays_there(apart):
    apart.make({"._x": "old", "sub/Thumbs.db": "old", ".Trash-1/files/x": "old"})
    apart.ask("alice", "PUT", ".DS_Store", body=b"alice")
    assert listed(apart) == [".Trash-1", "._x", "sub"]
    assert content(apart, "bob", "._x") == b"old"
    assert apart.ask("alice", "PUT", "._x", body=b"new").status == 204
    assert content(apart, "bob", "._x") == b"new"
    assert content(apart, "bob", ".Trash-1/files/x") == b"old"
    assert apart.transfer("alice", "COPY", "sub/", "copy/").status == 201
    assert apart.ask("alice", "DELETE", "._x").status == 204
    assert apart.ask("alice", "PUT", "._x", body=b"mine").status == 201
    assert content(apart, "bob", "._x") == 404
    assert apart.dav.tree() == {"sub": None, "sub/Thumbs.db": b"old", "copy": None, "copy/Thumbs.db": b"old",
                                ".Trash-1": None, ".Trash-1/files": None, ".Trash-1/files/x": b"old"}


def test_what_comes_from_the_tree_is_nobodys_litter(apart):
    apart.ask("alice", "PUT", "._x", body=b"mine")
    assert apart.transfer("alice", "MOVE", "._x", "x").status == 201
    assert apart.dav.tree() == {"x": b"mine"} and litter(apart.server) == {}
    assert content(apart, "bob", "x") == b"mine"
    assert apart.transfer("alice", "MOVE", "x", "._x").status == 201  # and back: it may be somebody's work by now
    assert apart.dav.tree() == {"._x": b"mine"} and content(apart, "bob", "._x") == b"mine"
    assert apart.transfer("alice", "COPY", "._x", ".Trashes").status == 201
    assert set(apart.dav.tree()) == {"._x", ".Trashes"} and litter(apart.server) == {}


def test_a_folder_is_not_kept_apart(apart):
    assert [apart.ask("alice", "MKCOL", name).status for name in (".Trash-1000", ".Trashes/", "._x/")] == [403] * 3
    assert apart.dav.tree() == {} and litter(apart.server) == {}


def test_no_handler_runs_it(apart):
    assert apart.ask("alice", "PUT", "._a.stat", body=b"mine").status == 201
    assert content(apart, "alice", "._a.stat") == b"mine"
    apart.make({"b.stat": "x"})
    assert b"Apache" in content(apart, "alice", "b.stat")  # the file's own does


def test_in_a_directory_and_where_a_rule_leads_elsewhere(dav_on):
    dav = dav_on(dav=False, modules=("rewrite",), directory="Options FollowSymLinks\nDavMultistatus On\n"
                 "DavMultistatusLitter apart\nRewriteEngine On\nRewriteRule ^\\._led$ x")
    dav.file("x", b"text")
    dav.folder("sub")
    assert [dav.put(name, b"mine").status for name in ("._x", "sub/.DS_Store")] == [201, 201]
    assert [dav.get(name).body for name in ("._x", "sub/.DS_Store", "._led")] == [b"mine", b"mine", b"text"]
    assert dav.move("._x", "sub/._x").status == 201
    assert dav.tree() == {"x": b"text", "sub": None}


@pytest.mark.no_sanitizer
def test_where_folders_have_no_time_of_birth():
    server = harness.Server(location="DavMultistatusLitter apart")
    try:
        Shim(server, "birth-time")
        server.start()
        dav = Dav(server, server.data, "/dav/")
        assert [dav.mkcol(name).status for name in ("a", "b")] == [201, 201]
        assert dav.put("a/._x", b"of a").status == 201
        assert (dav.get("a/._x").body, dav.get("b/._x").status) == (b"of a", 404)
        assert dav.move("a/", "c/").status == 201
        assert dav.get("c/._x").status == 404  # it is of a path
        assert server.stop() == []
    finally:
        server.remove()


def test_nothing_leads_to_it_but_its_name(apart):
    apart.ask("alice", "PUT", "._x", body=b"secret")
    (path,) = litter(apart.server)
    os.symlink(folder(apart.server), apart.server.data / "link")
    (apart.server.root / "state/other").write_text("a file like any other")
    for name in ("", *(str(p) for p in path.parents if str(p) != "."), str(path)):
        for top in ("/state/store.db-litter/", "/dav/link/"):
            for method in ("GET", "PROPFIND", "DELETE", "PUT"):
                answer = apart.server.ask(method, top + name, [*as_user("bob"), ("Depth", "0")], b"" if method == "PUT" else None)
                assert answer.status in (403, 404, 405), (method, top + name)
    assert [r.path for r in apart.server.propfind("/state/", "infinity")] == [b"/state/", b"/state/other"]
    assert listed(apart, "bob") == []
    assert apart.server.ask("COPY", "/state/", [*as_user("alice"), ("Destination", "/dav/copy")]).status in (207, 403)
    assert not list(apart.server.data.rglob("*litter*"))
    assert content(apart, "alice", "._x") == b"secret"


@pytest.mark.root
def test_it_is_on_another_disk_than_the_tree(apart):
    apart.make({"disk": None})
    with mounted(apart.server.data / "disk"):
        apart.make({}, "disk")
        assert apart.ask("alice", "PUT", "disk/._x", body=b"mine").status == 201
        assert content(apart, "alice", "disk/._x") == b"mine"
        assert apart.transfer("alice", "COPY", "disk/._x", "disk/y").status == 201
        assert apart.transfer("alice", "MOVE", "disk/._x", "disk/x").status == 201
        assert apart.dav.tree() == {"disk": None, "disk/x": b"mine", "disk/y": b"mine"} and litter(apart.server) == {}


# -- bounds


def test_a_users_bytes_are_bounded(apart):
    assert apart.ask("alice", "PUT", "._x", body=b"x" * 60_000).status == 201
    refused = apart.ask("alice", "PUT", "._y", body=b"y" * 60_000)
    assert (refused.status, refused.precondition()) == (507, ["quota-not-exceeded"])
    assert b"(DavMultistatusLitter)" in refused.body and b"DavMultistatusQuota" not in refused.body
    assert apart.dav.ask("PUT", "._y", as_user("alice"), chunks=[b"y" * 30_000] * 2).status == 507
    assert apart.transfer("alice", "COPY", "._x", "._y").status == 507
    assert apart.ask("bob", "PUT", "._y", body=b"y" * 60_000).status == 201  # each user's own
    assert apart.ask("alice", "PUT", "y", body=b"y" * 200_000).status == 201  # and nobody's work
    assert apart.ask("alice", "PUT", "._x", body=b"x" * 100).status == 204
    assert apart.ask("alice", "PUT", "._y", body=b"y" * 60_000).status == 201
    assert apart.ask("alice", "DELETE", "._y").status == 204
    assert apart.ask("alice", "PUT", "._z", body=b"z" * 102_000).status == 201


def test_it_counts_for_no_quota_of_the_tree(dav_on):
    dav = dav_on(location="DavMultistatusLitter apart\nDavMultistatusQuota 1000")
    assert dav.put("x", b"x" * 900).status == 201
    assert dav.put("._x", b"x" * 5000).status == 201
    assert dav.put("y", b"y" * 90).status == 201
    assert dav.put("z", b"z" * 90).status == 507
    assert dav.move("._x", "z").status == 507
    assert dav.put("._z", b"z" * 5).status == 201
    assert dav.move("._z", "z").status == 201


def test_a_users_files_are_bounded(apart):
    assert apart.ask("alice", "PUT", "._x", body=b"").status == 201
    (path,) = litter(apart.server)
    shard = (folder(apart.server) / path).parent
    for i in range(255):
        (shard / str(i)).touch()
    assert apart.ask("alice", "DELETE", "._x").status == 204
    assert apart.ask("alice", "PUT", "._x", body=b"").status == 201
    (shard / "one more").touch()
    assert apart.ask("alice", "PUT", "._x", body=b"new").status == 204  # what is there is no more
    assert apart.ask("alice", "DELETE", "._x").status == 204
    assert [apart.ask("alice", "PUT", "._x", body=b"").status, ask_lock(apart.dav, "._x", headers=as_user("alice")).status] == [507, 507]
    assert apart.ask("bob", "PUT", "._x", body=b"").status == 201


def test_where_it_cannot_be_kept_the_log_says_so(apart):
    apart.ask("alice", "PUT", "._x", body=b"mine")
    (path,) = litter(apart.server)
    user = folder(apart.server) / path.parts[0]
    user.chmod(0o500)
    shard = user / path.parts[1]
    shutil.rmtree(shard)
    assert apart.ask("alice", "PUT", "._x", body=b"mine").status == 403
    apart.server.wait_log(f"Permission denied.*no folder can be made for {shard}/")
    user.chmod(0)
    assert content(apart, "alice", "._x") == 403  # that it can't be told is not that there is none
    apart.server.wait_log(f"Permission denied.*GET /dav/._x: 403, .*: {folder(apart.server) / path}$")
    apart.make({"x": "x"})
    assert apart.transfer("alice", "COPY", "x", "._x").status == 403
    assert apart.dav.tree() == {"x": b"x"}
    user.chmod(0o700)
    assert apart.ask("alice", "PUT", "._x", body=b"mine").status == 201


# -- and away


def start_round(server):
    """Starts a server whose litter is looked through now, as it is once an hour."""
    (folder(server) / "last-round").unlink(missing_ok=True)
    start_again(server)


def age(path, days, modified=None):
    at = path.stat().st_mtime - days * 86400
    os.utime(path, (at, at if modified is None else modified))


def test_away_after_a_while(apart):
    def path_of(text):
        return next(folder(apart.server) / p for p, c in litter(apart.server).items() if c == text)

    for user, name in (("alice", "._old"), ("alice", "._new"), ("alice", "._read"), ("bob", "._to-come")):
        assert apart.ask(user, "PUT", name, body=name.encode()).status == 201
    apart.dav.patched("._old", ("set", "<N:p xmlns:N='urn:n'>v</N:p>"), headers=as_user("alice"))
    assert ask_lock(apart.dav, "._old", headers=as_user("alice")).status == 200
    old, new, read, to_come = (path_of(b) for b in (b"._old", b"._new", b"._read", b"._to-come"))
    age(old, 21)
    age(new, 19)
    age(read, 19, modified=read.stat().st_mtime - 100 * 86400)
    age(to_come, 21, modified=to_come.stat().st_mtime + 100 * 86400)
    apart.server.stop()
    start_round(apart.server)

    def has_gone():
        listed(apart)
        return not old.exists() and not to_come.exists()

    wait_until(has_gone, 20)
    assert new.exists() and read.exists()
    with contextlib.closing(sqlite3.connect(store_path(apart.server))) as db:
        assert db.execute("SELECT count(*) FROM property").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM lock").fetchone() == (0,)
    assert content(apart, "alice", "._old") == 404
    assert apart.ask("alice", "PUT", "._old", body=b"o" * 102_000).status == 201  # it does not count any more
    assert new.exists()


def test_a_round_goes_on_where_another_process_has_ended(apart):
    for user in ("alice", "bob"):
        apart.ask(user, "PUT", "._x", body=b"x")
    for path in litter(apart.server):
        age(folder(apart.server) / path, 21)
    first, second = [entry for entry in os.listdir(folder(apart.server)) if entry != "last-round"]
    apart.server.stop()
    note = folder(apart.server) / "last-round"
    note.write_text(first)
    give(note)
    os.utime(note, (0, 0))
    start_again(apart.server)

    def has_ended():
        listed(apart)
        return not note.read_text()

    wait_until(has_ended, 20)
    assert [path.parts[0] for path in litter(apart.server)] == [first]


def test_empty_folders_go_too(apart):
    apart.ask("alice", "PUT", "._x", body=b"x")
    apart.ask("bob", "PUT", "._x", body=b"x")
    paths = [folder(apart.server) / p for p in litter(apart.server)]
    for path in paths:
        age(path, 21)
    apart.server.stop()
    for path in paths:
        path.unlink()
        age(path.parent, 2)
        age(path.parent.parent, 2)
    age(paths[0].parent.parent, 0)
    start_round(apart.server)

    def has_gone():
        listed(apart)
        return not paths[0].parent.exists() and not paths[1].parent.exists()

    wait_until(has_gone, 20)
    assert apart.ask("alice", "PUT", "._x", body=b"x").status == 201


# -- names, links, locks and other things that lead to it


def test_a_slash_at_the_end_leads_to_the_same(apart):
    apart.ask("alice", "PUT", "._a", body=b"a")
    assert apart.transfer("alice", "MOVE", "._a", "._b/").status == 201
    assert apart.dav.tree() == {} and list(litter(apart.server).values()) == [b"a"]
    assert content(apart, "alice", "._b") == b"a" and content(apart, "bob", "._b") == 404
    assert [apart.ask("alice", method, "._b/").status for method in ("GET", "PROPFIND", "DELETE")] == [404] * 3
    assert apart.ask("alice", "PUT", "._b/", body=b"b").status == 409


@pytest.mark.parametrize("what", ["apart", "refuse"])
def test_however_many_slashes(dav_on, what):
    dav = dav_on(location="DavMultistatusLitter " + what, conf="MergeSlashes Off")
    dav.file("x", b"x")
    assert dav.mkcol("._y//").status == 403
    if what == "apart":
        assert [dav.put("._x", b"mine").status, dav.move("._x", "._y//").status, dav.get("._y").status] == [201, 201, 200]
    else:
        assert dav.copy("x", "._y//").status == 403
    assert dav.tree() == {"x": b"x"}


def test_no_other_module_puts_something_in_its_place(dav_on):
    dav = dav_on(location="DavMultistatusLitter apart", modules=("negotiation", "speling"), directory="Options FollowSymLinks MultiViews\n"
                 "CheckSpelling On\nFallbackResource /dav/fallback.html")
    for name in ("._x.txt", "Thumbs.db", "fallback.html"):
        dav.file(name, b"the tree's")
    names = ("._x", "._xx", "thumbs.db", ".DS_Store")
    assert [dav.put(name, b"mine").status for name in names] == [201] * 4
    assert [dav.get(name).body for name in names] == [b"mine"] * 4
    assert [dav.get(name).status for name in ("._none", "._x.tx")] == [404, 404]
    assert dav.get("none").body == b"the tree's"


def test_what_comes_from_the_tree_takes_the_place_of_litter(apart):
    apart.make({"x": "x", "y": "y", "sub": None})
    apart.ask("alice", "PUT", "._x", body=b"l" * 60_000)
    assert apart.transfer("alice", "COPY", "x", "._x", ("Overwrite", "F")).status == 412
    granted = ask_lock(apart.dav, "._x", headers=as_user("alice"))
    assert apart.transfer("alice", "COPY", "x", "._x").status == 423
    held = ("If", f"</dav/._x> (<{token(granted)}>)")
    assert content(apart, "alice", "._x") == b"l" * 60_000
    assert apart.transfer("alice", "COPY", "x", "._x", held).status == 204
    assert content(apart, "alice", "._x") == b"x" and litter(apart.server) == {}
    assert apart.ask("alice", "DELETE", "._x").status == 204
    assert content(apart, "alice", "._x") == 404  # what was replaced does not come back
    assert apart.ask("alice", "PUT", "._x", body=b"l" * 100_000).status == 201  # nor does it count
    assert apart.transfer("alice", "MOVE", "sub/", "._x").status == 204
    assert litter(apart.server) == {} and set(apart.dav.tree()) == {"x", "y", "._x"}
    apart.ask("bob", "PUT", "._y", body=b"bob")
    assert apart.transfer("alice", "MOVE", "y", "._y", ("Overwrite", "F")).status == 201  # another's is not in the way, ...
    assert list(litter(apart.server).values()) == [b"bob"]  # ... and nobody else's to remove


def test_who_holds_a_lock_on_the_folder_may_say_so(apart):
    apart.make({"sub": None})
    granted = ask_lock(apart.dav, "sub/", headers=as_user("alice"))
    assert apart.ask("alice", "PUT", "sub/._x", [("If", f"(<{token(granted)}>)")], b"x").status == 201
    assert apart.ask("alice", "PUT", "sub/x", [("If", f"</dav/sub/._x> (<{token(granted)}>) (<{token(granted)}>)")], b"x").status == 201
    assert apart.ask("alice", "PUT", "sub/._x", [("If", "(<opaquelocktoken:other>)")], b"x").status == 412


def test_no_shared_cache_keeps_it(apart):
    apart.make({"x": "x"})
    apart.ask("alice", "PUT", "._x", body=b"x")
    told = [apart.ask("alice", "GET", name).get("Cache-Control").split(", ") for name in ("._x", "x")]
    assert "private" in told[0] and told[1] == ["no-cache"]


def test_a_destination_is_the_same_users():
    """Where httpd has not asked who it is, for PUT and COPY."""
    guarded = Guarded(location="Require method GET PUT COPY\nRequire valid-user\nDavMultistatusLitter apart")
    try:
        guarded.server.expect_log("AH01797|AH01618|AH01630|AH01631")
        assert guarded.ask("alice", "PUT", "._x", body=b"x").status == 201
        assert guarded.transfer("alice", "COPY", "._x", "._y").status == 201
        assert [content(guarded, user, "._y") for user in ("alice", None)] == [b"x", 404]
    finally:
        stop(guarded)


def test_what_is_asked_for_is_in_use(apart):
    """Also where the disk is mounted with noatime."""
    apart.ask("alice", "PUT", "._x", body=b"x")
    (path,) = litter(apart.server)
    age(folder(apart.server) / path, 19)
    etag = apart.ask("alice", "HEAD", "._x").get("ETag")
    assert (folder(apart.server) / path).stat().st_atime > (folder(apart.server) / path).stat().st_mtime + 86400
    assert apart.ask("alice", "PUT", "._x", [("If-Match", etag)], b"y").status == 204


def test_both_forms_of_a_name_are_one(dav_on):
    dav = dav_on(location="DavMultistatusLitter apart\nDavMultistatusNames normalize")
    assert dav.put("._e%CC%81", b"NFD").status == 201
    assert dav.put("._%C3%A9", b"NFC").status == 204
    assert dav.get("._e%CC%81").body == b"NFC" and dav.tree() == {}


def test_no_link_leads_to_it(apart):
    apart.ask("alice", "PUT", "._x", body=b"secret")
    (path,) = litter(apart.server)
    apart.make({"sub": None})
    os.symlink(folder(apart.server) / path.parent, apart.server.data / "sub/shard")
    os.symlink(folder(apart.server) / path.parts[0], apart.server.data / "sub/user")
    for name in (f"sub/shard/{path.name}", f"sub/user/{path.parts[1]}/{path.name}", "sub/shard/", "sub/user/"):
        assert content(apart, "bob", name) == 404
        assert apart.ask("bob", "PROPFIND", name, [("Depth", "1")]).status == 403
        assert apart.ask("bob", "DELETE", name).status == 403
    assert [r.path for r in apart.propfind("bob", "sub/", "infinity").responses] == [b"/dav/sub/"]


def test_it_is_hidden_also_when_nothing_is_kept_apart_any_more():
    guarded = start("DavMultistatusLitter apart", CONF)
    server = guarded.server
    try:
        guarded.ask("alice", "PUT", "._x", body=b"secret")
        (path,) = litter(server)
        server.stop()
        server.conf_parts = tuple(part.replace("DavMultistatusLitter apart", "") if isinstance(part, str) else part
                                  for part in server.conf_parts)
        server.write_conf()
        start_again(server)
        assert guarded.ask("alice", "PUT", "._y", body=b"y").status == 201 and set(guarded.dav.tree()) == {"._y"}
        for name in (path, path.parent, path.parts[0], ""):
            top = f"/state/store.db-litter/{name}"
            assert [server.ask(method, top, [*as_user("bob"), ("Depth", "0")]).status for method in ("GET", "PROPFIND", "DELETE")] == [
                404, 403, 403], top
    finally:
        stop(guarded)
