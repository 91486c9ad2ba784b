"""The store of properties: where it is, who owns it, and what happens when it can't be used."""

import contextlib
import os
import pwd
import shutil
import sqlite3
import time

import pytest

import harness
import scenarios
from harness import ALLPROP
from locking import lock_body
from writing import NS, Dav, give, integrity, mounted, prop, store_path

STORE = 'DavMultistatusStore sqlite3 "{root}/%s"'


def is_500(dav, regex, status=500):
    """Whatever changes something fails and changes nothing, and the log says `regex`; reading goes on."""
    assert dav.proppatch("a.txt", ("set", prop("color", "red"))).status == status
    assert dav.server.wait_log(regex)
    before = dav.tree()
    if status == 500:
        for answer in (dav.put("a.txt", b"new"), dav.put("new.txt"), dav.mkcol("new"), dav.delete("a.txt"),
                       dav.copy("a.txt", "new"), dav.move("a.txt", "new"), dav.delete("sub/")):
            assert answer.status == 500, answer
    assert dav.tree() == before
    reading_goes_on(dav)


def reading_goes_on(dav):
    assert dav.get("a.txt").body == b"hello\n"
    for depth in ("0", "1", "infinity"):
        for body in (None, ALLPROP, harness.PROPNAME, harness.prop_body("getetag"), harness.prop_body((NS, "color"))):
            dav.propfind("", depth, body)
    assert dav.propfind("", "1", ALLPROP).names() == sorted(n + "/" * (c is None) for n, c in dav.tree().items()
                                                           if "/" not in n)


@pytest.mark.root
def test_the_directory_is_made_at_the_start(dav_on):
    dav = dav_on(conf=STORE % "made/store.db")
    made = dav.server.root / "made"
    user = pwd.getpwnam(harness.WEB_USER).pw_uid
    assert made.stat().st_uid == user and oct(made.stat().st_mode & 0o7777) == "0o700"
    dav.file("a.txt")
    dav.set("a.txt", color="red")
    assert dav.dead("a.txt") == {"color": "red"}
    for path in made.iterdir():
        assert path.stat().st_uid == user, path


@pytest.mark.root
def test_all_folders_on_the_way_are_made_and_are_roots(dav_on):
    dav = dav_on(conf=STORE % "one/two/three/store.db")
    one = dav.server.root / "one"
    made = [one, one / "two", one / "two/three"]
    assert [(path.owner(), oct(path.stat().st_mode & 0o7777)) for path in made] == [
        ("root", "0o755"), ("root", "0o755"), (harness.WEB_USER, "0o700")]
    dav.file("a.txt")
    dav.set("a.txt", color="red")
    assert dav.dead("a.txt") == {"color": "red"}


def with_folder(name, *entries, mode=0o755):
    """A server whose store is to be in a folder that root has made, with what is in it."""
    server = harness.Server(conf=STORE % f"{name}/store.db")
    folder = server.root / name
    folder.mkdir()
    folder.chmod(mode)
    for entry in entries:
        (folder / entry).touch() if entry.endswith(".db") else (folder / entry).mkdir()
    server.expect_log("the store")
    dav = Dav(server, server.data, "/dav/")
    dav.file("a.txt")
    return dav, folder


@pytest.mark.root
@pytest.mark.parametrize("entries", [(), ("lost+found",)], ids=["empty", "new-file-system"])
def test_a_new_volume_is_the_servers(entries):
    """As a container has it: root's, and nothing in it."""
    dav, folder = with_folder("volume", *entries)
    with running(dav):
        dav.set("a.txt", color="red")
        assert dav.dead("a.txt") == {"color": "red"}
        assert folder.stat().st_uid == pwd.getpwnam(harness.WEB_USER).pw_uid


@pytest.mark.root
@pytest.mark.parametrize("name,entries,mode", [("volume", ("other",), 0o755), ("volume", ("store.db", "other"), 0o755), ("state/inner", (), 0o755), ("open", (), 0o1777)])
def test_what_is_not_taken(name, entries, mode):
    """What has something else in it; where the User could put a link; what that may write already."""
    dav, folder = with_folder(name, *entries, mode=mode)
    with running(dav):
        assert dav.proppatch("a.txt", ("set", prop("color", "red"))).status == (207 if mode == 0o1777 else 500)
        assert folder.stat().st_uid == 0
        told = [line for line in dav.server.new_log() if "dav_multistatus:error" in line]
        assert bool(told) == (mode != 0o1777) and not any("Read-only" in line for line in told), told


def test_a_name_below_the_server_root(dav_on):
    dav = dav_on(conf="DavMultistatusStore sqlite3 state/relative.db")
    dav.file("a.txt")
    dav.set("a.txt", color="red")
    assert (dav.server.root / "state/relative.db").exists()


@pytest.mark.parametrize("line", ["DavMultistatusStore", "DavMultistatusStore sqlite3", "DavMultistatusStore nothing /tmp/x",
                                  'DavMultistatusStore sqlite3 a b', "DavMultistatusSync maybe",
                                  '<Location "/dav/">\nDavMultistatusStore sqlite3 x\n</Location>',
                                  "<VirtualHost *>\nDavMultistatusStore sqlite3 x\n</VirtualHost>"])
def test_a_wrong_directive_is_told(httpd, line):
    with pytest.raises(harness.StartError) as told:
        httpd(conf=line)
    assert "DavMultistatus" in told.value.text


def restart(dav):
    assert not dav.server.stop()
    (dav.server.root / "logs/error.log").unlink()
    dav.server.log_seen = 0
    dav.server.start_once()


def test_properties_survive_a_restart(dav_on):
    dav = dav_on()
    dav.file("a.txt")
    dav.folder("sub")
    dav.set("a.txt", color="red")
    dav.set("sub/", color="blue")
    for again in (dav.server.graceful_restart, lambda: restart(dav)):
        again()
        assert dav.dead("a.txt") == {"color": "red"}
        assert dav.dead("sub/") == {"color": "blue"}
        dav.set("a.txt", color="red")
    assert integrity(dav.server) == ["ok"]


def test_properties_survive_a_kill(dav_on):
    dav = dav_on()
    dav.file("a.txt")
    dav.server.expect_log("exit signal")
    for i in range(3):
        dav.set("a.txt", **{f"n{i}": "x"})
        scenarios.restart(dav.server)
    assert dav.dead("a.txt") == {"n0": "x", "n1": "x", "n2": "x"}
    assert integrity(dav.server) == ["ok"]


@pytest.mark.parametrize("mpm", ["prefork", "worker"])
def test_several_processes_share_it(dav_on, mpm):
    dav = dav_on(mpm=mpm)
    dav.file("a.txt")
    connections = [dav.server.connect() for _ in range(4)]  # each keeps a process of prefork's for itself
    try:
        for i, c in enumerate(connections):
            body = f'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>{prop(f"n{i}", str(i))}</D:prop></D:set></D:propertyupdate>'
            assert c.ask("PROPPATCH", dav.url + "a.txt", [("Content-Type", "text/xml")], body).status == 207
        for c in connections:
            shown = c.ask("PROPFIND", dav.url + "a.txt", [("Depth", "0")], ALLPROP).multistatus()[0]
            assert [shown.text(f"n{i}", NS) for i in range(4)] == ["0", "1", "2", "3"]
    finally:
        for c in connections:
            c.close()


def test_two_servers_share_it(dav_on, httpd):
    """As the manual says, in Many nodes: of one machine."""
    dav = dav_on()
    dav.file("a.txt")
    other = httpd(data=dav.path, conf=f'DavMultistatusStore sqlite3 "{store_path(dav.server)}"')
    assert dav.proppatch("a.txt", ("set", prop("color", "red"))).status == 207
    assert other.server.propfind("/dav/a.txt", "0", ALLPROP)[0].text("color", NS) == "red"
    assert dav.server.ask("LOCK", "/dav/a.txt", [], lock_body()).status == 200
    assert other.server.ask("PUT", "/dav/a.txt", [], b"x").status == 423


# -- a store that can't be used


def with_store(make, log, name="state/odd.db"):
    """A server whose store is made by `make(path)` before it starts."""
    server = harness.Server(conf=STORE % name)
    dav = Dav(server, server.data, "/dav/")
    for n in ("a.txt", "sub/b.txt"):
        dav.file(n)
    make(server.root / name)
    server.expect_log(log)
    return dav


@contextlib.contextmanager
def running(dav):
    wrong = []
    try:
        dav.server.start()
        yield dav
    finally:
        wrong += dav.server.stop()
        dav.server.remove()
    assert not wrong, wrong


def garbage(path):
    path.write_bytes(b"this is no database at all, but long enough to be told from one\n" * 100)
    give(path)


@pytest.mark.parametrize("make", [garbage, lambda path: path.mkdir()], ids=["garbage", "directory"])
def test_one_that_can_not_be_opened(make):
    with running(with_store(make, r"odd\.db|store of properties")) as dav:
        is_500(dav, r"\[dav_multistatus:error\].*odd\.db")


@pytest.mark.root
def test_one_in_a_directory_that_can_not_be_made():
    with running(with_store(lambda p: p.parents[1].write_text(""), "a-file|store of properties", "a-file/deep/store.db")) as dav:
        is_500(dav, r"\[dav_multistatus:error\].*a-file/deep.*DavMultistatusStore")


@pytest.mark.root
def test_one_that_the_user_may_not_read():
    with running(with_store(lambda p: None, r"store\.db|store of properties", "locked/store.db")) as dav:
        shutil.chown(dav.server.root / "locked", 0, 0)
        is_500(dav, r"\[dav_multistatus:error\].*store\.db")


@pytest.mark.root
def test_a_read_only_one():
    server = harness.Server(conf=STORE % "small/store.db")
    server.expect_log("store")
    dav = Dav(server, server.data, "/dav/")
    dav.file("a.txt")
    dav.file("sub/b.txt")
    with mounted(server.root / "small") as path, running(dav):
        dav.set("a.txt", color="red")
        dav.server.stop()
        os.system(f"mount -o remount,ro {path}")
        (dav.server.root / "logs/error.log").unlink()
        dav.server.log_seen = 0
        dav.server.start_once()
        is_500(dav, r"\[dav_multistatus:error\].*store\.db")


@pytest.mark.root
def test_a_full_one_is_507():
    """Large values until no more fit: the last is refused, the others stay, and later there is room again."""
    server = harness.Server(conf=STORE % "small/store.db", location="LimitXMLRequestBody 20000000")
    server.expect_log("store|No space left")
    dav = Dav(server, server.data, "/dav/")
    dav.file("a.txt")
    with mounted(server.root / "small", "2m") as path, running(dav):
        dav.set("a.txt", color="red")
        (path / "ballast").write_bytes(b"x" * 1_000_000)
        count = 0
        while (status := dav.proppatch("a.txt", ("set", prop(f"n{count}", "x" * 200_000))).status) == 207 and count < 30:
            count += 1
        assert status == 507 and count < 30
        assert dav.server.wait_log(r"\[dav_multistatus:error\].*store\.db")
        shown = dav.dead("a.txt")
        assert shown["color"] == "red" and len(shown) == 1 + count
        reading_goes_on(dav)
        (path / "ballast").unlink()
        dav.set("a.txt", color="blue")
        assert dav.dead("a.txt")["color"] == "blue"
        assert dav.delete("a.txt").status == 204


def test_one_of_a_newer_version_is_left_alone(dav_on):
    dav = dav_on()
    dav.file("a.txt")
    dav.folder("sub")
    dav.set("a.txt", color="red")
    assert not dav.server.stop()
    with contextlib.closing(sqlite3.connect(store_path(dav.server))) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        assert version >= 1
        db.execute("PRAGMA user_version = 99")
        before = list(db.execute("SELECT * FROM property"))
    (dav.server.root / "logs/error.log").unlink()
    dav.server.log_seen = 0
    dav.server.expect_log("newer|store of properties")
    dav.server.start_once()
    is_500(dav, r"\[dav_multistatus:error\].*store\.db.*newer")
    with contextlib.closing(sqlite3.connect(store_path(dav.server))) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 99
        assert list(db.execute("SELECT * FROM property")) == before


def test_an_empty_file_becomes_one():
    def empty(path):
        path.touch()
        give(path)
    with running(with_store(empty, "^$")) as dav:
        dav.set("a.txt", color="red")
        assert dav.dead("a.txt") == {"color": "red"}


@pytest.mark.alone
def test_another_process_holds_the_lock(dav_on):
    """A backup, say: writers wait for it, readers don't."""
    dav = dav_on()
    dav.file("a.txt")
    dav.set("a.txt", color="red")
    with contextlib.closing(sqlite3.connect(store_path(dav.server), isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        assert dav.dead("a.txt") == {"color": "red"}
        assert time.monotonic() - start < 1
        with dav.server.connect() as c:
            body = f'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>{prop("color", "blue")}</D:prop></D:set></D:propertyupdate>'
            c.send("PROPPATCH", dav.url + "a.txt", [("Content-Type", "text/xml")], body)
            time.sleep(1)
            db.execute("COMMIT")
            assert c.read_answer("PROPPATCH").status == 207
    assert dav.dead("a.txt") == {"color": "blue"}


# -- a store inside the served folder

INSIDE = 'DavMultistatusStore sqlite3 "{root}/data/inside/store.db"'


def inside(dav_on):
    server_data = dav_on(conf=INSIDE)
    dav = server_data
    if harness.IS_ROOT:
        os.chmod(dav.path / "inside", 0o755)
    dav.file("inside/mine.txt", b"mine")
    dav.file("a.txt", b"a")
    dav.set("inside/mine.txt", color="red")
    names = sorted(p.name for p in (dav.path / "inside").iterdir())
    assert "store.db" in names and "store.db-wal" in names
    processes = [f"store.db-processes/{name}" for name in os.listdir(dav.path / "inside/store.db-processes")]
    assert len(processes) > 1
    return dav, [n for n in names if n != "mine.txt"] + processes


def test_inside_the_folder_it_is_not_listed(dav_on):
    dav, _ = inside(dav_on)
    for body in (None, ALLPROP, harness.RESOURCETYPE, harness.prop_body("displayname")):
        assert dav.propfind("inside/", "1", body).names() == ["mine.txt"]
        assert dav.propfind("", "infinity", body).below() == ["a.txt", "inside/", "inside/mine.txt"]


def test_inside_the_folder_it_is_not_served(dav_on):
    dav, names = inside(dav_on)
    dav.server.expect_log("AH0")
    for name in names:
        for method in ("GET", "HEAD", "PROPFIND"):
            assert dav.ask(method, "inside/" + name, [("Depth", "0")]).status in (403, 404), (method, name)
        assert dav.ask("GET", "inside/%73" + name[1:]).status in (403, 404)
        for method in (dav.copy, dav.move):
            assert method("inside/" + name, "out").status in (403, 404), (method, name)
    assert not dav.disk("out").exists()


def test_inside_the_folder_it_is_not_writable(dav_on):
    dav, names = inside(dav_on)
    dav.server.expect_log("AH00037")  # store.db-processes/store is a link
    for name in names + ["store.db-journal", "store.db-processes/new"]:
        assert dav.put("inside/" + name).status == 403, name
        assert dav.mkcol("inside/" + name).status == 403, name
        assert dav.delete("inside/" + name).status in (403, 404), name
        assert dav.proppatch("inside/" + name, ("set", prop("color", "red"))).status in (403, 404), name
        for method in (dav.copy, dav.move):
            assert method("a.txt", "inside/" + name).status == 403, (method, name)
    assert dav.dead("inside/mine.txt") == {"color": "red"}
    assert integrity_of(dav.path / "inside/store.db") == ["ok"]
    # names that only begin like it are anybody's
    assert dav.put("inside/store.db.txt").status == 201
    assert dav.put("store.db").status == 201
    assert dav.get("store.db").status == 200


def integrity_of(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("PRAGMA integrity_check")]


def test_inside_the_folder_it_does_not_go_along(dav_on):
    dav, names = inside(dav_on)
    before = sorted(os.listdir(dav.path / "inside"))
    for method in (dav.delete, lambda n: dav.move(n, "moved/")):
        assert method("inside/").status == 403
    assert dav.copy("a.txt", "inside").status == 403, "an overwrite would remove the store"
    assert dav.move("a.txt", "inside").status == 403, "an overwrite would remove the store"
    assert sorted(os.listdir(dav.path / "inside")) == before
    if dav.copy("inside/", "copied/").status == 201:
        assert list(dav.tree("copied")) == ["mine.txt"]
    assert dav.dead("inside/mine.txt") == {"color": "red"}
