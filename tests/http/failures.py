"""Trees of which a known part can't be deleted, copied or moved, and what a 207 has to say of them."""

import contextlib
import os
import pathlib
import re
import subprocess
import threading

import pytest

import harness
from writing import give, wait_until

FOLDERS, FILES = 100, 100


def big_tree(dav, name, fails):
    """10,000 files in 100 folders; `fails` (folder number, path of the folder) is called for the folders of which all
    files are to fail: every third and the first, 30 of them, so 3,000 files. Returns the paths, below `name`, of these."""
    root = dav.folder(name)
    failing = set()
    for f in range(FOLDERS):
        folder = root / f"d{f:02}"
        folder.mkdir()
        for i in range(FILES):
            (folder / f"f{i:02}").write_bytes(b"%d %d" % (f, i))
    give(root)
    for f in range(0, FOLDERS, 10):
        for folder in (f, f + 3, f + 6):
            fails(root / f"d{folder:02}")
            failing |= {f"d{folder:02}/f{i:02}" for i in range(FILES)}
    assert len(failing) == 3000
    return failing


def deny_unlinking(folder):
    """The server's User may not change the folder."""
    os.chown(folder, 0, 0)


def deny_reading(folder):
    """The server's User may not read the folder's files."""
    for entry in os.scandir(folder):
        os.chown(entry.path, 0, 0)
        os.chmod(entry.path, 0o600)


class Memory:
    """The most anonymous memory, in KiB, that the server's children have while the `with` lasts, beyond what they had."""

    def __init__(self, server):
        self.server, self.done = server, threading.Event()

    def __enter__(self):
        self.before = self.most = self.server.rss_anon()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.done.wait(0.01):
            self.most = max(self.most, self.server.rss_anon())

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.most = max(self.most, self.server.rss_anon())

    def check(self, limit=3072):
        if not harness.PRELOAD:
            assert self.most - self.before <= limit, f"{self.before} KiB before, {self.most} KiB at the most"


def failed(answer, url):
    """{path below url: status} of a 207 that tells of failures only."""
    found = {}
    for response in answer.multistatus():
        assert response.status is not None and not response.propstats, response
        for href in response.hrefs:
            assert href.startswith(url), href
            found[href[len(url):]] = response.status
    assert re.search(rb"</D:multistatus>\s*$", answer.body)
    return found


@contextlib.contextmanager
def failing(server, call, which, error="EIO"):
    """While this lasts, such a system call fails, the `which`-th of each thread of the server (strace's when=)."""
    (pid,) = server.workers()
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", server.root / "trace", "-p", str(pid), "-e",
                               f"trace={call}", "-e", f"inject={call}:error={error}:when={which}"],
                              stderr=subprocess.PIPE, text=True)
    def is_traced():
        states = [task / "status" for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        with contextlib.suppress(FileNotFoundError):  # a thread has ended meanwhile
            return all("TracerPid:\t0\n" not in state.read_text() for state in states)

    try:
        wait_until(lambda: tracer.poll() is not None or is_traced())
        if tracer.poll() is not None:
            pytest.skip("strace can't attach here: " + tracer.stderr.read())
        yield
    finally:
        tracer.terminate()
        tracer.wait()
        tracer.stderr.close()
