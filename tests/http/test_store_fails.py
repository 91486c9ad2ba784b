"""A store that fails: whose files the server's User can't write, that is full, busy or broken. What can't keep its rows
is not done, and says so: 503 while others write it, 507 where it is full, else 500; and nothing is said to be absent
that can't be read."""

import concurrent.futures
import contextlib
import fcntl
import os
import pwd
import shutil
import sqlite3

import pytest

import harness
from harness import ALLPROP, WEB_USER
from locking import lock_body
from test_store import STORE, running
from writing import NS, Dav, give, mounted, prop, store_path, wait_until


def stop(dav):
    assert not dav.server.stop()
    (dav.server.root / "logs/error.log").unlink()
    dav.server.log_seen = 0


def writes(dav):
    """Each method that writes, on names of its own: {method: a function that asks}. `prepare()` has made what is there."""
    lock = [("Content-Type", "text/xml"), ("Timeout", "Second-100")]
    return {
        "PUT": lambda: dav.put("put", b"new"), "PUT new": lambda: dav.put("put-new", b"new"),
        "MKCOL": lambda: dav.mkcol("mkcol"), "DELETE": lambda: dav.delete("delete"),
        "DELETE tree": lambda: dav.delete("delete-tree/"), "COPY": lambda: dav.copy("copy", "copied"),
        "COPY over": lambda: dav.copy("copy", "put"), "COPY tree": lambda: dav.copy("copy-tree/", "copied-tree"),
        "MOVE": lambda: dav.move("move", "moved"), "MOVE tree": lambda: dav.move("move-tree/", "moved-tree"),
        "PROPPATCH": lambda: dav.proppatch("put", ("set", prop("color", "blue"))),
        "LOCK": lambda: dav.ask("LOCK", "put", lock, lock_body()),
        "LOCK new": lambda: dav.ask("LOCK", "lock-new", lock, lock_body()),
    }


def prepare(dav):
    for name in ("put", "delete", "copy", "move"):
        dav.file(name, name.encode())
        dav.set(name, color=name)
    for name in ("delete-tree", "copy-tree", "move-tree"):
        dav.file(name + "/member", name.encode())
        dav.set(name + "/", color=name)


def rows(path):
    """What the store holds, by key: properties, locks."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return (sorted(db.execute("SELECT key, member, local, xml FROM property JOIN collection ON id = collection")),
                sorted(db.execute("SELECT key, token FROM lock")))


# -- restored as root


def restore_as_root(folder):
    """What `cp -r` of a backup leaves."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.root
def test_one_that_was_restored_as_root_is_given_to_the_user(dav_on):
    dav = dav_on()
    prepare(dav)
    before = rows(store_path(dav.server))
    stop(dav)
    folder = store_path(dav.server).parent
    restore_as_root(folder)
    dav.server.start_once()
    assert rows(store_path(dav.server)) == before
    failed = {name: answer.status for name, ask in writes(dav).items() if (answer := ask()).status >= 300}
    assert not failed
    user = pwd.getpwnam(WEB_USER).pw_uid
    assert {path.lstat().st_uid for path in [folder, *folder.iterdir()]} == {user}
    assert not dav.server.new_alarms()


@pytest.mark.root
def test_root_gives_nothing_else_away(dav_on):
    """The User has put links, and a file that is no store, where the store's are expected; and the folder has others."""
    dav = dav_on()
    stop(dav)
    folder = store_path(dav.server).parent
    secrets = {}
    for suffix in ("-wal", "-shm", "-journal", "-lock"):
        (folder / f"store.db{suffix}").unlink(missing_ok=True)
        secret = dav.server.root / f"secret{suffix}"
        secret.write_text("secret")
        secrets[suffix] = secret
    (folder / "store.db-wal").symlink_to(secrets["-wal"])
    os.link(secrets["-journal"], folder / "store.db-journal")
    shutil.copy(secrets["-shm"], folder / "store.db-shm")
    shutil.copy(secrets["-lock"], folder / "store.db-lock")
    (folder / "others").touch()
    restore_as_root(folder)
    dav.server.expect_log("store")
    dav.server.start_once()
    kept = [folder, folder / "others", *secrets.values(), *(folder / f"store.db{s}" for s in secrets)]
    assert {path.lstat().st_uid for path in kept} == {0}
    assert (folder / "store.db").stat().st_uid == pwd.getpwnam(WEB_USER).pw_uid


@pytest.mark.root
def test_one_that_can_not_be_written_changes_nothing(dav_on):
    """The log says at the start what is wrong, and no method does what it can't note."""
    dav = dav_on()
    prepare(dav)
    stop(dav)
    store = store_path(dav.server)
    os.link(store, store.parent / "store.db.backup")  # a second name: root leaves it alone
    os.chown(store, 0, 0)
    store.chmod(0o644)
    dav.server.expect_log("store")
    dav.server.start_once()
    assert dav.server.wait_log(r"\[dav_multistatus:error\].*store\.db.*server's User must be able to write")
    before = dav.tree(), rows(store)
    assert {name: ask().status for name, ask in writes(dav).items()} == dict.fromkeys(writes(dav), 500)
    assert (dav.tree(), rows(store)) == before
    assert dav.dead("put") == {"color": "put"} and dav.get("put").body == b"put"


# -- busy


def test_one_that_is_busy_is_503(dav_on):
    """Somebody holds the right to write for longer than the directive says: each method says so, and changes nothing."""
    dav = dav_on(conf='DavMultistatusStore sqlite3 "{root}/state/store.db" 1')
    prepare(dav)
    dav.server.expect_log("another request has kept it")
    before = dav.tree(), rows(store_path(dav.server))
    asked = writes(dav)
    with open(str(store_path(dav.server)) + "-lock", "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
            answers = dict(zip(asked, pool.map(lambda ask: ask(), asked.values())))
        assert dav.get("put").body == b"put" and dav.dead("put") == {"color": "put"}
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(asked, 503)
    assert {answer.get("Retry-After") for answer in answers.values()} == {"1"}
    assert (dav.tree(), rows(store_path(dav.server))) == before


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "3601"])
def test_a_wrong_time_is_told(httpd, seconds):
    with pytest.raises(harness.StartError) as told:
        httpd(conf=f"DavMultistatusStore sqlite3 state/store.db {seconds}")
    assert "seconds" in told.value.text


# -- unreadable

DEAD, DISPLAYNAME, LOCKS = "{%s}color" % NS, "{DAV:}displayname", "{DAV:}lockdiscovery"
BROKEN = {
    "garbage": lambda path: path.write_bytes(b"this is no database at all, but long enough to be told\n" * 100),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
}


@pytest.fixture(params=BROKEN)
def unreadable(request, dav_on):
    """A server whose store has been broken while it was down."""
    dav = dav_on()
    prepare(dav)
    stop(dav)
    BROKEN[request.param](store_path(dav.server))
    dav.server.expect_log(r"store\.db|store of properties")
    dav.server.start_once()
    return dav


def told(response):
    return {p.status: set(p.props) for p in response.propstats}


@pytest.mark.parametrize("depth", ["0", "1", "infinity"])
def test_what_can_not_be_read_is_500_and_not_absent(unreadable, depth):
    wanted = harness.prop_body("getetag", "displayname", "lockdiscovery", (NS, "color"), "getcontentlanguage")
    for response in unreadable.propfind("", depth, wanted):
        assert told(response) == {200: {"{DAV:}getetag"}, 404: {"{DAV:}getcontentlanguage"},
                                  500: {DISPLAYNAME, LOCKS, DEAD}}
    for response in unreadable.propfind("", depth, harness.prop_body((NS, "color"))):
        assert told(response) == {500: {DEAD}}
    for response in unreadable.propfind("", depth, harness.prop_body("lockdiscovery")):
        assert told(response) == {500: {LOCKS}}
    for response in unreadable.propfind("", depth, ALLPROP):
        assert told(response)[500] == {DISPLAYNAME, LOCKS} and "{DAV:}resourcetype" in told(response)[200]
        assert response.propstats[-1].description
    for response in unreadable.propfind("", depth, harness.PROPNAME):
        assert told(response)[500] == set() and {DISPLAYNAME, LOCKS} <= told(response)[200]
        assert response.propstats[-1].description


def test_what_needs_no_store_goes_on(unreadable):
    assert unreadable.get("put").body == b"put" and unreadable.ask("HEAD", "put").status == 200
    assert unreadable.ask("OPTIONS", "put").status == 200
    for response in unreadable.propfind("", "infinity", harness.prop_body("getetag", "supportedlock")):
        assert set(told(response)) == {200}


def test_what_can_not_be_asked_of_the_store_is_not_done(unreadable):
    before = unreadable.tree()
    assert {name: ask().status for name, ask in writes(unreadable).items()} == dict.fromkeys(writes(unreadable), 500)
    tag = [("If", f"<{unreadable.url}copy> (Not <urn:uuid:nobody>)")]
    assert unreadable.ask("PUT", "put", tag, b"new").status == 500, "nobody knows whether the token is there"
    assert unreadable.tree() == before


# -- full


@contextlib.contextmanager
def on_a_small_disk():
    """A server whose files and store share a small file system: the Dav of its folder."""
    server = harness.Server(conf=STORE % "data/store/store.db")
    server.expect_log("store|No space left")
    with mounted(server.data, "4m"), running(Dav(server, server.data, "/dav/")) as dav:
        yield dav


def fill(dav):
    """Until not a byte more fits."""
    with open(dav.path / "ballast", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    give(dav.path / "ballast")


def settled(dav):
    """What a DELETE could not note, it notes and completes when there is room: within seconds, in requests."""
    def is_so():
        dav.propfind(depth="1")
        return not intentions(dav) and not any("delete" in str(row) for row in rows(dav.path / "store/store.db")[0])
    wait_until(is_so, 10, "rows of what is gone stay")


def intentions(dav):
    with contextlib.closing(sqlite3.connect(f"file:{dav.path}/store/store.db?mode=ro", uri=True)) as db:
        return db.execute("SELECT count(*) FROM intention").fetchone()[0]


@pytest.mark.root
@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_a_full_disk_lets_delete_make_room(restarted):
    with on_a_small_disk() as dav:
        prepare(dav)
        if restarted:
            stop(dav)
        fill(dav)
        if restarted:
            dav.server.start_once()
        assert dav.dead("delete") == {"color": "delete"}, "reading goes on"
        if not restarted:
            assert dav.proppatch("put", ("set", prop("large", "x" * 100_000))).status == 507
            assert dav.move("move", "moved").status == 507 and dav.get("move").body == b"move"
            assert dav.dead("move") == {"color": "move"}
        assert dav.delete("delete").status == 204
        assert dav.delete("delete-tree/").status == 204
        assert dav.delete("ballast").status == 204
        for name in ("delete", "delete-tree/member"):
            assert not dav.disk(name).exists()
        wait_until(lambda: os.statvfs(dav.path).f_bavail > 100)  # a process may hold it a moment longer than the answer
        assert dav.put("delete", b"new").status == 201 and dav.dead("delete") == {}
        settled(dav)
        assert dav.move("move", "moved").status == 201 and dav.dead("moved") == {"color": "move"}
