"""Each call by which a write touches the disk fails once; or kills; also where the system lacks what not every system has.

Afterwards either the old state is there or the new one, and all properties are with their resource; no answer is 2xx
unless the new state is there; nothing stands under a reserved name. `make test` tries a sample of this, `make faults`
all: DMS_FAULTS=all."""

import errno
import os

import pytest

import scenarios
import shim
from scenarios import SCENARIOS, SYSTEMS, Lab

ALL = os.environ.get("DMS_FAULTS") == "all"
ERRORS = [errno.ENOSPC, errno.EIO, errno.EINTR, errno.EDQUOT, errno.ESTALE]

pytestmark = [pytest.mark.root, pytest.mark.no_sanitizer]


def sample(steps, share):
    """Some of the steps, others for each scenario, or all."""
    return steps if ALL else steps[share % 4::4]


def try_all(lab, name, trials, places=shim.DATA):
    """Tries a scenario with each (which, error); tells all that go wrong."""
    wrong, results = [], {}
    for which, error in trials:
        try:
            status, found = lab.run(SCENARIOS[name], which, error, places)
            results[status, found] = results.get((status, found), 0) + 1
        except AssertionError as e:
            wrong.append(f"{name}, {errno.errorcode.get(error, error)}: {e}")
            print(wrong[-1])
    print(name, results)
    return wrong


def count_calls(lab, name, places=shim.DATA):
    """How many calls a request makes where nothing goes wrong, and which of them change something."""
    status, found = lab.run(SCENARIOS[name], places=places)
    assert status < 300 and found == "after", (name, status, found)
    return lab.shim.count, [int(n) for n, call, *_ in lab.shim.log if n != "0" and call in scenarios.CHANGES]


@pytest.mark.parametrize("system", SYSTEMS if ALL else ["plain", "nfs"])
@pytest.mark.parametrize("sync", ["On", "Off"] if ALL else ["On"])
def test_each_call_fails(system, sync):
    wrong = []
    with Lab(*SYSTEMS[system], sync=sync) as lab:
        for share, name in enumerate(SCENARIOS):
            count, _ = count_calls(lab, name)
            trials = [(n, error) for n in range(1, count + 1) for error in ERRORS] if ALL else [
                (n, ERRORS[(n + share) % 5]) for n in sample(range(1, count + 1), share)]
            wrong += try_all(lab, name, trials)
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)
