"""litmus, the WebDAV test suite (Debian's package), against a server of our own: all passes, without a warning."""

import os
import re
import shutil
import subprocess

import pytest

import clients
import harness

SUITES = ["basic", "copymove", "props", "locks", "http"]


@pytest.fixture(scope="module")
def server():
    server = harness.Server()
    if harness.IS_ROOT:
        shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    server.start()
    yield server
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


def check(server, url, suite, folder):
    """All of a suite passes at a URL, without a warning; `folder` is for litmus's own log."""
    clients.needs("litmus")
    server.expect_log("AH0")
    done = subprocess.run(["litmus", f"http://127.0.0.1:{server.port}{url}"], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "TESTS": suite}, timeout=100)
    told = done.stdout + done.stderr
    match = re.search(rf"summary for `{suite}': of (\d+) tests run: (\d+) passed, (\d+) failed", told)
    assert match, told
    assert done.returncode == 0 and match.group(1) == match.group(2), told
    assert int(match.group(1)) > 2
    assert not re.search("WARNING|warning(s)? (was|were) issued|FAIL", told), told
    assert "skipped" not in told.replace("0 skipped", ""), told


@pytest.mark.parametrize("suite", SUITES)
def test_suite(server, suite, tmp_path):
    check(server, "/dav/", suite, tmp_path)
