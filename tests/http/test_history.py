"""Random histories: 16 clients, in four processes of the server, do what clients do, and what they were told is checked
afterwards against what a single client after the other could have seen.

- A conditional PUT that went well saw the latest: no other one that went well began from the same version.
- What was acknowledged is there, unless a later write has replaced it; nobody reads what was replaced before.
- No exclusive lock is held twice, and nobody else writes what one holds.
- What is moved about is neither lost nor doubled, and its properties are with it.

DMS_HISTORY says how many seeds there are (make history: 60; else two), DMS_SEED which is the first."""

import collections
import os
import random
import time

import pytest

import harness
import locking
import writing
from locking import lock_body
from test_lock_concurrency import CONF, PROCESSES, processes_that_served, together
from writing import prop, update_body

SEEDS = int(os.environ.get("DMS_HISTORY", "2"))
FIRST = int(os.environ.get("DMS_SEED", "1"))
CLIENTS, STEPS = 16, 40
FILES = [f"f{i}" for i in range(4)]
PAWNS, SQUARES = 5, 9
XML = ("Content-Type", "application/xml")

Event = collections.namedtuple("Event", "what file value before begin end client")


class Client:
    """One that does what its seed says, and writes down what it was told."""

    def __init__(self, dav, seed, number, events):
        self.dav, self.number, self.events = dav, number, events
        self.random = random.Random(f"{seed} {number}")
        self.connection = dav.server.connect()
        self.count = 0

    def ask(self, expected, method, name, headers=(), body=None):
        begin = time.monotonic()
        answer = self.connection.ask(method, self.dav.url + name, headers, body)
        assert answer.status in expected, (method, name, headers, answer)
        return answer, begin, time.monotonic()

    def note(self, what, file, value, before, begin, end):
        self.events.append(Event(what, file, value, before, begin, end, self.number))

    def new_value(self):
        self.count += 1
        return f"{self.number}.{self.count}"

    def run(self):
        steps = [self.read, self.write, self.write_on, self.write_on, self.write_locked, self.patch, self.move, self.lock_all]
        for _ in range(STEPS):
            self.random.choices(steps, [2, 2, 3, 3, 3, 2, 3, 1])[0]()
        self.connection.close()

    def file(self):
        return self.random.choice(FILES)

    def read(self):
        file = self.file()
        answer, begin, end = self.ask({200}, "GET", file)
        self.note("read", file, answer.body.decode(), None, begin, end)
        return file, answer

    def put(self, file, *headers, before=None):
        value = self.new_value()
        answer, begin, end = self.ask({204, 412, 423}, "PUT", file, headers, value)
        if answer.status == 204:
            self.note("write", file, value, before, begin, end)
        return answer.status

    def write(self):
        self.put(self.file())

    def write_on(self):
        file, answer = self.read()
        self.put(file, ("If-Match", answer.get("ETag")), before=answer.body.decode())

    def locked(self, name, files, act):
        answer, _, begin = self.ask({200, 207, 423}, "LOCK", name, [XML, ("Timeout", "Second-600")], lock_body())
        if answer.status != 200:
            return
        lock = locking.Lock(answer)
        act(lock)
        end = time.monotonic()
        self.ask({204}, "UNLOCK", name, [("Lock-Token", f"<{lock.token}>")])
        for file in files:
            self.note("hold", file, lock.token, None, begin, end)

    def write_locked(self):
        file = self.file()

        def act(lock):
            for _ in range(2):
                assert self.put(file, lock.submit) == 204
        self.locked(file, [file], act)

    def lock_all(self):
        """The folder, deep."""
        def act(lock):
            file = self.file()
            assert self.put(file, locking.tagged((self.dav.url, lock.token))) == 204
        self.locked("", FILES, act)

    def patch(self):
        file, value = self.file(), self.new_value()
        answer, begin, end = self.ask({207, 423}, "PROPPATCH", file, [XML], update_body(("set", prop("p", value))))
        if answer.status == 207:
            assert b" 200 " in answer.body, answer
            self.note("write", file + " p", value, None, begin, end)

    def move(self):
        """A pawn, to a square where nothing is; its property goes along."""
        one, other = self.random.sample(range(SQUARES), 2)
        self.ask({201, 404, 409, 412, 423}, "MOVE", f"squares/{one}",  # 409: another pawn has come to its square meanwhile
                 [("Destination", f"{self.dav.url}squares/{other}"), ("Overwrite", "F")])


def check_chain(writes):
    """Of those that began from a version, none began from the same."""
    seen = collections.Counter((w.file, w.before) for w in writes if w.before)
    assert not [x for x, n in seen.items() if n > 1], "an If-Match was lost"


def replaced_before(writes, value, moment):
    """Whether a write that began after this value's had ended was acknowledged before a moment."""
    (own,) = [w for w in writes if w.value == value]
    return any(w.begin > own.end and w.end < moment for w in writes)


def check_register(writes, reads, last):
    """Of one file, or one property: `last` is what is there at the end."""
    for value, moment in [(r.value, r.begin) for r in reads] + [(last, float("inf"))]:
        assert not replaced_before(writes, value, moment), f"{value} was read, which had been replaced"
    followed = {w.before for w in writes}
    assert last not in followed, f"the write that followed {last} is lost"


def check_holds(holds, writes):
    holds = sorted(holds, key=lambda hold: hold.begin)
    for one, other in zip(holds, holds[1:]):
        assert one.end < other.begin, f"held twice: {one} {other}"
    for hold in holds:
        for w in writes:
            assert w.client == hold.client or not (hold.begin < w.begin and w.end < hold.end), f"{w} in spite of {hold}"


def check(dav, events):
    by_file = collections.defaultdict(list)
    for event in events:
        by_file[event.file].append(event)
    for file in FILES:
        last = {file: dav.get(file).body.decode(), file + " p": dav.dead(file)["p"]}
        holds = [e for e in by_file[file] if e.what == "hold"]
        for name, value in last.items():
            writes = [e for e in by_file[name] if e.what == "write"]
            check_chain(writes)
            check_register(writes, [e for e in by_file[name] if e.what == "read"], value)
            check_holds(holds, writes)
    board = {path: text.decode() for path, text in dav.tree("squares").items()}
    assert sorted(board.values()) == [f"pawn {i}" for i in range(PAWNS)], board
    for path, text in board.items():
        assert dav.dead(f"squares/{path}") == {"pawn": text}, path
    assert locking.rows(dav.server) == 0
    assert writing.integrity(dav.server) == ["ok"]


@pytest.fixture(scope="module")
def shared():
    server = harness.Server(conf=CONF, location="DavMultistatusSync Off", servers=PROCESSES)
    server.start()
    writing.wait_until(lambda: len(server.workers()) == PROCESSES, 20)
    yield server
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


def begin(dav, events):
    for file in FILES:
        moment = time.monotonic()
        assert dav.put(file, "start").status == 201
        dav.set(file, p="start")
        for name in (file, file + " p"):
            events.append(Event("write", name, "start", None, moment, time.monotonic(), None))
    dav.folder("squares")
    for i in range(PAWNS):
        dav.put(f"squares/{i}", f"pawn {i}")
        dav.set(f"squares/{i}", pawn=f"pawn {i}")


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_random_history(shared, seed):
    (shared.data / str(seed)).mkdir()
    dav = writing.Dav(shared, shared.data / str(seed), f"/dav/{seed}/")
    events = []
    begin(dav, events)
    clients = [Client(dav, seed, number, []) for number in range(CLIENTS)]
    together(CLIENTS, lambda number: clients[number].run())
    for client in clients:
        events += client.events
    assert len(processes_that_served(dav)) > 1
    check(dav, events)


# -- the checks themselves find what they are for


def event(what, value, begin, end, before=None, client=1):
    return Event(what, "f", value, before, begin, end, client)


@pytest.mark.parametrize("broken", [
    lambda: check_chain([event("write", "b", 1, 2, "a"), event("write", "c", 1, 2, "a")]),
    lambda: check_register([event("write", "a", 0, 1), event("write", "b", 2, 3)], [event("read", "a", 4, 5)], "b"),
    lambda: check_register([event("write", "a", 0, 1), event("write", "b", 2, 3)], [], "a"),
    lambda: check_register([event("write", "a", 0, 9), event("write", "b", 2, 3, "a")], [], "a"),
    lambda: check_holds([event("hold", "t", 0, 5), event("hold", "u", 4, 6)], []),
    lambda: check_holds([event("hold", "t", 0, 5)], [event("write", "a", 1, 2, client=2)])],
    ids=["if-match", "stale", "lost", "follower", "twice", "barred"])
def test_a_broken_history_is_found(broken):
    with pytest.raises(AssertionError):
        broken()
