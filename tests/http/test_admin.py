"""dav-multistatus, beside a server that runs: what it shows, changes, copies and finds, and that the server knows.

The program is run as root where the tests are: it becomes the store's owner, and leaves nothing that is not the server's."""

import contextlib
import fcntl
import os
import pwd
import re
import resource
import shutil
import sqlite3
import struct
import subprocess
import termios
import threading
import time
from urllib.parse import unquote

import pytest

import harness
from harness import IS_ROOT, WEB_USER
from locking import DISCOVERY, USERS_CONF, add_users, basic, database, lock, lock_body, locks_on, refresh, tokens_on, unlock
from writing import NS, parse, prop, shape, store_path, update_body, wait_until

PROGRAM = harness.MODULE.parent / "dav-multistatus"
DONE, LEFT, USAGE, FAILED = range(4)


def run(server, *args, code=DONE, **kw):
    """The program's output (also what it complains about, in `errors`), with this server's store."""
    done = subprocess.run([PROGRAM, "--store", store_path(server), *args], capture_output=True, timeout=60, **kw)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert bool(done.stderr) == (code != DONE), done.stderr
    result = Output(done.stdout.decode())
    result.errors = done.stderr.decode()
    if IS_ROOT:
        others = subprocess.run(["find", store_path(server).parent, "-not", "-user", WEB_USER], capture_output=True, text=True)
        assert others.stdout == "", others
    return result


def ids_of(user):
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


class Output(str):
    errors = ""


def key(dav, name=""):
    return (str(dav.path) + "/" + name).rstrip("/")


# -- locks


def test_a_lock_is_listed_and_broken_at_once(dav):
    dav.folder("d")
    dav.file("d/a.txt")
    held, deep = lock(dav, "d/a.txt", scope="shared", depth="0"), lock(dav, "d/", scope="shared", depth="infinity", timeout="Second-600")
    lines = [line.split("\t") for line in run(dav.server, "locks", key(dav)).splitlines()]
    assert [(line[0], line[1], line[2], line[3]) for line in lines] == [
        (key(dav, "d"), deep.token, "infinity", "shared"), (key(dav, "d/a.txt"), held.token, "0", "shared")]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", line[4]) for line in lines)
    run(dav.server, "unlock", "--dry-run", deep.token)
    assert tokens_on(dav, "d/") == {deep.token}
    assert deep.token in run(dav.server, "unlock", deep.token)
    assert not locks_on(dav, "d/") and tokens_on(dav, "d/a.txt") == {held.token}
    assert dav.put("d/b.txt").status == 201
    assert dav.put("d/a.txt").status == 423
    run(dav.server, "unlock", "--below", key(dav))
    assert dav.put("d/a.txt").status == 204
    assert run(dav.server, "locks", key(dav)) == ""
    assert "no lock" in run(dav.server, "unlock", deep.token, code=LEFT).errors


def test_who_reads_slowly_holds_up_nobody(dav_on):
    """A pager, say."""
    dav = dav_on(location="DavMultistatusSync Off")
    for i in range(150):
        lock(dav, f"{i}.txt", timeout="infinite")
    dav.file("other.txt")
    reading, writing = os.pipe()
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    program = subprocess.Popen([PROGRAM, "--store", store_path(dav.server), "unlock", "--below", key(dav)], stdout=writing)
    os.close(writing)
    wait_until(lambda: struct.unpack("i", fcntl.ioctl(reading, termios.FIONREAD, b"1234"))[0] == size)
    dav.set("other.txt", note="x")
    with open(reading, "rb") as output:
        assert len(output.readlines()) == 150
    assert program.wait(timeout=60) == DONE


# -- properties


NAMES = ["a.txt", "%C3%A4%20b%25c.txt", "d/", "d/%E4%BD%A0.txt"]
VALUES = {
    "text": "x &amp; y &lt; z",
    "empty": "",
    "tree": '<m:in xmlns:m="urn:m &amp; more" m:at="1">t<plain xmlns=""/>ail</m:in> end',
}


@pytest.fixture
def filled(dav):
    """Resources with properties of all kinds, on files, folders and the root of the test's folder."""
    for name in NAMES:
        dav.folder(name) if name.endswith("/") else dav.file(name)
    for name in ["", *NAMES]:
        xml = "".join(prop(local, inner, attributes=' xml:lang="de"' if local == "text" else "") for local, inner in VALUES.items())
        assert dav.proppatch(name, ("set", xml + prop("bare", "no namespace", ns=""))).status == 207
    return dav


def all_values(dav):
    """{path: {tag: what the element is}} of all below, as the module shows them."""
    return {r.path: {tag: shape(e) for tag, e in r.props().items() if not tag.startswith("{DAV:}")}
            for r in dav.propfind("", "infinity", harness.ALLPROP)}


def test_properties_are_shown_exported_and_imported(filled, tmp_path):
    dav = filled
    before = all_values(dav)
    assert all(len(values) == 4 for values in before.values()), before
    shown = run(dav.server, "show", key(dav)).splitlines()
    assert len([line for line in shown if line[0] == "/"]) == 1 + len(NAMES)
    assert len(shown) == (1 + len(NAMES)) * 5
    exported = run(dav.server, "export", key(dav))
    responses = parse(exported.encode()).findall("{DAV:}response")
    assert [r.findtext("{DAV:}href") for r in responses] == [key(dav, n) for n in ("", "%C3%A4%20b%25c.txt", "a.txt", "d", "d/%E4%BD%A0.txt")]
    for name in ["", *NAMES]:
        dav.patched(name, ("remove", "".join(prop(local) for local in VALUES) + prop("bare", ns="")))
    assert not any(all_values(dav).values())
    (tmp_path / "x.xml").write_text(exported)
    os.chmod(tmp_path, 0o700)  # which is the caller's to read, not the store's owner's
    assert "would be" in run(dav.server, "import", "--dry-run", tmp_path / "x.xml")
    assert not any(all_values(dav).values())
    run(dav.server, "import", tmp_path / "x.xml", "--user", "ann")
    assert all_values(dav) == before
    with database(dav.server) as db:
        assert {row[0] for row in db.execute("SELECT DISTINCT principal FROM property JOIN collection ON collection = id"
                                             " WHERE key = ?", (key(dav),))} == {"ann"}


def test_what_is_shown_commands_no_terminal(dav):
    dav.file("a.txt")
    dav.set("a.txt", note="\u00a0\u0085\u009b31m\u202etxt\u2069\u20ac\u2067")
    shown, exported = (run(dav.server, command, key(dav)) for command in ("show", "export"))
    assert "\u00a0&#x85;&#x9b;31m&#x202e;txt&#x2069;\u20ac&#x2067;<" in shown and "\u009b31m\u202etxt" in exported


def test_an_import_leaves_what_is_gone_and_says_where_it_is_no_export(filled):
    dav = filled
    exported = run(dav.server, "export", key(dav))
    dav.disk("a.txt").unlink()
    left = run(dav.server, "import", input=exported.encode(), code=LEFT)
    assert left.errors.splitlines() == [f"dav-multistatus: {key(dav, 'a.txt')}: nothing is there"]
    wrong = run(dav.server, "import", input=exported.encode()[:-30], code=FAILED)
    assert re.search(r"line \d+, column \d+: ", wrong.errors)
    live = exported.replace("<D:prop>", "<D:prop><D:getetag>x</D:getetag>", 1)
    assert "{DAV:}getetag" in run(dav.server, "import", input=live.encode(), code=LEFT).errors


def test_many_properties(dav):
    """More than a page, and a member that is read apart; in slices that let others write."""
    count, long = 150, "x" * 5000
    for i in range(count):
        dav.file(f"f{i:04}", b"", own=False)
    values = {f"n{n:02}": f"{n:0900}" for n in range(18)}
    many = "".join(prop(local, text) for local, text in values.items())
    exported = "".join(f'<D:response><D:href>{key(dav)}/f{i:04}</D:href><D:propstat><D:prop>{many}'
                       f'{prop("long", long) if i % 60 == 0 else ""}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>'
                       "</D:response>" for i in range(count))
    document = f'<D:multistatus xmlns:D="DAV:">{exported}</D:multistatus>'.encode()
    assert run(dav.server, "import", input=document) == f"{count * len(values) + 3} properties set\n"
    again = parse(run(dav.server, "export", key(dav)).encode())
    assert [r.findtext("{DAV:}href") for r in again] == [f"{key(dav)}/f{i:04}" for i in range(count)]
    for response in again:
        found = {e.tag.removeprefix("{%s}" % NS): e.text for e in response.find(".//{DAV:}prop")}
        assert found.pop("long", long) == long and found == values


# -- the whole store


class Writers:
    """Clients that set one property of a file each, again and again, to numbers that grow."""

    def __init__(self, dav, names):
        self.dav, self.names, self.answered, self.stopped = dav, names, {}, threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(name,)) for name in names]

    def write(self, name):
        number = 0
        while not self.stopped.is_set():
            number += 1
            self.dav.set(name, number=str(number))
            self.answered[name] = number

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        while len(self.answered) < len(self.names):
            self.stopped.wait(0.01)
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def test_a_backup_has_all_that_was_answered_before(dav_on, tmp_path):
    dav = dav_on(location='DavMultistatusQuota 1G')
    names = [f"w{i}.txt" for i in range(3)]
    for name in ["old.txt", *names]:
        dav.put(name)
    dav.set("old.txt", note="kept")
    held = lock(dav, "old.txt", timeout="Second-3600")
    os.chmod(tmp_path, 0o700)
    with Writers(dav, names) as writers:
        for i in range(3):
            before, backup = dict(writers.answered), tmp_path / f"backup{i}.db"
            run(dav.server, "backup", backup)
            with contextlib.closing(sqlite3.connect(backup)) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                there = {member: parse(xml).text for member, xml in db.execute("SELECT member, xml FROM property WHERE local = 'number'")}
                assert db.execute("SELECT count(*) FROM space").fetchone() == (0,)
            assert all(int(there[name]) >= number for name, number in before.items()), (before, there)
    assert not (store_path(dav.server).parent / "store.db-copy").exists()
    assert "exists" in run(dav.server, "backup", backup, code=FAILED).errors
    assert subprocess.run([PROGRAM, "--store=/nowhere", "backup", tmp_path / "none"]).returncode == FAILED
    assert not (tmp_path / "none").exists()
    restored = harness.Server(data=dav.path)
    try:
        shutil.copy(backup, restored.root / "state" / "store.db")
        restored.start()
        answer = restored.propfind("/dav/old.txt", body=harness.prop_body((NS, "note"), "lockdiscovery"))
        assert answer[0].text("note", NS) == "kept" and held.token.encode() in answer.body
        assert restored.stop() == []
    finally:
        restored.kill()
        restored.remove()


def test_check_finds_wrong_counts_and_mends_them(dav_on):
    dav = dav_on()
    dav.put("a.txt")
    dav.set("a.txt", one="1", two="2")
    assert run(dav.server, "check") == "0 faults, 0 mended\n"
    with database(dav.server) as db:
        right = db.execute("SELECT properties FROM collection").fetchall(), db.execute("SELECT * FROM account").fetchall()
        db.execute("UPDATE collection SET properties = 7")
        db.execute("UPDATE account SET bytes = bytes - 5")
        db.execute("INSERT INTO account VALUES ('ann', 3)")
    with Writers(dav, ["a.txt"]):
        found = subprocess.run([PROGRAM, "-s", store_path(dav.server), "check", "--mend"], capture_output=True, text=True)
    assert found.returncode == DONE and "3 faults, 3 mended" in found.stdout, found
    dav.patched("a.txt", ("remove", prop("number")))
    with database(dav.server) as db:
        accounts = dict(db.execute("SELECT * FROM account").fetchall())
        assert (db.execute("SELECT properties FROM collection").fetchall(), accounts.pop("ann"), accounts) == (right[0], 0, dict(right[1]))
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("DELETE FROM collection")
    found = subprocess.run([PROGRAM, "-s", store_path(dav.server), "check"], capture_output=True, text=True)
    assert found.returncode == LEFT and "2 properties are of no folder" in found.stdout, found


def test_another_version_of_the_schema_is_refused(dav_on):
    dav = dav_on()
    dav.put("a.txt")
    with database(dav.server) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        for other in (version - 1, version + 1):
            db.execute(f"PRAGMA user_version = {other}")
            db.commit()
            assert f"version {other}" in run(dav.server, "locks", code=FAILED).errors
            assert db.execute("PRAGMA user_version").fetchone() == (other,)
        db.execute(f"PRAGMA user_version = {version}")


def test_quotas_are_counted_anew(dav_on):
    dav = dav_on(location='DavMultistatusQuota 1M')
    dav.put("a.txt", b"x" * 1000)
    used = harness.prop_body("quota-used-bytes")
    assert dav.propfind("", body=used)[0].text("quota-used-bytes") == "1000"
    dav.file("b.txt", b"x" * 500)
    assert dav.propfind("", body=used)[0].text("quota-used-bytes") == "1000"
    assert run(dav.server, "recount", "/nowhere") == ""
    assert run(dav.server, "recount", key(dav)) == f"{key(dav)}\t1500\t1000\n"
    assert dav.propfind("", body=used)[0].text("quota-used-bytes") == "1500"


# -- the disk


def test_properties_follow_a_folder_that_was_moved_past_the_server(filled):
    dav, names = filled, ["x.txt", "y.txt"]
    before = {name: value for name, value in all_values(dav).items() if b"/d/" in name}
    lock(dav, "d/%E4%BD%A0.txt")
    dav.file("x.txt"), dav.file("y.txt")
    run(dav.server, "rename", key(dav, "d"), key(dav, "e"), code=LEFT)  # not yet
    with Writers(dav, names) as writers:
        dav.disk("d").rename(dav.disk("e"))
        dav.set("e/%E4%BD%A0.txt", text="newer", more="1")
        assert "would be" in run(dav.server, "rename", "-n", key(dav, "d"), key(dav, "e"))
        assert run(dav.server, "rename", key(dav, "d"), key(dav, "e")) == "2 resources moved\n"
        again = run(dav.server, "rename", key(dav, "d") + "/", key(dav, "e"), code=LEFT)
        assert "no properties" in again.errors and again == "0 resources moved\n"
    assert dav.dead("x.txt") == {"number": str(writers.answered["x.txt"])}
    after = all_values(dav)
    folder, file = dav.url.encode() + b"e/", dav.url.encode() + "e/你.txt".encode()
    assert after[folder] == before[dav.url.encode() + b"d/"]
    assert after[file].pop(f"{{{NS}}}text")[2] == "newer" and after[file].pop(f"{{{NS}}}more")[2] == "1"
    was = before[dav.url.encode() + "d/你.txt".encode()]
    assert after[file] == {tag: value for tag, value in was.items() if not tag.endswith("}text")}
    assert run(dav.server, "show", key(dav, "d")) == "" and run(dav.server, "locks", key(dav)) == ""
    assert run(dav.server, "check") == "0 faults, 0 mended\n"
    assert "wanted" in run(dav.server, "rename", key(dav, "e"), key(dav, "e/f"), code=FAILED).errors


def test_a_rename_that_is_killed_can_be_run_again(dav):
    count = 600
    dav.folder("d")
    for i in range(count):
        (dav.path / f"d/f{i:04}").touch()
    with database(dav.server) as db:
        db.execute("INSERT INTO collection (key) VALUES (?)", (key(dav, "d"),))
        (number,) = db.execute("SELECT id FROM collection WHERE key = ?", (key(dav, "d"),)).fetchone()
        db.executemany("INSERT INTO property VALUES (?, ?, ?, 'p', 10, ?, 'ann')",
                       [(number, f"f{i:04}", NS, prop("p", str(i))) for i in range(count)])
    dav.disk("d").rename(dav.disk("e"))
    with open(os.devnull, "wb") as nothing:
        program = subprocess.Popen([PROGRAM, "-s", store_path(dav.server), "rename", key(dav, "d"), key(dav, "e")], stdout=nothing)

    def moved():
        with database(dav.server) as db:
            return db.execute("SELECT coalesce(sum(properties), 0) FROM collection WHERE key = ?", (key(dav, "e"),)).fetchone()[0]
    wait_until(moved)
    program.kill()
    program.wait()
    run(dav.server, "rename", key(dav, "d"), key(dav, "e"))
    assert moved() == count and run(dav.server, "show", key(dav, "d")) == ""
    assert run(dav.server, "check") == "0 faults, 0 mended\n"
    with database(dav.server) as db:
        assert db.execute("SELECT DISTINCT principal FROM property JOIN collection ON collection = id WHERE key = ?",
                          (key(dav, "e"),)).fetchall() == [("ann",)]


def dead_mark(server):
    """What a reserved name of this store bears whose process is gone."""
    folder = store_path(server).parent / "store.db-processes"
    number = int(os.readlink(folder / "store"), 16) ^ (folder.stat().st_ino * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    return f"{number:016x}-{'0123456789abcdef'}"


def test_store_and_disk_are_compared_and_mended(filled):
    dav = filled
    lock(dav, "d/%E4%BD%A0.txt")
    lock(dav, "c.txt")
    assert run(dav.server, "compare", key(dav)) == "0 faults, 0 mended\n"
    dav.disk("d/%E4%BD%A0.txt").unlink(), dav.disk("c.txt").unlink(), dav.disk("a.txt").unlink()
    left_over = dav.file(f".dav-multistatus-{dead_mark(dav.server)}-abc")
    alive = dav.file(".dav-multistatus-0-0-abc")
    dav.folder("d/.DAV")
    with database(dav.server) as db:
        db.execute("INSERT INTO intention (id, intent, from_key, to_key, deep, identity, replaced, reserved, reached, doubts, owner)"
                   " VALUES (1, 3, ?, '', 0, '', '', '', '', 0, '0123456789abcdef')", (key(dav, "d/none"),))
    found = run_left(dav.server, "compare", key(dav)).splitlines()
    assert {tuple(line.split("\t")[:2]) for line in found[:-1]} == {
        ("gone", key(dav, "d/%e4%bd%a0.txt")), ("gone", key(dav, "c.txt")), ("gone", key(dav, "a.txt")),
        ("unfinished", key(dav, "d/none")), ("left over", str(left_over)), ("mod_dav", key(dav, "d/.DAV"))} and len(found) == 8
    assert left_over.exists()
    run(dav.server, "compare", "--mend", key(dav))
    assert not left_over.exists() and alive.exists()
    assert run(dav.server, "compare", key(dav)).splitlines()[-1] == "0 faults, 0 mended"
    assert run(dav.server, "locks", key(dav)) == "" and key(dav, "a.txt") not in run(dav.server, "show", key(dav))
    assert len(all_values(dav)[dav.url.encode() + b"d/"]) == 4
    alive.unlink()


def run_left(server, *args):
    """What is found is no complaint."""
    done = subprocess.run([PROGRAM, "--store", store_path(server), *args], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (LEFT, ""), done
    return done.stdout


def test_nothing_is_forgotten_of_a_disk_that_is_not_mounted(filled):
    dav = filled
    dav.disk("d").rename(dav.server.root / "away")
    dav.folder("d")
    for path in (key(dav, "d"), key(dav)):
        assert run_left(dav.server, "compare", "-m", path) == f"unknown\t{key(dav, 'd/%e4%bd%a0.txt')}\tproperties\n1 faults, 0 mended\n"
    dav.disk("d").rmdir()
    (dav.server.root / "away").rename(dav.disk("d"))
    assert run(dav.server, "compare", key(dav)) == "0 faults, 0 mended\n"
    shutil.rmtree(dav.disk("d"))
    assert run(dav.server, "compare", "-m", key(dav)).endswith("2 faults, 2 mended\n")
    dav.folder("d")
    dav.file("d/%E4%BD%A0.txt")
    assert not all_values(dav)[dav.url.encode() + b"d/"]


# -- moving from mod_dav

MOD_DAV = """
DavLockDB "{root}/state/lockdb"
Alias "/old" "{data}"
<Location "/old/">
    Dav On
    DavDepthInfinity On
    AuthType Basic
    AuthName dms
    AuthBasicProvider file
    AuthUserFile "{root}/users"
    Require valid-user
</Location>
"""
KINDS = ["sdbm", "gdbm", "db"]


@pytest.fixture(scope="session")
def dbm():
    """The library that has mod_dav_fs use a kind of DBM."""
    work = harness.new_dir("dms-dbm-")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", work / "dbm.so", harness.REPO / "tests/http/preload/dbm.c", "-ldl"], check=True)
    yield work / "dbm.so"
    shutil.rmtree(work)


@pytest.fixture
def moved(dav_on, dbm):
    """moved(kind of DBM): mod_dav at /old/ and the module at /dav/, for the same folder, with some resources in it."""
    def start(kind):
        dav = dav_on(conf=USERS_CONF + MOD_DAV, modules=["dav", "dav_fs"], preload=dbm, env={"DMS_DBM": kind})
        add_users(dav.server, "ann", "ben")
        for name in NAMES:
            dav.folder(name) if name.endswith("/") else dav.file(name)
        return dav
    return start


def ask_old(dav, method, name="", headers=(), body=None, user="ann"):
    return dav.server.ask(method, "/old/" + name, [("Content-Type", "application/xml"), basic(user), *headers], body)


def set_old(dav, name, *xml):
    assert ask_old(dav, "PROPPATCH", name, body=update_body(("set", "".join(xml)))).status == 207


def of_all_kinds():
    """VALUES, and what is said only here: without namespace, DAV:, names and namespaces beyond ASCII, CDATA."""
    return [*(prop(local, inner, attributes=' xml:lang="de"' if local == "text" else "") for local, inner in VALUES.items()),
            prop("bare", "none", ns=""), prop("displayname", "D", ns="DAV:"), prop("ümläut", "<![CDATA[<&]]>ö", ns="urn:a&b'ü")]


def shown(answer, root):
    """{path below: {tag: what the element is}} of the properties that clients have set, whoever answers."""
    found = {}
    for response in parse(answer.body).findall("{DAV:}response"):
        path = response.findtext("{DAV:}href").removeprefix(root)
        for propstat in response.findall("{DAV:}propstat"):
            if "200" in propstat.findtext("{DAV:}status"):
                found[unquote(path)] = {element.tag: shape(element) for element in propstat.find("{DAV:}prop")}
    return found


def shown_by_both(dav):
    """Named ones: with GDBM, mod_dav lists no more than the first."""
    names = [("", "bare"), ("urn:a&b'ü", "ümläut"), *((NS, name) for name in VALUES)]
    headers = [("Depth", "infinity"), ("Content-Type", "application/xml"), basic("ann")]
    return [shown(dav.server.ask("PROPFIND", root, headers, harness.prop_body(*names, "displayname")), root) for root in ("/old/", "/dav/")]


def databases(dav):
    return sorted(path for path in dav.path.rglob("*") if path.is_file() and path.parent.name == ".DAV")


@pytest.mark.parametrize("kind", KINDS)
def test_properties_of_mod_dav_are_taken(moved, kind):
    dav = moved(kind)
    for name in ["", *NAMES]:
        set_old(dav, name, *of_all_kinds())
    before, nothing = shown_by_both(dav)
    assert len(before) == 5 and all(len(values) == 6 for values in before.values()), before
    content = [d.read_bytes() for d in databases(dav)]
    assert len(content) == (10 if kind == "sdbm" else 5)
    assert run(dav.server, "import-dav", "--dry-run", dav.path) == "30 properties would be set\n"
    assert run(dav.server, "show") == "" and all(set(values) == {"{DAV:}displayname"} for values in nothing.values())
    assert run(dav.server, "import-dav", dav.path) == "30 properties set\n"
    assert shown_by_both(dav)[1] == before
    assert run(dav.server, "import-dav", dav.path) == "0 properties set\n"  # it has all of them already
    assert [d.read_bytes() for d in databases(dav)] == content


def test_many_namespaces_of_mod_dav_cost_no_more_than_each(moved):
    dav = moved("gdbm")
    dav.file("n.txt")
    for begin in range(0, 2000, 1000):
        set_old(dav, "n.txt", *(prop("p", str(i), ns=f"urn:{'x' * 100}:{i}") for i in range(begin, begin + 1000)))
    limit = None if harness.PRELOAD else lambda: resource.setrlimit(resource.RLIMIT_AS, (256 << 20,) * 2)
    assert run(dav.server, "import-dav", dav.path, preexec_fn=limit) == "2000 properties set\n"
    found = dav.propfind("n.txt", body=harness.prop_body(*((f"urn:{'x' * 100}:{i}", "p") for i in (0, 1999))), headers=[basic("ann")])
    assert [e.text for e in found[0].props().values()] == ["0", "1999"]


def test_what_can_not_be_taken_of_mod_dav_is_told(moved):
    dav = moved("gdbm")
    for name in NAMES:
        set_old(dav, name, prop("p", "1"), prop("Win32LastModifiedTime", "x", ns="urn:schemas-microsoft-com:"))
    dav.proppatch("a.txt", ("set", prop("p", "2")), headers=[basic("ann")])
    dav.disk("d/%E4%BD%A0.txt").unlink()
    (dav.path / ".DAV" / "odd").write_bytes(b"what is this?")
    name = "%C3%A4%20b%25c.txt"
    damaged = dav.path / ".DAV" / unquote(name)
    damaged.write_bytes(damaged.read_bytes().replace(b"METADATA\x04", b"METADATA\x03"))
    result = run(dav.server, "import-dav", dav.path, code=LEFT)
    said = sorted(line.removeprefix(f"dav-multistatus: {dav.path}/") for line in result.errors.splitlines())
    protected = "Win32LastModifiedTime: the server tells it by itself"
    assert said == sorted([".DAV/odd: no database that is known", "a.txt: has another {urn:example:dms}p already, which stays",
                    f"a.txt: {protected}", f"d/%e4%bd%a0.txt: {protected}", "d/%e4%bd%a0.txt: nothing is there", f"d: {protected}",
                    f"{name.lower()}: the database is of a version of mod_dav that is too old"])
    assert result == "1 properties set\n"
    assert dav.propfind("a.txt", body=harness.prop_body((NS, "p")), headers=[basic("ann")])[0].text("p", NS) == "2"


def lock_old(dav, name, scope="exclusive", depth="0", timeout="Second-3600", user="ann"):
    """Locks with mod_dav: the token, and when it ends, about."""
    answer = ask_old(dav, "LOCK", name, [("Depth", depth), ("Timeout", timeout)], lock_body(scope, f"<x:{user} xmlns:x='urn:x'>A&amp;O</x:{user}>"), user)
    assert answer.status in (200, 201), answer
    seconds = timeout.removeprefix("Second-")
    return answer.get("Lock-Token")[1:-1], time.time() + int(seconds) if seconds != timeout else None


@pytest.mark.parametrize("kind", KINDS)
def test_locks_of_mod_dav_are_taken(moved, kind):
    dav = moved(kind)
    ann, ben = basic("ann"), basic("ben")
    dav.file("short.txt"), dav.file("both.txt"), dav.file("e/f/deep.txt")
    over = lock_old(dav, "short.txt", timeout="Second-1")
    direct = lock_old(dav, "%C3%A4%20b%25c.txt")
    shared = [lock_old(dav, "a.txt", "shared", user=user, timeout=timeout) for user, timeout in (("ann", "Second-3600"), ("ben", "Infinite"))]
    deep = lock_old(dav, "e/", depth="infinity", user="ben")
    lock_old(dav, "nothing.txt")
    lock_old(dav, "both.txt")
    lock(dav, "both.txt", headers=[ann])
    wait_until(lambda: time.time() > over[1])
    args = ["import-dav", "--lock-db", dav.server.root / "state/lockdb", "--url=/dav/", dav.path]
    for _ in range(2):
        taken = run(dav.server, *args, code=LEFT)
        assert sorted(line.rsplit("/", 1)[1] for line in taken.errors.splitlines()) == [
            "both.txt: its lock is left: another stands in its way", "nothing.txt: its lock is left: nothing is there"]
    assert taken == "0 properties set\n0 locks taken\n"
    listed = {line.split("\t")[1]: line.split("\t") for line in run(dav.server, "locks").splitlines()}
    assert set(listed) >= {direct[0], shared[0][0], shared[1][0], deep[0]} and len(listed) == 5
    assert [listed[token][5] for token, _ in shared] == ["ann", "ben"]
    assert listed[shared[1][0]][4] == "never" and listed[deep[0]][2] == "infinity"
    found = {}
    for name in ("a.txt", "%C3%A4%20b%25c.txt", "e/f/deep.txt"):
        for active in dav.propfind(name, body=DISCOVERY, headers=[ann])[0].prop("lockdiscovery"):
            found[active.findtext("{DAV:}locktoken/{DAV:}href")] = active
    assert set(found) == {direct[0], shared[0][0], shared[1][0], deep[0]}
    for (token, end), root, user in ((direct, "%C3%A4%20b%25c.txt", "ann"), (shared[0], "a.txt", "ann"), (shared[1], "a.txt", "ben"), (deep, "e/", "ben")):
        active = found[token]
        assert active.findtext("{DAV:}lockroot/{DAV:}href") == "/dav/" + root
        assert shape(active.find("{DAV:}owner")) == ("{DAV:}owner", (), "", ((("{urn:x}" + user, (), "A&O", ()), ""),))
        timeout = active.findtext("{DAV:}timeout")
        assert timeout == "Infinite" if end is None else abs(int(timeout.removeprefix("Second-")) + time.time() - end) < 30
    assert dav.put("e/f/deep.txt", b"x", ben).status == 423
    assert dav.put("e/f/deep.txt", b"x", ben, ("If", f"</dav/e/> (<{deep[0]}>)")).status == 204
    assert dav.put("e/f/deep.txt", b"x", ann, ("If", f"</dav/e/> (<{deep[0]}>)")).status == 423
    assert refresh(dav, "a.txt", shared[0][0], headers=[ann]).status == 200
    assert unlock(dav, "%C3%A4%20b%25c.txt", direct[0], [ann]).status == 204
    assert dav.put("short.txt", b"x", ben).status == 204


# -- the command line


def test_help_and_manual_tell_of_all_there_is():
    help = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z-]+)(?: |$)", help.partition("Commands:")[2].partition("Options:")[0], re.M)
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"dav-multistatus \d+\.\d+\.\d+\n", version)
    assert commands == "locks unlock show export import import-dav rename compare check recount backup".split()
    manual = PROGRAM.with_name("dav-multistatus.8").read_text().replace("\\-", "-")
    assert all(f".B {command}" in manual for command in commands) and ".SH EXIT STATUS" in manual


@pytest.mark.parametrize("args, code, word", [
    ([], USAGE, "a command is wanted"), (["nothing"], USAGE, "no such command"), (["--nothing"], USAGE, "invalid option"),
    (["locks", "--mend"], USAGE, "takes no --mend"), (["rename", "/a"], USAGE, "takes FROM TO"), (["locks", "a"], FAILED, "absolute"),
    (["import-dav", "/", "--lock-db=/x"], FAILED, "--url"), (["import", "/nowhere/at/all"], FAILED, "No such file"),
    (["backup", "/nowhere/at/all"], FAILED, "No such file"), (["export", "--store=/nowhere"], FAILED, "No such file"), (["check", "x"], USAGE, "no argument")])
def test_what_is_not_understood(server, args, code, word):
    assert word in run(server, *args, code=code).errors


@pytest.mark.parametrize("bytes", [b"", b"root:x:0:0\n" * 100], ids=["empty", "text"])
def test_nothing_is_made_beside_what_is_no_store(bytes, tmp_path):
    (tmp_path / "passwd").write_bytes(bytes)
    done = subprocess.run([PROGRAM, "--store", tmp_path / "passwd", "locks"], capture_output=True, text=True, timeout=60)
    assert done.returncode == FAILED and "is no store" in done.stderr
    assert os.listdir(tmp_path) == ["passwd"] and (tmp_path / "passwd").read_bytes() == bytes


@pytest.mark.root
def test_nobody_but_the_owner_or_root(dav_on):
    dav = dav_on()
    dav.put("a.txt")
    state = store_path(dav.server).parent
    state.chmod(0o755)
    assert run(dav.server, "locks", user=WEB_USER) == ""
    assert "another user's" in run(dav.server, "locks", code=FAILED, user="nobody").errors
    os.chown(store_path(dav.server), 0, 0)  # as restored by root: the server would give it back
    done = subprocess.run([PROGRAM, "--store", store_path(dav.server), "locks"], capture_output=True, text=True)
    assert done.returncode == FAILED and "root's, in another's folder" in done.stderr
    shutil.chown(store_path(dav.server), WEB_USER, WEB_USER)


@pytest.mark.root
def test_a_backup_is_not_written_where_the_user_leads_it(dav_on, tmp_path):
    """Root's rights are for root's paths: where the store's owner may put a link, the owner's do."""
    dav = dav_on()
    dav.set("", note="x")
    state, target = store_path(dav.server).parent, tmp_path / "cron"
    target.write_bytes(b"")
    os.chmod(tmp_path, 0o755)
    for name, to in ("file", target), ("new", tmp_path / "made"), ("folder", tmp_path):
        (state / name).symlink_to(to)
        os.lchown(state / name, *ids_of(WEB_USER))
    for name in "file", "new", "folder/made":
        assert str(state / name) in run(dav.server, "backup", state / name, code=FAILED).errors
    assert target.read_bytes() == b"" and os.listdir(tmp_path) == ["cron"]
    run(dav.server, "backup", state / "backup.db")  # nothing there is root's


@pytest.mark.root
def test_a_store_that_others_may_exchange_is_none_for_root(tmp_path):
    """Who owns the folder would have root become any user, by a link, and write there as that one."""
    os.chmod(tmp_path, 0o755)
    mine, links = tmp_path / "mine", tmp_path / "links"
    for folder, user in (mine, "nobody"), (links, WEB_USER):
        folder.mkdir()
        os.chown(folder, *ids_of(user))
    (mine / "store.db").touch()
    os.chown(mine / "store.db", *ids_of("nobody"))
    (links / "store.db").symlink_to(mine / "store.db")
    (tmp_path / "root").symlink_to(links)
    for way in links / "store.db", tmp_path / "root/store.db":
        done = subprocess.run([PROGRAM, "--store", way, "locks"], capture_output=True, text=True, timeout=60)
        assert done.returncode == FAILED and "others may put a link" in done.stderr
    assert os.listdir(links) == os.listdir(mine) == ["store.db"] and (mine / "store.db").stat().st_size == 0
