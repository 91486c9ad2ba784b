"""What changes the folder, and what asks for single resources: each workload beside
mod_dav_fs, and beside the program that does the same to the disk.

A workload is a set of contestants that take turns. A turn makes its data anew, outside of the
timing, syncs the disk, is timed, and then what it has done is looked at: on the disk, or
by asking the server. Only then does it count.
"""

import contextlib
import http.client
import os
import pathlib
import pwd
import shutil
import sqlite3
import statistics
import xml.etree.ElementTree as ET

from load import Request, play, time_command
from peers import INCUMBENT, OURS, OURS_UNSYNCED, STATIC, USER
from report import goal, print_table, say

NAMESPACE = "http://example.com/bench"
PROPERTIES = {"author": "Ada Lovelace", "keywords": "analytical engine, notes, B", "rating": "5"}
CONTENT = b"All work and no play makes Jack a dull boy.\n" * 24  # 1056 bytes
KIB = CONTENT[:1024]

SET_BODY = (f'<propertyupdate xmlns="DAV:" xmlns:b="{NAMESPACE}"><set><prop>'
            + "".join(f"<b:{n}>{v}</b:{n}>" for n, v in PROPERTIES.items())
            + "</prop></set></propertyupdate>").encode()
GET_BODY = (f'<propfind xmlns="DAV:" xmlns:b="{NAMESPACE}"><prop>'
            + "".join(f"<b:{n}/>" for n in PROPERTIES) + "</prop></propfind>").encode()
LOCK_BODY = (b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope>'
             b"<locktype><write/></locktype><owner><href>http://example.com/~ada</href></owner>"
             b"</lockinfo>")
XML_TYPE = {"Content-Type": "application/xml"}


class Bench:
    """Servers, the folder that they all serve, and how much of everything there is to do."""

    def __init__(self, root, quick, rounds):
        self.root = root
        self.top = root / "changes"
        self.rounds = rounds
        self.tree_rounds = min(rounds, 3)
        self.files = 200 if quick else 1_000  # PROPPATCHes, PUTs, pairs of LOCK and UNLOCK
        self.tree = 10_000 if quick else 100_000
        self.with_properties = self.tree // 10
        self.single = 4_000 if quick else 16_000  # requests of Depth: 0

    @contextlib.contextmanager
    def servers(self, *peers):
        with contextlib.ExitStack() as stack:
            for peer in peers:
                peer.start(self.root, self.top)
                stack.callback(peer.stop)
            yield

    def place(self, name):
        return self.top / name


# --- the data ---


@contextlib.contextmanager
def as_server_user():
    """What is made here is the servers' user's, where we are root."""
    if os.getuid() != 0:
        yield
        return
    entry = pwd.getpwnam(USER)
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def name_of(i):
    return f"file-{i:06}.txt"


def make_files(folder, count, content=b""):
    with as_server_user():
        folder.mkdir()
        fd = os.open(folder, os.O_RDONLY)
        for i in range(count):
            file = os.open(name_of(i), os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
            if content:
                os.write(file, content)
            os.close(file)
        os.close(fd)


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def names_in(folder):
    """The files that are there, mod_dav_fs's own folder not counted."""
    return {entry.name for entry in os.scandir(folder) if entry.name != ".DAV"}


def expect(what, is_so):
    if not is_so:
        raise SystemExit(f"wrong: {what}")


# --- asking, outside of the timing ---


def ask(peer, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=600)
    connection.request(method, path, body or None, {**XML_TYPE, **(headers or {})})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def with_all_properties(peer, path, depth):
    """How many of the resources have each of PROPERTIES, with its value."""
    status, data = ask(peer, "PROPFIND", path, GET_BODY, {"Depth": depth})
    expect(f"{peer.name}: PROPFIND {path}: {status}", status == 207)
    count = 0
    for response in ET.fromstring(data).findall("{DAV:}response"):
        for propstat in response.findall("{DAV:}propstat"):
            if " 200 " in propstat.findtext("{DAV:}status"):
                prop = propstat.find("{DAV:}prop")
                found = {n: prop.findtext(f"{{{NAMESPACE}}}{n}") for n in PROPERTIES}
                count += found == PROPERTIES
    return count


def set_properties(peer, path, count, connections=1):
    """Requests that set PROPERTIES on that many files."""
    return [Request("PROPPATCH", f"{path}/{name_of(i)}", 207, XML_TYPE, SET_BODY, 1,
                    i % connections) for i in range(count)]


# --- turns ---


class Tally:
    """What a contestant has done so far."""

    def __init__(self, work):
        self.work = work  # what one turn does, for a rate
        self.seconds, self.busy, self.wrong = [], [], 0

    def add(self, turn):
        seconds, answer = turn if isinstance(turn, tuple) else (turn, {})
        self.seconds.append(seconds)
        self.wrong += answer.get("wrong", 0)
        if "cpu_us" in answer:
            self.busy.append(answer["cpu_us"] / answer["total_us"])

    def result(self):
        seconds = statistics.median(self.seconds)
        result = {"seconds": seconds, "rounds": self.seconds, "wrong_answers": self.wrong}
        if self.work > 1:
            result["per_second"] = self.work / seconds
        if self.busy:
            result["client_busy"] = statistics.median(self.busy)
        return result


def take_turns(title, contestants, rounds, work=1, warm_up=True):
    """Each contestant is a function of a name that no other turn has; it gives seconds, or what
    played() does. The first round warms up, where that is wanted, and does not count."""
    tallies = {name: Tally(work) for name in contestants}
    for n in range(-1 if warm_up else 0, rounds):
        say(f"{title}: " + (f"round {n + 1} of {rounds}" if n >= 0 else "warming up"))
        for i, (name, turn) in enumerate(contestants.items()):
            outcome = turn(f"turn-{n + 1}-{i}")
            if n >= 0:
                tallies[name].add(outcome)
    return {name: tally.result() for name, tally in tallies.items()}


def played(peer, requests, connections=1):
    """Of the incumbent, wrong answers are only counted: some of what is asked for it gets wrong."""
    os.sync()
    answer = play(peer, requests, connections)
    expect(f"{peer.name}: {answer['wrong']} answers of {answer['requests']}: {answer['told']}",
           answer["wrong"] == 0 or peer is INCUMBENT)
    return answer["total_us"] / 1e6, answer


def timed(*argv):
    os.sync()
    return time_command(*argv)


# --- the workloads: each gives results by contestant, or several of them by title ---


def proppatch(bench):
    def turn(peer, connections):
        def run(name):
            folder = bench.place(name)
            make_files(folder, bench.files)
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
            results = take_turns(
                title, {peer.name: turn(peer, connections) for peer in (OURS, INCUMBENT)},
                bench.rounds, bench.files)
            yield title, results
            yield goal(f"PROPPATCH a second, {clients(connections)}, × {INCUMBENT.name}",
                       ratio(results, INCUMBENT, OURS), at_least=2)


def listing(bench):
    """Of the same files with and without dead properties, from the same server."""
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
                make_files(bench.place(path), bench.files)
                if kind == "with":
                    play(peer, set_properties(peer, f"/{path}", bench.files))
                has = bench.files if kind == "with" else 0
                expect(f"{path}: has its properties",
                       with_all_properties(peer, f"/{path}/", "1") == has)
                data = ask(peer, "PROPFIND", f"/{path}/", b"", {"Depth": "1"})[1]
                expect(f"{path}: allprop tells {data.count(b'Ada Lovelace')} of them",
                       data.count(b"Ada Lovelace") == has)
                contestants[f"{peer.name}, {kind}"] = turn(peer, f"/{path}/")
        results = take_turns(title, contestants, bench.rounds, listings * bench.files)
    yield title, results
    for peer in (OURS, INCUMBENT):
        value = ratio(results, f"{peer.name}, with", f"{peer.name}, without")
        if peer is OURS:
            yield goal("PROPFIND with dead properties, × without", value, at_most=1.5)
        else:
            say(f"({peer.name}: {value:.2f} × without)")


def delete(bench):
    title = f"DELETE of {bench.tree:,} files"

    def turn(act):
        def run(name):
            make_files(bench.place(name), bench.tree, CONTENT)
            outcome = act(name)
            expect(f"{name} is still there", not bench.place(name).exists())
            return outcome
        return run

    def server(peer):
        return turn(lambda name: played(peer, [Request("DELETE", f"/{name}/", 204)]))

    with bench.servers(OURS, INCUMBENT):
        results = take_turns(title, {
            OURS.name: server(OURS),
            "rm -rf": turn(lambda name: timed("rm", "-rf", bench.place(name))),
            INCUMBENT.name: server(INCUMBENT),
        }, bench.tree_rounds, warm_up=False)
    yield title, results
    yield goal("DELETE, × rm -rf", ratio(results, OURS, "rm -rf"), at_most=1.3)


def copy(bench):
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

    make_files(source, bench.tree, CONTENT)
    with bench.servers(OURS, INCUMBENT):
        results = take_turns(title, {
            OURS.name: server(OURS),
            "cp -R": turn(lambda name: timed("cp", "-R", source, bench.place(name))),
            INCUMBENT.name: server(INCUMBENT),
        }, bench.tree_rounds, warm_up=False)
    remove(source)
    yield title, results
    yield goal("COPY, × cp -R", ratio(results, OURS, "cp -R"), at_most=1.3)


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
    """There and back: each turn finds what the one before has moved."""
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
        make_files(bench.place(at), bench.tree)
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
        results = take_turns(title, {
            OURS.name: server(OURS),
            "mv": turn("mv", lambda source, target: timed("mv", bench.place(source),
                                                          bench.place(target)),
                       lambda at: None),
            INCUMBENT.name: server(INCUMBENT),
        }, bench.rounds)
    yield title, results
    yield goal("MOVE, ms (10 × mv + 50)", results[OURS.name]["seconds"] * 1000,
               at_most=10 * results["mv"]["seconds"] * 1000 + 50)


def single(bench):
    title = "Depth: 0 of one file, kept alive, 8 clients"
    make_files(bench.place("single"), 1, KIB)
    path = f"/single/{name_of(0)}"

    def turn(peer, method):
        headers = {"Depth": "0"} if method == "PROPFIND" else {}
        status = 207 if method == "PROPFIND" else 200
        responses = 1 if method == "PROPFIND" else -1
        return lambda name: played(peer, [
            Request(method, path, status, headers, b"", responses, connection, bench.single // 8)
            for connection in range(8)], 8)

    with bench.servers(OURS, INCUMBENT, STATIC):
        results = take_turns(title, {
            f"PROPFIND, {OURS.name}": turn(OURS, "PROPFIND"),
            f"PROPFIND, {INCUMBENT.name}": turn(INCUMBENT, "PROPFIND"),
            f"GET, {OURS.name}": turn(OURS, "GET"),
            f"GET, {INCUMBENT.name}": turn(INCUMBENT, "GET"),
            f"GET, {STATIC.name}": turn(STATIC, "GET"),
        }, bench.rounds, bench.single)
    yield title, results
    yield goal("Depth: 0, requests a second, × static GET",
               ratio(results, f"GET, {STATIC.name}", f"PROPFIND, {OURS.name}"), at_least=0.9)
    yield goal(f"GET, requests a second, × {INCUMBENT.name}",
               ratio(results, f"GET, {INCUMBENT.name}", f"GET, {OURS.name}"), at_least=1)


def locks(bench):
    def turn(peer, connections):
        def run(name):
            make_files(bench.place(name), bench.files)  # new names: the incumbent loses locks
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
            yield title, take_turns(
                title, {peer.name: turn(peer, connections) for peer in (OURS, INCUMBENT)},
                bench.rounds, bench.files)


def put(bench):
    def turn(peer, connections):
        def run(name):
            folder = bench.place(name)
            make_files(folder, 0)
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

    peers = (OURS, OURS_UNSYNCED, INCUMBENT)
    with bench.servers(*peers):
        for connections in (1, 8):
            title = f"PUT of {bench.files:,} new files of 1 KiB, {clients(connections)}"
            results = take_turns(title, {peer.name: turn(peer, connections) for peer in peers},
                                 bench.rounds, bench.files)
            yield title, results
            yield goal(f"PUT a second, Sync Off, {clients(connections)}, × {INCUMBENT.name}",
                       ratio(results, INCUMBENT, OURS_UNSYNCED), at_least=1)


WORKLOADS = {"proppatch": proppatch, "listing": listing, "delete": delete, "copy": copy,
             "move": move, "single": single, "locks": locks, "put": put}


# --- what is printed ---


def clients(number):
    return "1 client" if number == 1 else f"{number} clients"


def ratio(results, over, under):
    """Of the seconds of two contestants, each a peer or a name: the median of what it was in each
    round. A round's turns follow each other closely, so what else the machine does, while
    it lasts longer than a round, slows both."""
    rounds = [results[x if isinstance(x, str) else x.name]["rounds"] for x in (over, under)]
    return statistics.median(a / b for a, b in zip(*rounds))


def print_results(title, results):
    first = next(iter(results.values()))["seconds"]
    rates = any("per_second" in r for r in results.values())
    rows = []
    for name, r in results.items():
        rows.append([
            name,
            f"{r['per_second']:,.0f}" if rates else f"{r['seconds'] * 1000:,.1f}",
            f"{min(r['rounds']) * 1000:,.1f}", f"{max(r['rounds']) * 1000:,.1f}",
            f"{r['seconds'] / first:.2f}",
            f"{100 * r['client_busy']:.0f} %" if "client_busy" in r else "",
            str(r["wrong_answers"]),
        ])
    print_table(title, ["", "a second" if rates else "ms", "best ms", "worst ms", "× time of ours",
                        "client busy", "wrong answers"], rows)


def measure(root, only, quick, rounds):
    """Runs the workloads; what came of each, by title, and the goals."""
    bench = Bench(root, quick, rounds)
    results, goals = {}, []
    for name, workload in WORKLOADS.items():
        if name not in only:
            continue
        remove(bench.top)
        bench.top.mkdir()
        if os.getuid() == 0:
            shutil.chown(bench.top, USER, USER)
        for found in workload(bench):
            if isinstance(found, tuple):
                print_results(*found)
                results[found[0]] = found[1]
            else:
                goals.append(found)
    remove(bench.top)
    return results, goals
