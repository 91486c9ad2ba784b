"""Faults at will: a library that is preloaded into a server (shim.c), and what a test tells it."""

import atexit
import functools
import mmap
import os
import shutil
import struct
import subprocess

import harness

SOURCE = harness.REPO / "tests/http/shim.c"
LOG_SIZE = 1 << 18
HEAD = struct.Struct("=IIIiIIII16s512s512s")
DATA, STORE, ALL_LATER = 1, 2, 4
KILL, STOP = -1, -2

# What a system may lack. "overlay": where exchanging names is EXDEV, as on overlayfs.
LACKS = {name: 1 << bit for bit, name in enumerate(
    "tmpfile proc rename-flags openat2 statx birth-time clone holes flock link overlay".split())}


@functools.cache
def build():
    work = harness.new_dir("dms-shim-")
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    library = work / "shim.so"
    done = subprocess.run([os.environ.get("CC", "cc"), "-std=gnu99", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared",
                           "-fvisibility=hidden", "-o", library, SOURCE, "-ldl"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return library


class Shim:
    """That of one server, which has to be given it before it starts."""

    def __init__(self, server, *lacking):
        path = server.root / "shim"
        path.write_bytes(bytes(HEAD.size + LOG_SIZE))
        path.chmod(0o666)
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), HEAD.size + LOG_SIZE)
        self.places = os.fsencode(server.data), os.fsencode(server.root / "state")
        self.lacks = sum(LACKS[name] for name in lacking)
        self.write(0)
        server.env["DMS_SHIM"] = str(path)
        server.preload = build()

    def write(self, is_armed, places=0, which=0, error=0, call=""):
        self.memory[:HEAD.size] = HEAD.pack(is_armed, places, which, error, self.lacks, 0, 0, 0, call.encode(),
                                              *self.places)

    def arm(self, which=0, error=0, places=DATA, call=""):
        """From now on calls are counted; the `which`-th fails with `error`, or kills. ALL_LATER: so do those after it.
        call: only such count."""
        self.write(1, places, which, error, call)

    def disarm(self):
        """Ends that; returns how many calls there were."""
        head = list(HEAD.unpack(self.memory[:HEAD.size]))
        length, self.count = min(head[6], LOG_SIZE), head[5]
        # (number, or "0" of one that is not counted; call; path; the other path)
        lines = self.memory[HEAD.size:HEAD.size + length].decode(errors="replace").splitlines()
        self.log = [line.split("\t") for line in lines if line.count("\t") == 3]  # another thread may just be at it
        self.write(0)
        return self.count
