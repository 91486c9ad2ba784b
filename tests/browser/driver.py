"""Scripts for node and for pages in Chromium, whose answers come back as JSON.

`running()` starts node, which runs driver.mjs. `run(script, name=value, ...)` hands it the body of an async function; what that
returns is what `run` returns, and what it throws fails the test. A script sees `given` (the named values), `load(name)` (a module of
package.json), and `browse(options)`: a new page of playwright-core, in Chromium, with cookies, passwords and cache of its own
(https://playwright.dev/docs/api/class-page; the options are those of newContext). `settings` are node's environment.

The modules are in build/node, where make puts them when package-lock.json has changed. To add one, or a newer one:
"npm install --package-lock-only --omit-lockfile-registry-resolved NAME@VERSION" in this folder, and make test."""

import contextlib
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "build" / "node"
SECONDS = 100


class Driver:
    def __init__(self, home):
        self.told = open(pathlib.Path(home) / "told", "w+b")
        self.process = subprocess.Popen(
            ["node", str(HERE / "driver.mjs")], cwd=MODULES, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.told,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(home), "TMPDIR": str(home), "LC_ALL": "C.UTF-8",
                 "TZ": "UTC", "CHROMIUM": shutil.which("chromium-headless-shell") or ""})

    def run(self, script, /, **given):
        self.process.stdin.write(json.dumps({"script": script, "given": given}).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.line())
        assert "error" not in answer, "\n".join([answer["error"], *answer["told"]])
        return answer["value"]

    def line(self):
        line, deadline = b"", time.monotonic() + SECONDS
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no answer within {SECONDS} s; {self.said()}"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"node has ended: {self.said()}"
            line += piece
        return line

    def said(self):
        self.told.seek(0)
        return self.told.read().decode(errors="replace")

    def stop(self):
        """Ends node, which ends Chromium."""
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.told.close()


def check(*programs):
    """Not each release has each program; npm's modules have to be there."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    log = MODULES / "npm.log"
    if not (MODULES / "installed").exists():
        pytest.fail(f"{MODULES} has no modules: npm could not fetch them, or make has not run it.\n"
                    + (log.read_text() if log.exists() else ""), pytrace=False)


@contextlib.contextmanager
def running(*programs):
    """A Driver, where node and the named programs are there."""
    check("node", *programs)
    with tempfile.TemporaryDirectory(prefix="dms-node-", ignore_cleanup_errors=True) as home:
        driver = Driver(home)
        try:
            yield driver
        finally:
            driver.stop()
