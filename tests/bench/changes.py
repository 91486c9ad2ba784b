"""What changes the folder: each workload beside mod_dav_fs, and beside the program that does the
same to the disk.

A turn makes its data anew, outside of the timing, syncs the disk, is timed, and then what it has
done is looked at: on the disk, or by asking the server. Only then does it count.
"""

import contextlib
import http.client
import os
import pathlib
import sqlite3
import xml.etree.ElementTree as ET

from contest import compete
from data import CONTENT, make_writable, name_of, names_in, remove
from load import Request, expect, play, played, timed
from listings import DEAD, NAMESPACE, SET_DEAD
from peers import INCUMBENT, OURS
from report import goal

GET_BODY = (f'<propfind xmlns="DAV:" xmlns:b="{NAMESPACE}"><prop>'
            + "".join(f"<b:{n}/>" for n in DEAD) + "</prop></propfind>").encode()
LOCK_BODY = (b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope>'
             b"<locktype><write/></locktype><owner><href>http://example.com/~ada</href></owner>"
             b"</lockinfo>")
XML_TYPE = {"Content-Type": "application/xml"}


# --- asking, outside of the timing ---


def ask(peer, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=600)
    connection.request(method, path, body or None, {**XML_TYPE, **(headers or {})})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def with_all_properties(peer, path, depth):
    """How many of the resources have each of DEAD, with its value."""
    status, data = ask(peer, "PROPFIND", path, GET_BODY, {"Depth": depth})
    expect(f"{peer.name}: PROPFIND {path}: {status}", status == 207)
    count = 0
    for response in ET.fromstring(data).findall("{DAV:}response"):
        for propstat in response.findall("{DAV:}propstat"):
            if " 200 " in propstat.findtext("{DAV:}status"):
                prop = propstat.find("{DAV:}prop")
                found = {n: prop.findtext(f"{{{NAMESPACE}}}{n}") for n in DEAD}
                count += found == DEAD
    return count


def set_properties(peer, path, count, connections=1):
    """Requests that set DEAD on that many files."""
    return [Request("PROPPATCH", f"{path}/{name_of(i)}", 207, XML_TYPE, SET_DEAD, 1,
                    i % connections) for i in range(count)]


def clients(number):
    return "1 client" if number == 1 else f"{number} clients"


# --- the workloads ---


def proppatch(bench):
    """PROPPATCH of three properties"""
    def turn(peer, connections):
        def run(name):
            folder = bench.place(name)
            make_writable(folder, bench.files)
            outcome = played(peer, set_properties(peer, f"/{name}", bench.files, connections),
                             connections)
            expect(f"{peer.name}: properties were not kept",
                   with_all_properties(peer, f"/{name}/", "1") == bench.files)
            remove(folder)
            return outcome
        return run

    with bench.servers(OURS, INCUMBENT):
        for connections in (1, 8):
            title = f"PROPPATCH of 3 properties, {bench.files:,} files, {clients(connections)}"
            table = compete(
                title, "a second", {p.name: turn(p, connections) for p in (OURS, INCUMBENT)},
                bench.rounds, bench.files, [INCUMBENT.name])
            yield table
            yield goal(f"PROPPATCH a second, {clients(connections)}, × {INCUMBENT.name}",
                       table.ratio(INCUMBENT.name, OURS.name), at_least=2)


def properties(bench):
    """PROPFIND, Depth: 1, of the same files with and without dead properties"""
    listings = 50
    title = f"PROPFIND, Depth: 1, allprop, {bench.files:,} files with and without 3 dead properties"

    def turn(peer, path):
        return lambda name: played(peer, [Request("PROPFIND", path, 207, {"Depth": "1"},
                                                  responses=bench.files + 1, repeat=listings)])

    contestants = {}
    with bench.servers(OURS, INCUMBENT):
        for peer in (OURS, INCUMBENT):
            for kind in ("without", "with"):
                path = f"{peer.name}-{kind}"
                make_writable(bench.place(path), bench.files)
                if kind == "with":
                    play(peer, set_properties(peer, f"/{path}", bench.files))
                has = bench.files if kind == "with" else 0
                expect(f"{path}: has its properties",
                       with_all_properties(peer, f"/{path}/", "1") == has)
                data = ask(peer, "PROPFIND", f"/{path}/", b"", {"Depth": "1"})[1]
                expect(f"{path}: allprop tells {data.count(b'Ada Lovelace')} of them",
                       data.count(b"Ada Lovelace") == has)
                contestants[f"{peer.name}, {kind}"] = turn(peer, f"/{path}/")
        without = [name for name in contestants if name.endswith("without")]
        table = compete(title, "µs a member", contestants, bench.rounds, listings * bench.files,
                        without)
    yield table
    yield goal("PROPFIND with dead properties, × without",
               table.ratio(f"{OURS.name}, with", f"{OURS.name}, without"), at_most=1.5)


def delete(bench):
    """DELETE of a folder of many files"""
    title = f"DELETE of {bench.tree:,} files"

    def turn(act):
        def run(name):
            make_writable(bench.place(name), bench.tree, CONTENT)
            outcome = act(name)
            expect(f"{name} is still there", not bench.place(name).exists())
            return outcome
        return run

    def server(peer):
        return turn(lambda name: played(peer, [Request("DELETE", f"/{name}/", 204)]))

    with bench.servers(OURS, INCUMBENT):
        table = compete(title, "ms", {
            OURS.name: server(OURS),
            "rm -rf": turn(lambda name: timed("rm", "-rf", bench.place(name))),
            INCUMBENT.name: server(INCUMBENT),
        }, bench.tree_rounds, references=["rm -rf", INCUMBENT.name], warm_up=False)
    yield table
    yield goal("DELETE, × rm -rf", table.ratio(OURS.name, "rm -rf"), at_most=1.3)


def copy(bench):
    """COPY of a folder of many files"""
    title = f"COPY of {bench.tree:,} files"
    source = bench.place("source")

    def turn(act):
        def run(name):
            outcome = act(name)
            copied = [entry for entry in os.scandir(bench.place(name)) if entry.name != ".DAV"]
            expect(f"{name} has {len(copied)} files", len(copied) == bench.tree)
            expect(f"{name} has other content", all(
                entry.stat().st_size == len(CONTENT) for entry in copied))
            expect(f"{name} has other content", all(
                pathlib.Path(entry.path).read_bytes() == CONTENT for entry in copied[::997]))
            remove(bench.place(name))
            return outcome
        return run

    def server(peer):
        return turn(lambda name: played(peer, [Request("COPY", "/source/", 201, {
            "Destination": f"http://127.0.0.1:{peer.port}/{name}/", "Host":
            f"127.0.0.1:{peer.port}"})]))

    make_writable(source, bench.tree, CONTENT)
    with bench.servers(OURS, INCUMBENT):
        table = compete(title, "ms", {
            OURS.name: server(OURS),
            "cp -R": turn(lambda name: timed("cp", "-R", source, bench.place(name))),
            INCUMBENT.name: server(INCUMBENT),
        }, bench.tree_rounds, references=["cp -R", INCUMBENT.name], warm_up=False)
    remove(source)
    yield table
    yield goal("COPY, × cp -R", table.ratio(OURS.name, "cp -R"), at_most=1.3)


def spread_properties(peer, bench, path):
    """Gives many members the properties of the first. Ours: straight into the store, which is
    what as many PROPPATCHes would have left there."""
    if peer is INCUMBENT:
        play(peer, set_properties(peer, path, bench.with_properties))
        return
    play(peer, set_properties(peer, path, 1))
    with contextlib.closing(sqlite3.connect(
            bench.root / "state" / peer.name / "store/store.db", timeout=60)) as db, db:
        db.executemany(
            "INSERT INTO property (collection, member, ns, local, size, xml)"
            " SELECT collection, ?, ns, local, size, xml FROM property WHERE member = ?",
            [(name_of(i), name_of(0)) for i in range(1, bench.with_properties)])


def move(bench):
    """MOVE of a folder of many files: there and back"""
    title = (f"MOVE of {bench.tree:,} files, {bench.with_properties:,} of them with 3 properties "
             "(mv: without)")

    def turn(key, act, check):
        at = f"{key}-0"

        def run(name):
            nonlocal at
            source, at = at, f"{key}-{name}"
            outcome = act(source, at)
            expect(f"{source} is still there", not bench.place(source).exists())
            check(at)
            return outcome
        make_writable(bench.place(at), bench.tree)
        return run

    def server(peer):
        def act(source, target):
            return played(peer, [Request("MOVE", f"/{source}/", 201, {
                "Destination": f"http://127.0.0.1:{peer.port}/{target}/",
                "Host": f"127.0.0.1:{peer.port}"})])

        def check(at):
            expect(f"{at}: not all members", len(names_in(bench.place(at))) == bench.tree)
            expect(f"{at}: properties are missing",
                   with_all_properties(peer, f"/{at}/", "1") == bench.with_properties)

        run = turn(peer.name, act, check)
        spread_properties(peer, bench, f"/{peer.name}-0")
        return run

    with bench.servers(OURS, INCUMBENT):
        table = compete(title, "ms", {
            OURS.name: server(OURS),
            "mv": turn("mv", lambda source, target: timed("mv", bench.place(source),
                                                          bench.place(target)),
                       lambda at: None),
            INCUMBENT.name: server(INCUMBENT),
        }, bench.rounds, references=["mv", INCUMBENT.name])
    yield table
    yield goal("MOVE, ms (10 × mv + 50)", table.results[OURS.name]["seconds"] * 1000,
               at_most=10 * table.results["mv"]["seconds"] * 1000 + 50)


def locks(bench):
    """LOCK and UNLOCK"""
    def turn(peer, connections):
        def run(name):
            make_writable(bench.place(name), bench.files)  # new names: the incumbent loses locks
            requests = []
            for i in range(bench.files):
                path = f"/{name}/{name_of(i)}"
                requests.append(Request(
                    "LOCK", path, 200, {**XML_TYPE, "Timeout": "Second-600", "Depth": "0"},
                    LOCK_BODY, connection=i % connections))
                requests.append(Request("UNLOCK", path, 204, {"Lock-Token": "@TOKEN@"},
                                        connection=i % connections))
            outcome = played(peer, requests, connections)
            data = ask(peer, "PROPFIND", f"/{name}/", b"", {"Depth": "1"})[1]
            expect(f"{peer.name}: locks are left",
                   peer is INCUMBENT or b"opaquelocktoken" not in data and b"urn:uuid" not in data)
            remove(bench.place(name))
            return outcome
        return run

    with bench.servers(OURS, INCUMBENT):
        for connections in (1, 8):
            title = f"LOCK and UNLOCK, {bench.files:,} files, {clients(connections)}"
            yield compete(
                title, "a second", {p.name: turn(p, connections) for p in (OURS, INCUMBENT)},
                bench.rounds, bench.files, [INCUMBENT.name])


WORKLOADS = {"proppatch": proppatch, "properties": properties, "delete": delete, "copy": copy,
             "move": move, "locks": locks}
