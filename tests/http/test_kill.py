"""kill -9 before each system call that changes something, in the midst of a request. After the restart a resource has
its properties where it is, and it is where it was or where it was to go; nothing is left under a reserved name.

strace attaches to the server's child. It first tells which calls a request makes, one after the other; then, for each of
them, the same request is made anew, and the process killed as it enters that call.

Two kinds of calls are left out, unless DMS_KILL_STEPS is "all", since killing there shows what killing at the next one
shows: syncs, and SQLite's writes of a transaction up to the last one, which is what commits it."""

import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

import harness
from writing import NS, Dav, integrity, leftovers, mounted, prop, store_path, update_body, wait_until

STEPS = ("fsync,fdatasync,pwrite64,pwritev,write,writev,rename,renameat,renameat2,linkat,unlink,unlinkat,mkdirat,"
         "ftruncate,copy_file_range,sendfile,symlinkat,fchmod,utimensat")

pytestmark = [pytest.mark.root, pytest.mark.no_sanitizer]

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

    def check(self, dav):
        at_source, at_target = state(dav, "source"), state(dav, self.to)
        if at_source == SOURCE_STATE and at_target == self.old:
            if at_target is None:
                no_ghosts(dav, self.to, SOURCE)
            return "before"
        assert at_target == SOURCE_STATE, (at_source, at_target)
        if "mount" in self.to and at_source is not None:  # what has been copied is being removed at its old place
            assert set(at_source[0]) <= set(SOURCE)
            return "after"
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


class File:
    """A file with properties, over another one with others."""

    def __init__(self, method):
        self.method = method

    def prepare(self, dav):
        for name in ("source", "new"):
            dav.file(name, name.encode())
            dav.set(name, **{"of": name, name: "x"})
        return self.method, "source", [("Destination", dav.url + "new")], None

    def check(self, dav):
        source, new = (b"source", {"of": "source", "source": "x"}), (b"new", {"of": "new", "new": "x"})
        found = state(dav, "source"), state(dav, "new")
        if found == (source, new):
            return "before"
        assert found == (source if self.method == "COPY" else None, source), found
        if self.method == "MOVE":
            no_ghosts(dav, "source", None)
        return "after"


class Delete:
    def prepare(self, dav):
        make(dav, "source", SOURCE, SOURCE_PROPS)
        return "DELETE", "source/", [], None

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


class Put:
    def __init__(self, exists):
        self.exists = exists

    def prepare(self, dav):
        if self.exists:
            dav.file("source", b"old", 0o640)
            dav.set("source", x="1")
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

    NAMING = ("linkat", "mkdirat", "rename", "renameat", "renameat2")
    LOCK = ('<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
            "</D:lockinfo>")

    def __init__(self, method, body=None):
        self.method, self.body = method, body

    def prepare(self, dav):
        dav.file("source/inner" if self.method == "MKCOL" else "source", b"old")
        for name in ("source", "source/inner") if self.method == "MKCOL" else ("source",):
            dav.set(name, x="1")
        subprocess.run(["rm", "-r", dav.disk("source")], check=True)
        if self.method in ("COPY", "MOVE"):
            dav.file("other", b"new")
            return self.method, "other", [("Destination", dav.url + "source")], None
        return self.method, "source", [], self.body

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
    def prepare(self, dav):
        dav.file("source", b"old")
        dav.set("source", x="1", y="2")
        body = update_body(("set", prop("x", "one") + prop("z", "three")), ("remove", prop("y", ns=NS)))
        return "PROPPATCH", "source", [("Content-Type", "text/xml")], body

    def check(self, dav):
        found = state(dav, "source")
        assert found in ((b"old", {"x": "1", "y": "2"}), (b"old", {"x": "one", "z": "three"})), found
        return "before" if "y" in found[1] else "after"


SCENARIOS = {
    "move": Move(), "move over": Move(old=OLD_STATE), "move to a device": Move("mount/new"),
    "move over on a device": Move("mount/new", OLD_STATE), "copy": Copy(), "copy over": Copy(old=OLD_STATE),
    "move file": File("MOVE"), "copy file": File("COPY"), "delete": Delete(), "put": Put(False), "put over": Put(True),
    "proppatch": Proppatch(),
}


def attach(server, step=None):
    """strace, ready to end the process at that step, the name of a call and which of them: ("renameat2", 1)."""
    inject = ["-e", f"inject={step[0]}:signal=KILL:when={step[1]}"] if step else []
    pids = [a for pid in server.workers() for a in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-y", "-s", "60", "-o", server.root / "trace", "-e", "trace=" + STEPS,
                               *inject, *pids],
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 10
    while not all(is_traced(pid) for pid in server.workers()):
        if tracer.poll() is not None or time.monotonic() > deadline:
            tracer.kill()
            pytest.skip("strace can't attach here: " + tracer.stderr.read())
        time.sleep(0.005)
    return tracer


def is_traced(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            if "TracerPid:\t0\n" in f.read():
                return False
    return True


def detach(tracer):
    tracer.send_signal(signal.SIGTERM)
    try:
        tracer.wait(0.5)
    except subprocess.TimeoutExpired:  # now and then it waits for ever for a thread that has been killed
        tracer.kill()
        tracer.wait()
    tracer.stderr.close()


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


def one_step(server, scenario, number, step=None):
    """Makes the request, killed at that step, and returns what has been found after it; asserts all that has to hold."""
    path = server.data / f"s{number}"
    path.mkdir()
    dav = Dav(server, path, f"/dav/s{number}/")
    mount = server.data / "mount"
    if mount.exists():
        (path / "mount").symlink_to(mount)
    method, name, headers, body = scenario.prepare(dav)
    tracer = attach(server, step)
    try:
        answered = dav.ask(method, name, headers, body).status
    except (harness.Truncated, ConnectionError, AssertionError):
        answered = None
    finally:
        detach(tracer)
    try:
        if answered is None:
            restart(server)
            recover(server, dav)
        found = scenario.check(dav)
        left = leftovers(server.data)
        assert not left, left
        assert integrity(server) == ["ok"]
        if answered is not None:
            assert answered < 300 and found == "after", (answered, found)
        return found
    except AssertionError as e:
        raise AssertionError(f"killed at {step}, after these calls:{last_calls(server)}\n{e}") from e
    finally:
        shutil.rmtree(path)
        for entry in mount.iterdir() if mount.exists() else ():
            shutil.rmtree(entry)


def calls(server):
    """[(name, which of them)] of the calls in the last trace, up to the answer."""
    counts, found = {}, []
    for line in (server.root / "trace").read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\(", line)
        if match:
            counts[match.group(1)] = counts.get(match.group(1), 0) + 1
            found.append((match.group(1), counts[match.group(1)]))
            if "HTTP/1.1 " in line:
                break
    return found


def worth_a_kill(steps):
    names = [name for name, _ in steps] + [""]
    return [step for step, following in zip(steps, names[1:]) if os.environ.get("DMS_KILL_STEPS") == "all" or not (
        step[0] in ("fsync", "fdatasync") or step[0] == following == "pwrite64")]


def last_calls(server):
    lines = (server.root / "trace").read_text(errors="replace").splitlines()
    lines = [line for line in lines if "+++" not in line and "resumed" not in line]
    return "\n  ".join([""] + [line[:150] for line in lines[-6:]])


@pytest.mark.parametrize("name", SCENARIOS)
def test_at_each_step(name):
    """All the steps are tried; each that fails is told."""
    scenario = SCENARIOS[name]
    server = harness.Server(servers=1, location="DavMultistatusSync Off")
    server.expect_log("exit signal Killed|AH00052")
    shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    with mounted(server.data / "mount") if "device" in name else contextlib.nullcontext():
        try:
            server.start()
            one_step(server, scenario, 0)
            steps, results, failed = worth_a_kill(calls(server)), [], []
            for number, step in enumerate(steps, 1):
                try:
                    results.append(one_step(server, scenario, number, step))
                except AssertionError as e:
                    failed.append(str(e))
            assert not failed, f"{len(failed)} of {len(steps)} steps:\n" + "\n\n".join(failed)
            assert {"before", "after"} <= set(results), results
            print(name, len(steps), "steps:", " ".join(f"{results.count(f)} {f}" for f in sorted(set(results))))
        finally:
            wrong = server.stop()
            server.remove()
    assert not wrong, wrong


@pytest.mark.parametrize("scenario", [Anew("PUT", b"new"), Anew("MKCOL"), Anew("LOCK", Anew.LOCK), Anew("COPY"), Anew("MOVE")],
                         ids=lambda scenario: scenario.method)
def test_a_new_name_inherits_nothing(scenario):
    """Killed at the calls that follow the one by which it gets its name."""
    server = harness.Server(servers=1, location="DavMultistatusSync Off")
    server.expect_log("exit signal Killed|AH00052")
    shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    try:
        server.start()
        one_step(server, scenario, 0)
        steps = calls(server)
        named = max(i for i, (name, _) in enumerate(steps) if name in Anew.NAMING)
        for number, step in enumerate(steps[named + 1:named + 3], 1):
            one_step(server, scenario, number, step)
    finally:
        wrong = server.stop()
        server.remove()
    assert not wrong, wrong


def test_a_child_that_is_killed_is_cleared_up_after_by_the_others():
    """Without a restart: within seconds, another child completes what the dead one has begun."""
    server = harness.Server(servers=3)
    server.expect_log("exit signal Killed|AH00052")
    shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    try:
        server.start()
        for round_, step in enumerate((("pwrite64", 5), ("renameat2", 1), ("pwrite64", 7))):
            path = server.data / f"r{round_}"
            path.mkdir()
            dav = Dav(server, path, f"/dav/r{round_}/")
            scenario = (Move(old=OLD_STATE), Copy(old=OLD_STATE))[round_ % 2]
            method, name, headers, body = scenario.prepare(dav)
            tracer = attach(server, step)
            try:
                dav.ask(method, name, headers, body)
            except (harness.Truncated, ConnectionError):
                pass
            finally:
                detach(tracer)
            recover(server, dav)
            scenario.check(dav)
            assert not leftovers(server.data)
    finally:
        wrong = server.stop()
        server.remove()
    assert not wrong, wrong


def test_what_takes_long_to_complete_delays_nobody():
    """Killed while it removes 40,000 files that a MOVE has replaced: afterwards each request does a bit of it."""
    server = harness.Server(servers=2, location="DavMultistatusSync Off")
    server.expect_log("exit signal Killed|AH00052")
    shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    try:
        server.start()
        dav = Dav(server, server.data, "/dav/")
        make(dav, "source", SOURCE, SOURCE_PROPS)
        make(dav, "new", OLD, OLD_PROPS)
        for folder in range(40):
            path = os.path.join(server.data, "new", str(folder))
            os.mkdir(path)
            shutil.chown(path, harness.WEB_USER, harness.WEB_USER)
            for number in range(1000):
                os.link(os.path.join(server.data, "new/c.txt"), os.path.join(path, str(number)))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(dav.ask, "MOVE", "source/", [("Destination", dav.url + "new")], None)
            wait_until(lambda: any(name.startswith(".dav-") for name in os.listdir(server.data)), 10)
            server.kill()
            with pytest.raises((harness.Truncated, ConnectionError)):
                asked.result()
        assert len(leftovers(server.data)) == 1
        restart(server)
        times = []

        def is_done():
            for method, body in (("PROPFIND", None), ("PUT", b"x")):
                start = time.monotonic()
                assert dav.ask(method, "file", [("Depth", "0")], body).status < 405
                times.append(time.monotonic() - start)
            return not intentions(server)

        wait_until(is_done, 60, "it is never done")
        times.sort()
        assert times[len(times) * 9 // 10] < 0.1 and times[-1] < 0.4, times[-10:]
        assert len(times) > 20 and not leftovers(server.data)
        assert state(dav, "new") == SOURCE_STATE and state(dav, "source") is None
    finally:
        wrong = server.stop()
        server.remove()
    assert not wrong, wrong


def test_the_whole_server_killed_under_load():
    """Clients move things about while everything is killed, time and again, at no particular moment."""
    server = harness.Server()
    server.expect_log("exit signal Killed|AH00052")
    shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    try:
        server.start()
        dav = Dav(server, server.data, "/dav/")
        for client in range(4):
            make(dav, f"a{client}", SOURCE, SOURCE_PROPS)

        def work(client):
            here, there = f"a{client}/", f"b{client}/"
            try:
                while True:
                    if not dav.disk(here).exists():
                        here, there = there, here
                    dav.move(here, there)
                    dav.copy(there, f"c{client}/")
                    dav.delete(f"c{client}/")
            except (harness.Truncated, ConnectionError, OSError):
                return

        for delay in (0.02, 0.05, 0.07, 0.11, 0.13):
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                done = [pool.submit(work, client) for client in range(4)]
                time.sleep(delay)
                server.kill()
            for future in done:
                future.result()
            restart(server)
            recover(server, dav)
            for client in range(4):
                states = [state(dav, f"{place}{client}") for place in "ab"]
                assert states in ([SOURCE_STATE, None], [None, SOURCE_STATE]), (delay, states)
                copied = state(dav, f"c{client}")
                assert copied is None or set(copied[0]) <= set(SOURCE), copied
                if copied:
                    assert all(v == SOURCE_PROPS[p] for p, v in copied[1].items()), copied
            assert not leftovers(server.data)
            assert integrity(server) == ["ok"]
    finally:
        wrong = server.stop()
        server.remove()
    assert not wrong, wrong
