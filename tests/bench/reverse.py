"""A 207 that passes through the proxy: with DavMultistatusReverse, without it, and with
mod_substitute, which replaces by pattern what it takes for an href.

The backend sends what mod_dav_fs has answered for a folder of MEMBERS files, from a file, and
runs on the client's core; the time is that of the whole request.
"""

import contextlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import threading
import time

from load import CLIENT
from peers import CLIENT_CORE, Httpd, INCUMBENT, pinned_to
from report import goal, print_table, say

PLAIN, OURS = "ProxyPass alone", "DavMultistatusReverse"
PATTERN, FIXED = "mod_substitute", "mod_substitute, fixed string"

CONF = """\
LoadModule proxy_module {{modules}}/mod_proxy.so
LoadModule proxy_http_module {{modules}}/mod_proxy_http.so
LoadModule substitute_module {{modules}}/mod_substitute.so
LoadModule dav_multistatus_module {{module}}
DavMultistatusStore sqlite3 {{state}}/store/store.db
ProxyPass "/files/" "{url}"
<Location "/files/">
    {more}
</Location>
"""

MORE = {
    PLAIN: "",
    OURS: 'DavMultistatusReverse "/files/" "{url}"',
    PATTERN: 'SetOutputFilter SUBSTITUTE\n    Substitute "s|<D:href>/{members}/|<D:href>/files/|"',
    # Its fastest, for what is known to the byte.
    FIXED: 'SetOutputFilter SUBSTITUTE\n    Substitute "s|<D:href>/{members}/|<D:href>/files/|n"',
}


class Backend:
    """Answers every request with one file."""

    def __init__(self, body):
        self.body = body
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        os.sched_setaffinity(0, {CLIENT_CORE})  # of this thread
        with contextlib.suppress(OSError):
            while True:
                self.answer(self.listener.accept()[0])

    def answer(self, client):
        size = os.path.getsize(self.body)
        with client, open(self.body, "rb") as file, contextlib.suppress(OSError):
            while not client.recv(65536).endswith(b"\r\n\r\n"):
                pass
            client.sendall(b"HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml; "
                           b'charset="utf-8"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n'
                           % size)
            client.sendfile(file)

    def close(self):
        self.listener.close()


def request(port, path, responses, out=None):
    """One PROPFIND; what the client measured."""
    run = subprocess.run([str(CLIENT), str(port), "PROPFIND", path, "1"], stdout=subprocess.PIPE,
                         preexec_fn=pinned_to(CLIENT_CORE), check=True,
                         env={**os.environ, **({"BENCH_OUT": str(out)} if out else {})})
    answer = json.loads(run.stdout)
    if answer["status"] != 207 or answer["responses"] != responses:
        raise SystemExit(f"a wrong answer for {path}: {answer}")
    return answer


def record(root, members):
    """What mod_dav_fs says of the folder, as a file."""
    body = root / "state" / f"reverse-{members}.xml"
    INCUMBENT.start(root)
    try:
        request(INCUMBENT.port, f"/{members}/", members + 1, body)
    finally:
        INCUMBENT.stop()
    return body


def worker_state(peer):
    """CPU seconds of the worker so far, and its peak of memory in bytes."""
    process = pathlib.Path(f"/proc/{peer.worker()}")
    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    peak = next(line for line in (process / "status").read_text().splitlines()
                if line.startswith("VmHWM:"))
    return ((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
            int(peak.split()[1]) * 1024)


def check_same(root, peers, members):
    """Outside of all timing: both have mapped all, and nothing else."""
    bodies = {}
    for name in (OURS, PATTERN):
        out = root / "state" / "reverse-answer.xml"
        request(peers[name].port, "/files/", members + 1, out)
        bodies[name] = out.read_bytes()
        out.unlink()
    if bodies[OURS] != bodies[PATTERN] or bodies[OURS].count(b"<D:href>/files/") != members + 1:
        raise SystemExit("the proxies' answers are not the same")


def start(stack, root, backend, members):
    url = f"http://127.0.0.1:{backend.port}/{members}/"
    peers = {}
    for name, more in MORE.items():
        conf = CONF.format(url=url, more=more.format(url=url, members=members))
        peers[name] = Httpd("reverse-" + re.sub(r"\W+", "-", name), conf)
        peers[name].start(root)
        stack.callback(peers[name].stop)
    return peers


def print_results(results, members, size):
    rows = [[name, f"{r['us_per_member']:.2f}", f"{r['added_us']:.2f}",
             f"{r['cpu_us_per_member']:.2f}", f"{r['first_byte_ms']:.2f}",
             f"{r['peak_bytes'] / (1 << 20):.1f}"] for name, r in results.items()]
    print_table(f"A 207 of {members:,} members ({size / 1e6:.0f} MB) through the proxy",
                ["", "µs a member", "added", "of which CPU in all", "first byte ms",
                 "peak memory MiB"], rows)


def measure(root, rounds, members):
    """Results by name, and the goals."""
    body = record(root, members)
    backend = Backend(body)
    with contextlib.ExitStack() as stack:
        stack.callback(body.unlink)
        stack.callback(backend.close)
        peers = start(stack, root, backend, members)
        check_same(root, peers, members)
        answers = {name: [] for name in peers}
        cpu = {name: -worker_state(peer)[0] for name, peer in peers.items()}
        for n in range(rounds):
            say(f"through the proxy: round {n + 1} of {rounds}")
            for name, peer in peers.items():
                answers[name].append(request(peer.port, "/files/", members + 1))
                time.sleep(0.1)
        results = {}
        for name, peer in peers.items():
            seconds, peak = worker_state(peer)
            results[name] = {
                "us_per_member": statistics.median(a["total_us"] for a in answers[name]) / members,
                "first_byte_ms": statistics.median(a["first_us"] for a in answers[name]) / 1000,
                "cpu_us_per_member": (cpu[name] + seconds) * 1e6 / rounds / members,
                "peak_bytes": peak,
            }
            results[name]["added_us"] = (results[name]["us_per_member"]
                                         - results[PLAIN]["us_per_member"])
        print_results(results, members, os.path.getsize(body))
    ours = results[OURS]
    reached = [
        goal(f"hrefs mapped, added time, × {PATTERN}'s",
             ours["added_us"] / results[PATTERN]["added_us"], at_most=0.5),
        goal("hrefs mapped, memory beyond ProxyPass alone, MiB",
             (ours["peak_bytes"] - results[PLAIN]["peak_bytes"]) / (1 << 20), at_most=2),
    ]
    return results, reached
