"""Each call by which a write touches the disk fails once; or kills; also where the system lacks what not every system has.

Afterwards either the old state is there or the new one, and all properties are with their resource; no answer is 2xx
unless the new state is there; nothing stands under a reserved name. `make test` tries a sample of this, `make faults`
all: DMS_FAULTS=all."""

import concurrent.futures
import errno
import os
import pathlib
import signal

import pytest


import scenarios
import shim
from scenarios import LITTER, SCENARIOS, SYSTEMS, Lab
from writing import RESERVED, Dav, prop, wait_until

ALL = os.environ.get("DMS_FAULTS") == "all"
ERRORS = [errno.ENOSPC, errno.EIO, errno.EINTR, errno.EDQUOT, errno.ESTALE]

ALL_SCENARIOS = {**SCENARIOS, **LITTER}

pytestmark = pytest.mark.root


def sample(steps, share):
    """Some of the steps, others for each scenario, or all."""
    return steps if ALL else steps[share % 5::5]


def try_all(lab, name, trials, places=shim.DATA):
    """Tries a scenario with each (which, error); tells all that go wrong."""
    wrong, results = [], {}
    for which, error in trials:
        try:
            status, found = lab.run(ALL_SCENARIOS[name], which, error, places)
            results[status, found] = results.get((status, found), 0) + 1
        except AssertionError as e:
            wrong.append(f"{name}, {errno.errorcode.get(error, error)}: {e}")
            print(wrong[-1])
    print(name, results)
    return wrong


def count_calls(lab, name, places=shim.DATA):
    """How many calls a request makes where nothing goes wrong, and which of them change something."""
    status, found = lab.run(ALL_SCENARIOS[name], places=places)
    assert status < 300 and found == "after", (name, status, found)
    return lab.shim.count, [int(n) for n, call, *_ in lab.shim.log if n != "0" and call in scenarios.CHANGES]


@pytest.mark.parametrize("system", SYSTEMS if ALL else ["plain", "nfs"])
@pytest.mark.parametrize("sync", ["On", "Off"] if ALL else ["On"])
def test_each_call_fails(system, sync):
    if sync == "Off" and system != "plain":
        pytest.skip("as with sync, but for the syncs")
    wrong = []
    with Lab(*SYSTEMS[system], sync=sync) as lab:
        for share, name in enumerate(SCENARIOS):
            count, _ = count_calls(lab, name)
            trials = [(n, error) for n in range(1, count + 1) for error in ERRORS] if ALL else [
                (n, ERRORS[(n + share) % 5]) for n in sample(range(1, count + 1), share)]
            wrong += try_all(lab, name, trials)
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)


def test_each_call_of_the_store_fails():
    wrong = []
    with Lab() as lab:
        for share, name in enumerate(SCENARIOS if ALL else ("move over", "copy", "put", "lock")):
            count_calls(lab, name, shim.STORE)
            steps = [int(number) for number, _, path, _ in lab.shim.log if number != "0" and not path.endswith("-lock")]
            wrong += try_all(lab, name, [(n, ERRORS[n % 5]) for n in sample(steps, share)], shim.STORE)
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)


def test_each_call_for_what_is_kept_apart_fails():
    wrong = []
    with Lab(conf=scenarios.APART) as lab:
        for share, name in enumerate(LITTER if ALL else ("litter over a file", "a file over litter")):
            count, _ = count_calls(lab, name, shim.DATA | shim.STORE)
            trials = [(n, ERRORS[(n + share) % 5]) for n in sample(range(1, count + 1), share)]
            wrong += try_all(lab, name, trials, shim.DATA | shim.STORE)
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)


@pytest.mark.parametrize("name", ["move file", "move file over", "copy file over", "move"])
def test_what_a_failed_commit_has_written_may_come_true(name):
    """The log's sync fails, and all that follows: whoever opens the store next finds the rows all the same."""
    with Lab() as lab:
        count_calls(lab, name, shim.STORE)
        last = max(int(number) for number, call, *_ in lab.shim.log if number != "0" and call == "sync")
        wrong = try_all(lab, name, [(last + i, errno.EIO) for i in (-1, 0, 1)], shim.STORE | shim.ALL_LATER)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("system", ["plain", "nfs"])
def test_the_disk_goes_away(system):
    """From some call on, each fails."""
    wrong = []
    with Lab(*SYSTEMS[system], sync="On" if ALL else "Off") as lab:
        for share, name in enumerate(SCENARIOS if ALL else [name for name in SCENARIOS if "over" in name]):
            _, changes = count_calls(lab, name)
            wrong += try_all(lab, name, [(n, errno.EIO) for n in (changes if ALL else changes[share % 3::3])],
                             shim.DATA | shim.ALL_LATER)
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)


STATUSES = {
    "EACCES": 403, "EROFS": 403, "EILSEQ": 400, "EXDEV": 502, "EDQUOT": 507, "ENOSPC": 507, "EMLINK": 507, "EFBIG": 413,
    "EMFILE": 503, "ENFILE": 503, "ENOMEM": 503, "EAGAIN": 503, "EINTR": 503, "ENOLCK": 503, "ESTALE": 503, "ETIMEDOUT": 503,
    "ENOTCONN": 503, "EBUSY": 423, "ENAMETOOLONG": 414, "EIO": 500,
}


def test_each_cause_has_its_status():
    with Lab() as lab:
        dav = Dav(lab.server, lab.server.data, "/dav/")

        for name, status in STATUSES.items():
            lab.shim.arm(1, getattr(errno, name), call="link")
            answer = dav.put("a.txt", b"x")
            lab.shim.disarm()
            assert (answer.status, answer.get("Retry-After")) == (status, "1" if status == 503 else None), name
            assert not dav.disk("a.txt").exists()


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_system_lacks_is_done_without(system):
    with Lab(*SYSTEMS[system]) as lab:
        for name in SCENARIOS:
            count_calls(lab, name)


@pytest.mark.parametrize("call", ["stat", "chmod"])
def test_whose_group_cant_be_told_has_not_lost_its_mode(call):
    """Not all systems let a server give a group: that is no reason to narrow a mode where a look at it has failed."""
    with Lab() as lab:
        dav = Dav(lab.server, lab.server.data, "/dav/")
        for method in ("PUT", "COPY"):
            for which in range(1, 20):
                path = dav.file(f"{method}{which}", b"old", 0o640)
                to = dav.disk(f"to{which}") if method == "COPY" else path
                lab.shim.arm(which, errno.EIO, call=call)
                status = (dav.put(path.name) if method == "PUT" else dav.copy(path.name, to.name)).status
                lab.shim.disarm()
                assert status >= 300 or to.stat().st_mode & 0o777 == 0o640, (method, which)


def test_a_time_that_cant_be_synced_is_not_set():
    with Lab(sync="On") as lab:
        dav = Dav(lab.server, lab.server.data, "/dav/")
        path = dav.file("f")
        dav.set("f", x="1")
        os.utime(path, (10**9, 10**9))
        lab.shim.arm(1, errno.EIO, call="sync")
        assert dav.proppatch("f", ("set", prop("x", "2") + scenarios.TIME)).status == 500
        lab.shim.disarm()
        assert path.stat().st_mtime == 10**9 and dav.dead("f") == {"x": "1"}


def test_a_move_whose_copy_cant_be_synced_leaves_nothing_to_complete():
    """While the process lives, nobody else would."""
    with Lab(sync="On") as lab:
        for which in (1, 2):
            dav = Dav(lab.server, lab.server.data, "/dav/")
            dav.file("folder/f")
            dav.set("folder/f", x="1")
            lab.shim.arm(which, errno.EIO, call="sync")
            status = dav.move("folder/", f"mount/new{which}").status
            lab.shim.disarm()
            assert status == 500, which
            scenarios.recover(lab.server, dav)
            assert dav.dead("folder/f") == {"x": "1"}


# -- power loss


def is_reserved(path):
    return os.fsencode(os.path.basename(path)).startswith(RESERVED)


def check_order(log, data, store):
    """Content is on the disk before it gets its name, a name before what it was made from or has replaced goes, and all
    of that before the rows that go along; what has a reserved name counts for nobody, and a spare without its time is none."""
    log = [(call, path, other) for _, call, path, other in log]
    synced = [(i, path) for i, (call, path, _) in enumerate(log) if call == "sync"]
    everything = [i for i, (call, *_) in enumerate(log) if call == "syncfs"]

    def first_sync(path, after):
        return min([i for i, p in synced if p == path and i > after] + [i for i in everything if i > after], default=None)

    last = max((i for i, (call, path, _) in enumerate(log) if call == "write" and path == f"{store}/store.db-wal"), default=0)
    names = [i for i, (call, path, other) in enumerate(log) if path.startswith(data) and call in ("link", "rename", "exchange")
             and not is_reserved(other or path)]
    gone = {path: i for i, (call, path, _) in enumerate(log) if call == "unlink"}
    for i, (call, path, other) in enumerate(log):
        if not path.startswith(data) or call not in scenarios.CHANGES or (call == "utimens" and "-spare-" in path):
            continue
        rows = last if last > i else len(log)
        if call in ("write", "copy", "truncate", "chmod", "utimens") and gone.get(path, 0) < i:
            named = min([n for n in names if n > i], default=rows)
            at = first_sync(path, i)
            assert at is not None and at < named, f"{call} of {path} is not on the disk before its name or rows"
        visible = [p for p in (path, other) if p and not is_reserved(p) and RESERVED.decode() not in p]
        if call in ("link", "rename", "exchange", "mkdir", "unlink"):
            for p in visible:
                folder = os.path.dirname(p)
                if folder in gone:
                    continue  # it has gone itself
                at = first_sync(folder, i)
                removed = min((g for q, g in gone.items() if g > i and call != "unlink" and "-spare-" not in q), default=rows)
                assert at is not None and at < min(rows, removed), f"{call} of {p} is not on the disk before what follows"


def test_the_order_of_calls_outlives_a_power_loss():
    wrong = []
    with Lab(sync="On") as lab:
        for name, scenario in SCENARIOS.items():
            count_calls(lab, name, shim.DATA | shim.STORE)
            try:
                check_order(lab.shim.log, str(lab.server.data), str(lab.server.root / "state"))
            except AssertionError as e:
                wrong.append(f"{name}: {e}\n" + "\n".join("  " + " ".join(line).replace(str(lab.server.root), "")
                             for line in lab.shim.log if line[1] in scenarios.CHANGES and not line[2].endswith("lock")))
    assert not wrong, "\n\n".join(wrong)


# -- somebody changes the tree meanwhile


def is_stopped(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def test_a_source_made_anew_meanwhile_does_not_move():
    """Stopped at each call of a MOVE, somebody renames the source's parent, and makes it anew with another source."""
    with Lab() as lab, concurrent.futures.ThreadPoolExecutor(1) as pool:
        (pid,) = lab.server.workers()
        step = number = 0
        while step == number:
            step += 1 if ALL else 2
            path = lab.server.data / f"m{step}"
            path.mkdir()
            dav = Dav(lab.server, path, f"/dav/m{step}/")
            dav.file("parent/source/right.txt")
            lab.shim.arm(step, shim.STOP)
            asked = pool.submit(dav.move, "parent/source/", "new")
            wait_until(lambda: asked.done() or is_stopped(pid))
            if is_stopped(pid):
                number = step
                os.rename(path / "parent", path / "old")
                dav.file("parent/source/wrong.txt")
                os.kill(pid, signal.SIGCONT)
            status = asked.result().status
            lab.shim.disarm()
            if status == 201 and number == step:  # it was made anew before the first look, or after the last one
                before = [line[1:3] for line in lab.shim.log[:[line[0] for line in lab.shim.log].index(str(step))]]
                looks = before.count(["open", f"{path}/parent"])
                assert (looks, set(dav.tree("new"))) in ((0, {"wrong.txt"}), (2, {"right.txt"})), (looks, dav.tree())
            elif number == step:
                assert status in (404, 409), status
                assert (path / "old/source/right.txt").exists() and (path / "parent/source/wrong.txt").exists()
    assert step > 20


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("source, old", [("folder/", None), ("file", None), ("file", b"old")])
def test_a_destination_made_anew_meanwhile_is_not_replaced(method, source, old):
    """Nobody has been asked whether this folder may go."""
    with Lab() as lab, concurrent.futures.ThreadPoolExecutor(1) as pool:
        (pid,) = lab.server.workers()
        step, is_over, statuses = 0, False, set()
        while not is_over:
            step += 1 if ALL else 4
            path = lab.server.data / f"m{step}"
            path.mkdir()
            dav, to = Dav(lab.server, path, f"/dav/m{step}/"), path / "to"
            for name, content in {"file": b"new", "folder/member": b"new", **({"to": old} if old else {})}.items():
                dav.file(name, content)
            lab.shim.arm(step, shim.STOP)
            asked = pool.submit(dav.transfer, method, source, "to")
            wait_until(lambda: asked.done() or is_stopped(pid))
            is_over = not is_stopped(pid)
            is_made = not is_over and (to.read_bytes() == old if to.is_file() else not to.exists())
            if is_made:
                to.unlink(missing_ok=True)
                dav.file("to/precious")
            if not is_over:
                os.kill(pid, signal.SIGCONT)
            status = asked.result().status
            lab.shim.disarm()
            if is_made:
                before = lab.shim.log[:[line[0] for line in lab.shim.log].index(str(step))]
                looks = [line[1:3] for line in before].count(["open", str(to)])
                assert (status, (to / "precious").exists()) == ((204, False) if looks < 2 else (409, True)), (step, before)
                statuses.add(status)
        assert 409 in statuses
