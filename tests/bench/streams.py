"""How answers stream: to clients that leave, to eight at once, through HTTP/2 and mod_deflate."""

import time

import data
from contest import compete
from load import Listing, Peak, Request, list_members, played, stream
from peers import INCUMBENT, OURS, ours
from report import goal

LEAVERS = 20


# --- clients that leave ---


def at_rest(peer):
    """The worker's CPU time, once it takes no more."""
    seconds = peer.cpu_seconds()
    while True:
        time.sleep(0.05)
        now = peer.cpu_seconds()
        if now - seconds < 0.0005:
            return now
        seconds = now


def work_of(peer, act, times):
    """CPU seconds that the server spends on each of so many acts."""
    before = at_rest(peer)
    for _ in range(times):
        act()
    return (at_rest(peer) - before) / times


def leaving(bench):
    """A client that leaves after the first byte, and one that stays: the server's work"""
    peers = [peer for peer in (OURS, INCUMBENT) if peer in bench.peers]
    contestants = {}
    for peer in peers:
        # The incumbent goes on to the end in either case: a smaller folder tells that, too.
        size = bench.sizes[-1] if peer is OURS else bench.members
        data.flat(bench.root, size)
        listing = Listing(f"/{size}/", size)

        def stays(_, peer=peer, listing=listing):
            return work_of(peer, lambda: list_members(peer, listing), 1), {}

        def leaves(_, peer=peer, listing=listing):
            times = LEAVERS if peer is OURS else 1
            return work_of(peer, lambda: list_members(peer, listing, ["-1"]), times), {}

        contestants[f"{peer.name}, {size:,} members: stays"] = stays
        contestants[f"{peer.name}, {size:,} members: leaves"] = leaves
    title = "CPU time of the server for a client that stays, and for one that leaves"
    with bench.servers(*peers, folder=bench.data):
        table = compete(title, "ms", contestants, bench.tree_rounds, warm_up=False)
    yield table
    stays, leaves = list(contestants)[:2]
    if OURS in peers and not bench.quick:  # a small folder leaves nothing to be spared
        yield goal("work for a client that leaves, × one that stays", table.ratio(leaves, stays),
                   at_most=0.01)


# --- many at once ---


def eight(bench):
    """Eight listings at once, beside one: first byte (of the last to start), memory"""
    data.flat(bench.root, bench.members)

    def turn(peer, connections):
        return lambda _: played(peer, [
            Request("PROPFIND", f"/{bench.members}/", 207, {"Depth": "1"}, b"", bench.members + 1,
                    connection) for connection in range(connections)], connections, Peak(peer))

    for connections in (1, 8):
        title = f"PROPFIND, Depth: 1, allprop, {bench.members:,} files, " + (
            "1 client" if connections == 1 else f"{connections} clients at once")
        with bench.servers(*bench.peers, folder=bench.data):
            yield compete(title, "µs a member", {p.name: turn(p, connections) for p in bench.peers},
                          bench.tree_rounds, connections * bench.members, [INCUMBENT.name], False)


# --- filters ---

FILTERED = ours(f"{OURS.name}-filtered", "SetOutputFilter DEFLATE", """\
LoadModule http2_module {modules}/mod_http2.so
Protocols h2c http/1.1
""")


def filters(bench):
    """Through HTTP/2 (in the clear) and mod_deflate: first byte, memory"""
    ways = {"HTTP/1.1": {}, "HTTP/1.1, gzip": {"gzip": True}, "HTTP/2": {"http2": True},
            "HTTP/2, gzip": {"http2": True, "gzip": True}}

    def turn(size, way):
        def run(_):
            # A server of its own, so that its memory is that of this answer.
            with bench.servers(FILTERED, folder=bench.data):
                answer = stream(FILTERED, Listing(f"/{size}/", size), **way)
            return answer["total_us"] / 1e6, answer
        return run

    for size in (bench.sizes[0], bench.members):
        data.flat(bench.root, size)
        title = f"PROPFIND, Depth: 1, allprop, {size:,} files, asked by curl"
        yield compete(title, "µs a member", {name: turn(size, way) for name, way in ways.items()},
                      bench.tree_rounds, size, ["HTTP/1.1"])


WORKLOADS = {"leaving": leaving, "eight": eight, "filters": filters}
