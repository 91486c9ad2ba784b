"""Single resources and small folders: how many requests a second, and files of a GiB."""

import data
from contest import compete
from data import KIB, make_writable, name_of, names_in, remove
from load import Request, expect, played
from peers import INCUMBENT, LIGHTTPD, NGINX, OURS, OURS_UNSYNCED, STATIC
from report import goal

CLIENTS = 8
GIB = 1 << 30


def asked(peer, count, method, path, status=200, headers=None, responses=-1):
    """A turn of so many requests for one thing, over kept-alive connections."""
    def turn(_):
        return played(peer, [
            Request(method, path, status, headers or {}, b"", responses, connection,
                    count // CLIENTS) for connection in range(CLIENTS)], CLIENTS)
    return turn


def propfind(peer, count, path, depth, members):
    return asked(peer, count, "PROPFIND", path, 207, {"Depth": depth}, members + 1)


def depth0(bench):
    """PROPFIND, Depth: 0, of one file, beside a static GET of it"""
    title = f"PROPFIND, Depth: 0, allprop, and GET of one file of 1 KiB, {CLIENTS} clients"
    make_writable(bench.place("single"), 1, KIB)
    path = f"/single/{name_of(0)}"
    static = f"GET, {STATIC.name}"
    with bench.servers(*bench.peers, STATIC):
        contestants = {f"PROPFIND, {peer.name}": propfind(peer, bench.single, path, "0", 0)
                       for peer in bench.peers}
        contestants[static] = asked(STATIC, bench.single, "GET", path)
        table = compete(title, "a second", contestants, bench.short_rounds, bench.single, [static])
    yield table
    if OURS in bench.peers:
        yield goal("Depth: 0, requests a second, × static GET",
                   table.ratio(static, f"PROPFIND, {OURS.name}"), at_least=0.9)


def hundred(bench):
    """PROPFIND, Depth: 1, of 100 files: requests a second"""
    files = 100
    title = f"PROPFIND, Depth: 1, allprop, of {files} files, {CLIENTS} clients"
    data.flat(bench.root, files)
    requests = bench.single // 5
    with bench.servers(*bench.peers, folder=bench.data):
        contestants = {peer.name: propfind(peer, requests, f"/{files}/", "1", files)
                       for peer in bench.peers}
        table = compete(title, "a second", contestants, bench.short_rounds, requests,
                        [INCUMBENT.name])
    yield table
    value = table.ratio(INCUMBENT.name, OURS.name)
    if value:
        yield goal(f"Depth: 1 of {files} files, requests a second, × {INCUMBENT.name}", value,
                   at_least=5)


def get(bench):
    """GET and HEAD of 1 KiB: requests a second"""
    make_writable(bench.place("single"), 1, KIB)
    path = f"/single/{name_of(0)}"
    servers = [OURS, INCUMBENT, STATIC, NGINX, LIGHTTPD]
    with bench.servers(*servers):
        for method in ("GET", "HEAD"):
            title = f"{method} of a file of 1 KiB, {CLIENTS} clients"
            contestants = {peer.name: asked(peer, bench.single, method, path) for peer in servers}
            table = compete(title, "a second", contestants, bench.short_rounds, bench.single,
                            [INCUMBENT.name])
            yield table
            yield goal(f"{method} of 1 KiB, requests a second, × {INCUMBENT.name}",
                       table.ratio(INCUMBENT.name, OURS.name), at_least=1)


def put(bench):
    """PUT of 1 KiB, new files: requests a second"""
    def turn(peer, connections):
        def run(name):
            folder = bench.place(name)
            make_writable(folder, 0)
            outcome = played(peer, [
                Request("PUT", f"/{name}/{name_of(i)}", 201, {}, KIB, connection=i % connections)
                for i in range(bench.files)], connections)
            expect(f"{peer.name}: not all files, or others",
                   names_in(folder) == {name_of(i) for i in range(bench.files)})
            expect(f"{peer.name}: a file is not as it was sent",
                   all((folder / file).read_bytes() == KIB for file in names_in(folder)))
            remove(folder)
            return outcome
        return run

    servers = [OURS, OURS_UNSYNCED, INCUMBENT, NGINX, LIGHTTPD]
    with bench.servers(*servers):
        for connections in (1, CLIENTS):
            clients = f"{connections} client" + "s" * (connections > 1)
            title = f"PUT of {bench.files:,} new files of 1 KiB, {clients}"
            table = compete(title, "a second", {p.name: turn(p, connections) for p in servers},
                            bench.rounds, bench.files, [INCUMBENT.name])
            yield table
            yield goal(f"PUT of 1 KiB a second, Sync Off, {clients}, × {INCUMBENT.name}",
                       table.ratio(INCUMBENT.name, OURS_UNSYNCED.name), at_least=1)


# --- large files ---


def filled_with_x(path, size):
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            size -= len(piece)
            if piece.count(b"x") != len(piece):
                return False
    return size == 0


def put_large(bench, peer, size):
    def turn(name):
        outcome = played(peer, [Request("PUT", f"/{name}", 201, fill=size)])
        expect(f"{peer.name}: {name} is not as it was sent",
               filled_with_x(bench.place(name), size))
        bench.place(name).unlink()
        return outcome
    return turn


def read_large(peer, method, path, size, repeat):
    def turn(_):
        seconds, answer = played(peer, [Request(method, path, 200, repeat=repeat)])
        expect(f"{peer.name}: {method} gave {answer['bytes']:,} bytes",
               answer["bytes"] == (repeat * size if method == "GET" else 0))
        return seconds, answer
    return turn


def large(bench):
    """GET, HEAD and PUT of 1 GiB"""
    size = GIB // 16 if bench.quick else GIB
    text = "1 GiB" if size == GIB else f"{size >> 20} MiB"
    servers = [OURS, OURS_UNSYNCED, INCUMBENT, NGINX, LIGHTTPD]
    with bench.servers(*servers):
        played(OURS_UNSYNCED, [Request("PUT", "/large", 201, fill=size)])
        # A HEAD takes no time: many make a turn.
        for method, unit, work, rounds in (
                ("GET", "ms", 1, bench.rounds), ("HEAD", "a second", 1000, bench.short_rounds),
                ("PUT", "ms", 1, bench.rounds)):
            title = f"{method} of a file of {text}, 1 client"
            if method == "PUT":
                contestants = {p.name: put_large(bench, p, size) for p in servers}
            else:
                contestants = {p.name: read_large(p, method, "/large", size, work)
                               for p in servers if p is not OURS_UNSYNCED}
            table = compete(title, unit, contestants, rounds, work, [INCUMBENT.name])
            yield table
            ours = OURS_UNSYNCED if method == "PUT" else OURS
            yield goal(f"{method} of {text}, time, × {INCUMBENT.name}",
                       table.ratio(ours.name, INCUMBENT.name), at_most=1)


WORKLOADS = {"depth0": depth0, "hundred": hundred, "get": get, "put": put, "large": large}
