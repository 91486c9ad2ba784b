"""Fixtures: `server` (one for all tests, default configuration), `place` (a fresh folder on it), `httpd` (a factory of
servers with their own configuration). See harness.py for the terms.

Every test that touches a server also fails when that server's error log shows a crash, a sanitizer's report, or a
line at level error or worse that the test has not announced with `server.expect_log(regex)`."""

import collections
import itertools
import os
import shutil
import signal

import pytest

import harness
from place import Place

pytest_plugins = ["writing", "replay"]

os.umask(0o022)


def pytest_report_header():
    return f"module: {harness.MODULE}" + (f", preload: {harness.PRELOAD}" if harness.PRELOAD else "")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("root") and not harness.IS_ROOT:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        if item.get_closest_marker("no_sanitizer") and harness.PRELOAD:
            item.add_marker(pytest.mark.skip(reason="a sanitizer's own cost would be measured"))


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs to run as root")
    config.addinivalue_line("markers", "no_sanitizer: measures memory or CPU, which a sanitizer distorts")
    config.addinivalue_line("markers", "alone: measures time, and so runs after the others, beside none")


def pytest_terminal_summary(terminalreporter):
    """What was not tested, and why."""
    reasons = collections.Counter(report.longrepr[2].removeprefix("Skipped: ")
                                  for report in terminalreporter.stats.get("skipped", ()))
    if reasons:
        terminalreporter.section("skipped")
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5}  {reason}")


TEST_SECONDS = int(os.environ.get("DMS_TEST_SECONDS", "120"))


@pytest.fixture(autouse=True)
def time_limit():
    """A test that hangs fails."""
    def give_up(*_):
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)


class Shared:
    """The server that all tests of default configuration share; started again if a test has killed it."""

    server = None


@pytest.fixture(scope="session")
def shared():
    holder = Shared()
    yield holder
    if holder.server:
        wrong = holder.server.stop()
        holder.server.remove()
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def server(shared):
    if shared.server is None or shared.server.process.poll() is not None:
        shared.server = harness.Server(modules=["dav"]).start()
    server = shared.server
    server.expected = []
    server.log_seen = len(server.log_text())
    yield server
    wrong = server.new_alarms()
    assert not wrong, "\n".join(wrong)


counter = itertools.count(1)


@pytest.fixture
def place(server):
    name = f"t{next(counter)}"
    path = server.data / name
    path.mkdir()
    yield Place(server, path, f"/dav/{name}/")
    shutil.rmtree(os.fsencode(path), ignore_errors=True)


@pytest.fixture
def httpd():
    """httpd(**arguments of harness.Server) starts a server and returns the Place of its whole /dav/."""
    started = []

    def start(**kw):
        server = harness.Server(**kw)
        server.start()
        started.append(server)
        return Place(server, server.data, "/dav/")

    yield start
    wrong = []
    for server in started:
        wrong += server.stop()
        server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="session")
def big_folders():
    """A directory that holds `few` (1,000 empty files) and `many` (100,000)."""
    root = harness.new_dir("dms-big-")
    for name, count in (("few", 1000), ("many", 100000)):
        (root / name).mkdir()
        fd = os.open(root / name, os.O_RDONLY)
        for i in range(count):
            os.close(os.open(f"file{i:06}.txt", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd))
        os.close(fd)
    yield root
    shutil.rmtree(root, ignore_errors=True)
