"""Clients at once, in several processes of the server: LOCK and what it guards never slip between check and act.

DMS_LOCK_ROUNDS scales the long test (2,000 rounds by default)."""

import itertools
import os
import random
import threading
import time

import pytest

import harness
from locking import database, lock, lock_body, refused, rows, tokens_on, unlock

ROUNDS = int(os.environ.get("DMS_LOCK_ROUNDS", "200" if harness.PRELOAD else "2000"))
CLIENTS = 8
PROCESSES = 4

CONF = f"""
StartServers {PROCESSES}
ThreadsPerChild 16
MaxRequestWorkers {16 * PROCESSES}
MinSpareThreads {8 * PROCESSES}
MaxSpareThreads {16 * PROCESSES}
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
CustomLog "{{root}}/logs/pids.log" "%P"
"""


@pytest.fixture
def dav(dav_on):
    # Durability is not what is tested here, and costs most of the time.
    dav = dav_on(conf=CONF, location="DavMultistatusSync Off", servers=PROCESSES)
    deadline = time.monotonic() + 10
    while len(dav.server.workers()) < PROCESSES:
        assert time.monotonic() < deadline, dav.server.workers()
        time.sleep(0.02)
    return dav


def processes_that_served(dav):
    return set((dav.server.root / "logs/pids.log").read_text().split())


def together(count, work):
    """Runs work(number) in as many threads, which begin at once; returns what each returned."""
    barrier = threading.Barrier(count)
    results, failures = [None] * count, []

    def run(number):
        try:
            barrier.wait(30)
            results[number] = work(number)
        except BaseException as e:
            failures.append(e)
    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(110)
    assert not any(t.is_alive() for t in threads), "a client hangs"
    if failures:
        raise failures[0]
    return results


XML = ("Content-Type", "application/xml")


class Client:
    """Locks one file, or the folder deep, increments the number in the file or in all of them, and unlocks."""

    FILES = ["n0.txt", "n1.txt", "n2.txt"]
    holders = {}
    guard = threading.Lock()

    def __init__(self, dav, number, left):
        self.dav, self.left = dav, left
        self.random = random.Random(number)
        self.done = {name: 0 for name in self.FILES}
        self.old_token = None
        self.refusals = 0

    def ask(self, method, name, headers=(), body=None):
        return self.connection.ask(method, self.dav.url + "n/" + name, headers, body)

    def run(self):
        while next(self.left) < ROUNDS:
            with self.dav.server.connect() as self.connection:  # another process, perhaps
                self.round()
        return self

    def round(self):
        name = "" if self.random.random() < 0.1 else self.random.choice(self.FILES)
        token = self.acquire(name)
        names = self.FILES if name == "" else [name]
        with self.guard:
            for n in names:
                assert n not in Client.holders, f"{n} is granted twice"
                Client.holders[n] = token
        for n in names:
            self.increment(n, name, token)
        with self.guard:
            for n in names:
                del Client.holders[n]
        answer = self.ask("UNLOCK", name, [("Lock-Token", f"<{token}>")])
        assert answer.status == 204, f"a lock is lost: {answer}"
        self.old_token = token

    def acquire(self, name):
        deadline = time.monotonic() + 60
        while True:
            answer = self.ask("LOCK", name, [XML, ("Timeout", "Second-300")], lock_body())
            if answer.status == 200:
                return answer.get("Lock-Token")[1:-1]
            assert answer.status == (207 if b"multistatus" in answer.body else 423), answer
            assert time.monotonic() < deadline, "nobody lets go of the lock"
            self.refusals += 1
            if self.old_token and self.random.random() < 0.2:
                answer = self.ask("PUT", self.FILES[0], [("If", f"(<{self.old_token}>)")], b"old")
                assert answer.status == 412, answer  # a token that is no more opens nothing
            time.sleep(self.random.random() * 0.01)

    def increment(self, n, root, token):
        value = int(self.ask("GET", n).body)
        headers = [("If", f"<{self.dav.url}n/{root}> (<{token}>)")]
        answer = self.ask("PUT", n, headers, b"%d" % (value + 1))
        assert answer.status == 204, answer
        self.done[n] += 1


def test_lock_put_unlock(dav):
    Client.holders = {}
    for name in Client.FILES:
        dav.file("n/" + name, b"0")
    left = itertools.count()
    began = time.monotonic()
    clients = together(CLIENTS, lambda n: Client(dav, n, left).run())
    seconds = time.monotonic() - began
    for name in Client.FILES:
        assert int(dav.get("n/" + name).body) == sum(c.done[name] for c in clients), "an update is lost"
    assert sum(sum(c.done.values()) for c in clients) >= ROUNDS
    assert rows(dav.server) == 0
    assert len(processes_that_served(dav)) == PROCESSES
    assert sum(c.refusals for c in clients) > ROUNDS // 20, "the clients did not meet"
    print(f"{ROUNDS} rounds in {seconds:.1f} s, {sum(c.refusals for c in clients)} refusals")


def test_of_many_that_lock_a_new_name_one_wins(dav):
    for i in range(25):
        answers = together(CLIENTS, lambda n: dav.ask("LOCK", f"new{i}.txt", [XML], lock_body()))
        assert sorted(a.status for a in answers) == [201] + [423] * (CLIENTS - 1)
        (won,) = [a.get("Lock-Token")[1:-1] for a in answers if a.status == 201]
        assert tokens_on(dav, f"new{i}.txt") == {won}
    assert rows(dav.server) == 25
    assert len(processes_that_served(dav)) > 1


def test_shared_locks_at_once_all_win(dav):
    dav.file("a.txt")
    answers = together(CLIENTS, lambda n: dav.ask("LOCK", "a.txt", [XML], lock_body("shared")))
    assert [a.status for a in answers] == [200] * CLIENTS
    tokens = {a.get("Lock-Token")[1:-1] for a in answers}
    assert tokens_on(dav, "a.txt") == tokens and len(tokens) == CLIENTS
    answers = together(CLIENTS, lambda n: unlock(dav, "a.txt", sorted(tokens)[n]))
    assert [a.status for a in answers] == [204] * CLIENTS
    assert rows(dav.server) == 0


def test_parent_and_member_at_once(dav):
    """A deep lock on the collection or locks on members, never both."""
    for i in range(25):
        name = f"c{i}/"
        dav.file(name + "m.txt")
        names = [name, name + "m.txt"] * (CLIENTS // 2)
        answers = together(CLIENTS, lambda n: dav.ask("LOCK", names[n], [XML], lock_body()))
        won = [names[n] for n, a in enumerate(answers) if a.status == 200]
        assert len(won) == 1, won
        assert {a.status for a in answers} <= {200, 207, 423}


def test_lock_against_put(dav):
    """A PUT without the token that was answered 204 came before the LOCK was answered."""
    for i in range(25):
        dav.file("a.txt", b"before")

        def work(n):
            if n == 0:
                held = lock(dav, "a.txt")
                content = dav.get("a.txt").body  # from here nobody else changes it
                return held, content, time.monotonic()
            return dav.put("a.txt", b"by %d" % n)
        (held, content, _), *puts = together(CLIENTS, work)
        assert {a.status for a in puts} <= {204, 423}
        assert dav.get("a.txt").body == content, "a write slipped past the lock"
        for answer in puts:
            if answer.status == 423:
                refused(answer, held.root)
        assert unlock(dav, "a.txt", held.token).status == 204


@pytest.mark.parametrize("other", ["DELETE", "MOVE"])
def test_lock_against_removal(dav, other):
    """Of a file: either the lock comes first, and it stays, or the removal, and the LOCK makes a new one (409 for who moves
    what was there before)."""
    for i in range(25):
        dav.file("a.txt", b"before")

        def work(n):
            if n == 0:
                return lock(dav, "a.txt")
            if other == "DELETE":
                return dav.delete("a.txt")
            return dav.move("a.txt", f"moved{n}.txt", ("Overwrite", "T"))
        held, *answers = together(3, work)
        assert {a.status for a in answers} <= {201, 204, 404, 409, 423}, answers
        removed = any(a.status in (201, 204) for a in answers)
        assert held.answer.status == (201 if removed else 200)
        assert tokens_on(dav, "a.txt") == {held.token}
        assert dav.get("a.txt").body == (b"" if removed else b"before")
        assert unlock(dav, "a.txt", held.token).status == 204
    assert rows(dav.server) == 0


def test_unlock_and_refresh_at_once(dav):
    """A refresh does not bring back a lock that has gone."""
    dav.file("a.txt")
    for i in range(25):
        held = lock(dav, "a.txt")

        def work(n):
            if n == 0:
                return unlock(dav, "a.txt", held.token).status
            return dav.ask("LOCK", "a.txt", [held.submit]).status
        statuses = together(4, work)
        assert statuses[0] == 204 and set(statuses[1:]) <= {200, 412}
        assert tokens_on(dav, "a.txt") == set()
    assert rows(dav.server) == 0


def test_a_client_that_does_not_read_keeps_nobody_from_writing(dav):
    """A deep LOCK that 30,000 members stand in the way of, whose 207, which tells of 1,000, the client leaves unread: nothing
    that others wait for may be held meanwhile."""
    folder = dav.folder("many")
    with database(dav.server) as db:
        expires = int(time.time()) + 3600
        db.executemany("INSERT INTO lock (token, parent, key, uri, deep, shared, owner, principal, expires) "
                       "VALUES (?, ?, ?, ?, 0, 0, '', '', ?)",
                       [(f"urn:uuid:00000000-0000-4000-8000-{i:012}", str(folder), f"{folder}/{'m' * 100}{i}",
                         f"{dav.url}many/{'m' * 100}{i}", expires) for i in range(30_000)])
    with dav.server.connect(rcvbuf=4096) as slow:
        slow.send("LOCK", dav.url + "many/", [XML], lock_body())
        assert slow.read_head().status == 207
        for i in range(3):
            began = time.monotonic()
            assert dav.put(f"other{i}.txt", b"x").status == 201
            assert time.monotonic() - began < 5
        body = b"".join(slow.pieces(harness.Answer("", 207, "", [("Transfer-Encoding", "chunked")], [])))
    result = harness.Multistatus(body, keep=False)
    assert len(result) == 1_001
    assert [r.status for r in result].count(423) == 1_000
    assert {r.href: r.status for r in result}[dav.url + "many/"] == 424
