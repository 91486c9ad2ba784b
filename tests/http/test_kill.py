"""kill -9 before each call that changes something, in the midst of a request. After the restart a resource has its
properties where it is, and it is where it was or where it was to go; nothing is left under a reserved name.

The server runs under a shim, which first tells which calls a request makes, one after the other; then, for each of them,
the same request is made anew, and the process killed as it enters that call.

Two kinds of calls are left out, unless DMS_FAULTS is "all", since killing there shows what killing at the next one
shows: syncs, and SQLite's writes of a transaction up to the last one, which is what commits it. DMS_FAULTS=all (make
faults) also has the system lack what not every system has."""

import concurrent.futures
import os
import shutil
import time

import pytest

import harness
import shim
from scenarios import APART, CHANGES, LITTER, OLD, OLD_PROPS, OLD_STATE, SCENARIOS, SOURCE, SOURCE_PROPS, SOURCE_STATE, SYSTEMS
from scenarios import Copy, Lab, Move, intentions, make, recover, restart, state
from writing import Dav, integrity, leftovers, wait_until

ALL = os.environ.get("DMS_FAULTS") == "all"
EVERYTHING = shim.DATA | shim.STORE

pytestmark = [pytest.mark.root, pytest.mark.no_sanitizer]


def worth_a_kill(log):
    """The numbers of the calls to be killed at."""
    changes = [(int(number), call, path) for number, call, path, _ in log
               if call in CHANGES and number != "0" and not path.endswith("-lock")]
    last = [int(number) for number, *_ in log if number != "0"][-1]
    return [number for (number, *call), (_, *following) in zip(changes, changes[1:] + [(0, "", "")])
            if ALL or not (call[0] in ("sync", "syncfs") or call == following and call[0] == "write")] + [last]


def kill_at_each_step(lab, scenarios, name, share):
    """Returns what went wrong."""
    scenario, results, wrong = scenarios[name], [], []
    assert lab.run(scenario, places=EVERYTHING)[1] == "after"
    steps = worth_a_kill(lab.shim.log)
    for step in steps if ALL else steps[share % 3::3]:
        try:
            status, found = lab.run(scenario, step, shim.KILL, EVERYTHING)
            assert status is None or found == "after", status
            results.append(found)
        except AssertionError as e:
            wrong.append(f"{name}: {e}")
            print(wrong[-1])
    if ALL and not {"before", "after"} <= set(results):
        wrong.append(f"{name}: {results}")
    print(name, len(results), "steps:", " ".join(f"{results.count(f)} {f}" for f in sorted(set(results))))
    return wrong


@pytest.mark.parametrize("system", SYSTEMS if ALL else ["plain", "nfs"])
def test_at_each_step(system):
    """All the steps are tried; each that fails is told."""
    wrong = []
    with Lab(*SYSTEMS[system], sync="On" if ALL else "Off") as lab:
        for share, name in enumerate(SCENARIOS):
            if ALL or system == "plain" or "over" in name:
                wrong += kill_at_each_step(lab, SCENARIOS, name, share)
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)


def test_with_what_is_kept_apart():
    """The tree and what is apart are on two disks."""
    wrong = []
    with Lab(conf=APART) as lab:
        for share, name in enumerate(name for name in LITTER if ALL or "over" in name):
            wrong += kill_at_each_step(lab, LITTER, name, share)
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)


def test_a_child_that_is_killed_is_cleared_up_after_by_the_others():
    """Without a restart: within seconds, another child completes what the dead one has begun."""
    with Lab(servers=3) as lab:
        for round_, (scenario, call, later) in enumerate((
                (Move(old=OLD_STATE), "exchange", 0), (Copy(old=OLD_STATE), "exchange", 1), (Move(old=OLD_STATE), "exchange", 1))):
            assert lab.run(scenario)[1] == "after"
            (step,) = [int(number) + later for number, name, *_ in lab.shim.log if name == call and number != "0"]
            path = lab.server.data / f"r{round_}"
            path.mkdir()
            dav = Dav(lab.server, path, f"/dav/r{round_}/")
            request = scenario.prepare(dav)
            lab.shim.arm(step, shim.KILL)
            with pytest.raises((harness.Truncated, ConnectionError)):
                dav.ask(*request)
            lab.shim.disarm()
            recover(lab.server, dav)
            scenario.check(dav)
            assert not leftovers(lab.server.data)


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
