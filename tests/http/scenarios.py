"""Requests that write, each with what it begins from and what it may leave, whatever befalls it in the midst: what
test_kill.py and test_faults.py share.

prepare(dav) returns method, name, headers and body. check(dav) returns "before" or "after", or asserts; a tree that is
removed or moved by copying may be "between" too, so may one of which members have failed (partly)."""

import contextlib
import itertools
import os
import shutil
import sqlite3
import time

import harness
import shim
from writing import NS, Dav, leftovers, mounted, prop, store_path, update_body, wait_until

SOURCE = {"c.txt": b"c", "deep": None, "deep/d.txt": b"d"}
SOURCE_PROPS = {"": {"x": "source"}, "c.txt": {"x": "c"}, "deep/": {}, "deep/d.txt": {"x": "d", "y": "d2"}}
OLD = {"c.txt": b"old c", "e.txt": b"old e"}
OLD_PROPS = {"": {"x": "old"}, "c.txt": {}, "e.txt": {"x": "old e"}}


def make(dav, name, tree, props):
    for path, content in tree.items():
        dav.folder(f"{name}/{path}") if content is None and not dav.disk(f"{name}/{path}").exists() else None
        if content is not None:
            dav.file(f"{name}/{path}", content)
    for path, values in props.items():
        if values:
            dav.set(f"{name}/{path}", **values)


def state(dav, name):
    """None where nothing is, otherwise the tree and its properties."""
    if not os.path.lexists(dav.disk(name)):
        return None
    if dav.disk(name).is_dir():
        return dav.tree(name), dav.dead(name + "/", "infinity")
    return dav.disk(name).read_bytes(), dav.dead(name)


SOURCE_STATE, OLD_STATE = (SOURCE, SOURCE_PROPS), (OLD, OLD_PROPS)


def no_ghosts(dav, name, tree):
    """Where nothing is, nothing is kept for it: what appears there without this server's doing has no properties."""
    if isinstance(tree, dict):
        for path, content in tree.items():
            if content is not None:
                dav.file(f"{name}/{path}", content)
        assert not any(dav.dead(name + "/", "infinity").values()), "properties wait for what is gone"
    else:
        dav.file(name)
        assert not dav.dead(name), "properties wait for what is gone"


class Move:
    def __init__(self, to="new", old=None):
        self.to, self.old = to, old

    def prepare(self, dav):
        make(dav, "source", SOURCE, SOURCE_PROPS)
        if self.old:
            make(dav, self.to, *self.old)
        return "MOVE", "source/", [("Destination", dav.url + self.to)], None

    def partly(self, dav):
        """After a 207: each member is at its old place or its new one, with what belongs to it."""
        old, new = state(dav, "source") or ({}, {}), state(dav, self.to) or ({}, {})
        if old == SOURCE_STATE and state(dav, self.to) == self.old:
            return
        for path, content in SOURCE.items():
            places = [place for place in (old, new) if path in place[0]]
            key = path if content is not None else path + "/"
            assert places and all(place[0][path] == content and place[1][key] == SOURCE_PROPS[key] for place in places), (
                path, old, new)

    def check(self, dav):
        at_source, at_target = state(dav, "source"), state(dav, self.to)
        if at_source == SOURCE_STATE and at_target == self.old:
            if at_target is None:
                no_ghosts(dav, self.to, SOURCE)
            return "before"
        assert at_target == SOURCE_STATE, (at_source, at_target)
        if "mount" in self.to and at_source is not None:  # what has been copied is being removed at its old place
            assert set(at_source[0]) <= set(SOURCE)
            return "between"
        assert at_source is None, at_source
        no_ghosts(dav, "source", SOURCE)
        return "after"


class Copy(Move):
    def prepare(self, dav):
        super().prepare(dav)
        return "COPY", "source/", [("Destination", dav.url + self.to)], None

    def check(self, dav):
        assert state(dav, "source") == SOURCE_STATE
        at_target = state(dav, self.to)
        if at_target == self.old:
            if at_target is None:
                no_ghosts(dav, self.to, SOURCE)
            return "before"
        assert at_target == SOURCE_STATE, at_target
        return "after"


FILE, OTHER = (b"source", {"of": "source", "source": "x"}), (b"new", {"of": "new", "new": "x"})


class File:
    """A file with properties, over another one with others, or over a folder; or a folder over a file."""

    def __init__(self, method, to="new", old=OTHER, new=FILE):
        self.method, self.to, self.old, self.new = method, to, old, new

    def prepare(self, dav):
        for name, what in (("source", self.new), (self.to, self.old)):
            if what and isinstance(what[0], dict):
                make(dav, name, *what)
            elif what:
                dav.file(name, what[0])
                dav.set(name, **what[1]) if what[1] else None
        return self.method, "source", [("Destination", dav.url + self.to)], None

    def check(self, dav):
        found = state(dav, "source"), state(dav, self.to)
        if found == (self.new, self.old):
            if self.old is None:
                no_ghosts(dav, self.to, None)
            return "before"
        if "mount" in self.to and found == (self.new, self.new):
            return "between"
        assert found == (self.new if self.method == "COPY" else None, self.new), found
        if self.method == "MOVE":
            no_ghosts(dav, "source", self.new[0])
        return "after"


class Bare(File):
    """A file without properties."""

    def __init__(self, method="MOVE", to="new", old=None):
        super().__init__(method, to, old, (b"source", {}))


class Delete:
    def prepare(self, dav):
        make(dav, "source", SOURCE, SOURCE_PROPS)
        return "DELETE", "source/", [], None

    def partly(self, dav):
        self.check(dav)

    def check(self, dav):
        found = state(dav, "source")
        if found == SOURCE_STATE:
            return "before"
        if found is None:
            no_ghosts(dav, "source", SOURCE)
            return "after"
        tree, props = found
        for path, values in props.items():
            assert values == SOURCE_PROPS[path], f"{path} is still there, without its properties"
        for path, content in SOURCE.items():
            if path not in tree and content is not None:
                dav.file("source/" + path)
                assert dav.dead("source/" + path) == {}, path
        return "between"


def leave_ghosts(dav):
    """Properties of what went past the server: whoever gets the name has none of them."""
    dav.file("source", b"gone")
    dav.set("source", ghost="x")
    dav.disk("source").unlink()


class Make:
    """Something new where something was that went past the server."""

    def __init__(self, method, body, result, headers=()):
        self.request, self.result = (method, "source", list(headers), body), result

    def prepare(self, dav):
        leave_ghosts(dav)
        return self.request

    def check(self, dav):
        found = state(dav, "source")
        if found is None:
            return "before"
        assert found == self.result, found
        return "after"


class Born:
    """A collection with properties from birth: never without."""

    def prepare(self, dav):
        leave_ghosts(dav)
        body = update_body(("set", prop("x", "one") + prop("y", "two"))).replace("propertyupdate", "mkcol")
        return "MKCOL", "source", [("Content-Type", "text/xml")], body

    def check(self, dav):
        found = state(dav, "source")
        if found is None:
            return "before"
        assert found == ({}, {"": {"x": "one", "y": "two"}}), found
        return "after"


class Part:
    def prepare(self, dav):
        dav.file("source", b"0" * 100000)
        dav.set("source", x="1")
        return "PUT", "source", [("Content-Range", "bytes 99999-100002/*")], b"1234"

    def check(self, dav):
        content, dead = state(dav, "source")
        assert dead == {"x": "1"} and content in (b"0" * 100000, b"0" * 99999 + b"1234"), (len(content), dead)
        return "after" if content[-1:] == b"4" else "before"


class Piece:
    """One more of many, with a spare of the file left by the one before (src/repository/fs/spares.h)."""

    LARGE = b"0" * (1 << 20)

    def prepare(self, dav):
        dav.file("source", self.LARGE)
        dav.set("source", x="1")
        self.headers = [("Content-Type", "application/x-sabredav-partialupdate"), ("X-Update-Range", "append")]
        assert dav.ask("PATCH", "source", self.headers, b"one").status == 204
        return "PATCH", "source", self.headers, b"two"

    def check(self, dav):
        content, dead = state(dav, "source")
        assert dead == {"x": "1"} and content in (self.LARGE + b"one", self.LARGE + b"onetwo"), (len(content), dead)
        for path in leftovers(dav.path):
            assert b"-spare-" in path, path
            os.utime(path, (1, 1))
        dav.propfind("", "1")
        return "after" if content[-1:] == b"o" else "before"


class DeleteFile:
    def prepare(self, dav):
        dav.file("source", *FILE[:1])
        dav.set("source", **FILE[1])
        return "DELETE", "source", [], None

    def check(self, dav):
        found = state(dav, "source")
        if found is None:
            no_ghosts(dav, "source", None)
            return "after"
        assert found == FILE, found
        return "before"


class Put:
    def __init__(self, exists):
        self.exists = exists

    def prepare(self, dav):
        if self.exists:
            dav.file("source", b"old", 0o640)
            dav.set("source", x="1")
        else:
            leave_ghosts(dav)
        return "PUT", "source", [], b"new" * 5000

    def check(self, dav):
        found = state(dav, "source")
        if found == ((b"old", {"x": "1"}) if self.exists else None):
            return "before"
        assert found == (b"new" * 5000, {"x": "1"} if self.exists else {}), found
        assert not self.exists or dav.disk("source").stat().st_mode & 0o777 == 0o640
        return "after"


class Anew:
    """A name whose resource went past the server, and left its properties."""

    def __init__(self, method, body=None):
        self.method, self.body = method, body

    def prepare(self, dav):
        dav.file("source/inner" if self.method == "MKCOL" else "source", b"old")
        for name in ("source", "source/inner") if self.method == "MKCOL" else ("source",):
            dav.set(name, x="1")
        path = dav.disk("source")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self.method in ("COPY", "MOVE"):
            dav.file("other", b"new")
            return self.method, "other", [("Destination", dav.url + "source")], None
        return self.method, "source", [("Content-Type", "text/xml")], self.body

    def check(self, dav):
        if self.method == "MKCOL":
            if not dav.disk("source").exists():
                return "before"
            dav.file("source/inner")
            assert not any(dav.dead("source/", "infinity").values())
            return "after"
        found = state(dav, "source")
        assert found in (None, (b"" if self.method == "LOCK" else b"new", {})), found
        return "after" if found else "before"


class Proppatch:
    def __init__(self, xml=""):
        self.xml = xml

    def prepare(self, dav):
        dav.file("source", b"old")
        dav.set("source", x="1", y="2")
        body = update_body(("set", prop("x", "one") + prop("z", "three") + self.xml), ("remove", prop("y", ns=NS)))
        return "PROPPATCH", "source", [("Content-Type", "text/xml")], body

    def check(self, dav):
        found = state(dav, "source")
        assert found in ((b"old", {"x": "1", "y": "2"}), (b"old", {"x": "one", "z": "three"})), found
        return "before" if "y" in found[1] else "after"



LOCK = ('<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
        '</D:lockinfo>')
TIME = "<D:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</D:getlastmodified>"

SCENARIOS = {
    "move": Move(), "move over": Move(old=OLD_STATE), "move to a device": Move("mount/new"),
    "move over on a device": Move("mount/new", OLD_STATE), "copy": Copy(), "copy over": Copy(old=OLD_STATE),
    "move file": File("MOVE", old=None), "move bare file": Bare(), "move file over": File("MOVE"),
    "move file over folder": File("MOVE", old=OLD_STATE), "move folder over file": File("MOVE", new=SOURCE_STATE),
    "move file to a device": File("MOVE", "mount/new", None), "move file over on a device": File("MOVE", "mount/new"),
    "copy file": File("COPY", old=None), "copy file over": File("COPY"), "copy file over folder": File("COPY", old=OLD_STATE),
    "delete": Delete(), "delete file": DeleteFile(), "put": Put(False), "put over": Put(True), "put part": Part(), "piece": Piece(),
    "mkcol": Make("MKCOL", None, ({}, {"": {}})), "mkcol extended": Born(), "lock": Make("LOCK", LOCK, (b"", {}), [("Content-Type", "text/xml")]),
    "proppatch": Proppatch(), "proppatch time": Proppatch(TIME),
    **{method.lower() + " anew": Anew(method, body) for method, body in (("PUT", b"new"), ("MKCOL", None), ("LOCK", LOCK), ("COPY", None),
                                                                         ("MOVE", None))},
}


class Litter:
    """What is kept apart (DavMultistatusLitter), or comes to be or leaves it; source and target are names, and what each
    is, or was, told over HTTP. hides: a file of the tree takes the name of litter, which is gone then."""

    def __init__(self, method, source, target=None, old=None, hides=False):
        self.method, self.source, self.target, self.old, self.hides = method, source, target, old, hides

    def find(self, dav, name):
        answer = dav.get(name)
        assert answer.status in (200, 404), answer.status
        return (answer.body, dav.dead(name)) if answer.status == 200 else None

    def make(self, dav, name, what):
        assert dav.put(name, what[0]).status in (201, 204)
        dav.set(name, **what[1])

    def prepare(self, dav):
        self.make(dav, self.source, FILE)
        if self.old:
            self.make(dav, self.target, self.old)
        if self.method == "PUT":
            return "PUT", self.source, [], b"new" * 5000
        return self.method, self.source, [("Destination", dav.url + self.target)] if self.target else [], None

    def outcome(self, dav):
        source, target = self.find(dav, self.source), self.target and self.find(dav, self.target)
        if self.method == "PUT":
            assert source in (FILE, (b"new" * 5000, FILE[1])), source
            return "before" if source == FILE else "after"
        if (source, target) == (FILE, self.old):
            return "before"
        assert target == (FILE if self.target else None), (source, target)
        if self.method == "MOVE" and source == FILE:
            return "between"
        assert source == (FILE if self.method == "COPY" else None), source
        return "after"

    def check(self, dav):
        found = self.outcome(dav)
        for name in (self.source, self.target):
            if name and self.find(dav, name) is None:  # nothing waits for who comes next
                assert dav.put(name, b"").status == 201 and dav.dead(name) == {}, name
            if name:
                assert dav.delete(name).status == 204
        assert found != "after" or not self.hides or self.find(dav, self.target) in (None, self.old)
        for name in os.listdir(dav.path):
            assert not name.startswith("._"), name
        return found


APART = '<Location "/dav">\nDavMultistatusLitter apart\n</Location>'
LITTER = {
    "put litter": Litter("PUT", "._x"), "delete litter": Litter("DELETE", "._x"), "copy litter": Litter("COPY", "._x", "._y"),
    "move litter": Litter("MOVE", "._x", "._y"), "move litter over": Litter("MOVE", "._x", "._y", OTHER),
    "litter to the tree": Litter("MOVE", "._x", "y"), "litter over a file": Litter("MOVE", "._x", "y", OTHER),
    "a file over litter": Litter("MOVE", "x", "._y", OTHER, hides=True),
    "a copy over litter": Litter("COPY", "x", "._y", OTHER, hides=True),
}

# What systems may lack (shim.py), beside one that has all.
SYSTEMS = {
    "plain": (), "nfs": ("tmpfile", "rename-flags", "birth-time", "clone"), "cifs": ("tmpfile", "rename-flags", "link", "holes"),
    "old": ("openat2", "statx", "holes", "flock", "clone"), "chroot": ("proc",), "overlay": ("overlay", "tmpfile"),
}

# -- a server to try them on


def restart(server):
    """Kills all that is left of the server, and starts it on the same port: once its children are gone, too."""
    server.kill()
    for attempt in range(50):
        (server.root / "logs/error.log").unlink(missing_ok=True)
        (server.root / "logs/console.log").write_bytes(b"")
        try:
            return server.start_once()
        except harness.StartError as e:
            if "Address already in use" not in e.text or attempt == 49:
                raise
            time.sleep(0.05)


def intentions(server):
    with contextlib.closing(sqlite3.connect(store_path(server), timeout=10)) as db:
        return db.execute("SELECT count(*) FROM intention").fetchone()[0]


def recover(server, dav):
    """Listings complete what was begun, a part each, and remove what a PUT has left in what is listed."""
    dav.propfind(depth="1")

    def is_done():
        dav.propfind(depth="1")
        return not intentions(server)

    wait_until(is_done, 10, "the dead have left something")


# The calls that change something; "close" may tell that others have failed.
CHANGES = set("create tmpfile write truncate copy sync syncfs chmod utimens link rename exchange unlink mkdir symlink".split())


class Lab:
    """A server with one child, under a shim, where scenarios are tried one after the other, each in a folder of its own."""

    def __init__(self, *lacking, sync="Off", servers=1, conf=""):
        self.server = harness.Server(servers=servers, conf=conf,
                                     location=f"DavMultistatusSync {sync}\nDavMultistatusSetModified On")
        self.server.expect_log("")
        self.shim = shim.Shim(self.server, *lacking)
        self.numbers = itertools.count(1)

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.stack.callback(self.server.remove)
        for place in (self.server.data, self.server.root / "state"):  # no disk is waited for
            self.stack.enter_context(mounted(place))
        self.mount = self.stack.enter_context(mounted(self.server.data / "mount"))
        self.stack.callback(self.server.kill)
        self.server.start()
        return self

    def __exit__(self, *error):
        try:
            crashes = [line for line in self.server.log_text().splitlines() if harness.LOG_ALARM.search(line)]
            assert not crashes or "signal Killed" in crashes[0], crashes
        finally:
            self.stack.close()

    def run(self, scenario, which=0, error=0, places=shim.DATA):
        """Makes the scenario's request, of which one call fails, or kills. Returns the status, None where there was no
        answer, and what has been found afterwards; asserts what always has to hold."""
        number = next(self.numbers)
        path = self.server.data / f"s{number}"
        path.mkdir()
        dav = Dav(self.server, path, f"/dav/s{number}/")
        (path / "mount").symlink_to(self.mount)
        dav.set("", warm="x")  # the store is open, so that the number of calls is the same each time
        request = scenario.prepare(dav)
        self.shim.arm(which, error, places)
        try:
            status = dav.ask(*request).status
        except (harness.Truncated, ConnectionError, AssertionError):
            status = None
        finally:
            self.shim.disarm()
        try:
            return status, self.look(dav, scenario, status)
        except AssertionError as e:
            raise AssertionError(f"call {which} with {error}, {status}, after\n{self.last_calls(which)}\n{e}") from e
        finally:
            shutil.rmtree(path)
            for entry in os.scandir(self.mount):
                shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)

    def look(self, dav, scenario, status):
        if status is None or leftovers(dav.path) or leftovers(self.mount) or intentions(self.server):
            restart(self.server)
            recover(self.server, dav)
            dav.propfind("mount/", depth="1")
        if status == 207 and hasattr(scenario, "partly"):
            scenario.partly(dav)
            found = "between"
        else:
            found = scenario.check(dav)
        left = leftovers(dav.path) + leftovers(self.mount)
        assert not left, left
        assert status is None or status >= 300 or found == "after" or (status == 207 and found != "before"), (status, found)
        return found

    def last_calls(self, which):
        struck = [i for i, line in enumerate(self.shim.log) if which and line[0] == str(which)]
        log = self.shim.log[max(0, struck[0] - 5):struck[0] + 12] if struck else self.shim.log[-12:]
        return "\n".join("  " + " ".join(line).replace(str(self.server.root), "") for line in log)
