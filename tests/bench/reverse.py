"""A 207 that passes through the proxy: with DavMultistatusReverse, without it, and with
mod_substitute, which replaces by pattern what it takes for an href.

The backend sends what mod_dav_fs has answered for a folder, from a file, and runs on the client's
core; the time is that of the whole request.
"""

import contextlib
import os
import re
import socket
import statistics
import threading

import data
from contest import compete
from load import Listing, Peak, expect, list_members
from peers import CLIENT_CORE, INCUMBENT, Httpd
from report import goal

PLAIN, MAPPED = "ProxyPass alone", "DavMultistatusReverse"
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
    MAPPED: 'DavMultistatusReverse "/files/" "{url}"',
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


def proxy(name, backend, members):
    url = f"http://127.0.0.1:{backend.port}/{members}/"
    return Httpd("reverse-" + re.sub(r"\W+", "-", name),
                 CONF.format(url=url, more=MORE[name].format(url=url, members=members)))


def check_same(bench, peers, listing):
    """Both have mapped all, and nothing else."""
    bodies = {}
    for name in (MAPPED, PATTERN):
        out = bench.root / "state" / "reverse-answer.xml"
        list_members(peers[name], listing, ["-o", out])
        bodies[name] = out.read_bytes()
        out.unlink()
    expect("the proxies' answers are not the same", bodies[MAPPED] == bodies[PATTERN])
    expect("not every href is mapped",
           bodies[MAPPED].count(b"<D:href>/files/") == listing.members + 1)


def added_ratio(table, name, other):
    """What one adds to the time without any filter, by what the other does; within a round."""
    plain, one, two = (table.results[n]["rounds"] for n in (PLAIN, name, other))
    return statistics.median((b - a) / (c - a) for a, b, c in zip(plain, one, two))


def reverse(bench):
    """A 207 through mod_proxy, its hrefs mapped, and with mod_substitute"""
    members, body = bench.members, bench.root / "state" / "reverse.xml"
    data.flat(bench.root, members)
    with bench.servers(INCUMBENT, folder=bench.data):
        list_members(INCUMBENT, Listing(f"/{members}/", members), ["-o", body])
    backend = Backend(body)
    peers = {name: proxy(name, backend, members) for name in MORE}
    listing = Listing("/files/", members)

    def turn(peer):
        def run(_):
            watch = Peak(peer)
            answer = list_members(peer, listing, watch=watch)
            return answer["total_us"] / 1e6, {**answer, "peak": watch.bytes}
        return run

    try:
        with bench.servers(*peers.values()):
            check_same(bench, peers, listing)
            table = compete(f"A 207 of {members:,} members through the proxy", "µs a member",
                            {name: turn(peer) for name, peer in peers.items()},
                            bench.rounds, members, [PLAIN])
    finally:
        backend.close()
        body.unlink()
    yield table
    yield goal(f"hrefs mapped, added time, × {PATTERN}'s", added_ratio(table, MAPPED, PATTERN),
               at_most=0.5)
    peaks = {name: table.results[name]["peak_anonymous_bytes"] for name in (MAPPED, PLAIN)}
    yield goal("hrefs mapped, memory beyond ProxyPass alone, MiB",
               (peaks[MAPPED] - peaks[PLAIN]) / (1 << 20), at_most=2)


WORKLOADS = {"reverse": reverse}
