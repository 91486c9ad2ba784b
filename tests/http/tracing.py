"""strace on a server's children: which calls they make, and which is their last."""

import os
import re
import signal
import subprocess
import time

import pytest

STEPS = ("fsync,fdatasync,pwrite64,pwritev,write,writev,rename,renameat,renameat2,linkat,unlink,unlinkat,mkdirat,"
         "ftruncate,copy_file_range,sendfile,symlinkat,fchmod,utimensat")


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
