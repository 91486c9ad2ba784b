"""Many clients at once, reading and writing: no 5xx, no lost update, nothing half, nothing left behind.

DMS_SOAK_SECONDS says how long (5 by default); 200 clients all the same."""

import collections
import contextlib
import hashlib
import os
import random
import sqlite3
import threading
import time
import urllib.parse

import harness
from harness import ALLPROP
from writing import integrity, leftovers, prop, store_path, update_body

SECONDS = float(os.environ.get("DMS_SOAK_SECONDS", 5))
CLIENTS = 200
COUNTERS = 4
NAMES = [f"n{i}" for i in range(12)]


class Load:
    """What all the clients share: a server, the moment to end, what they have counted, the first things gone wrong."""

    def __init__(self, server):
        self.server, self.end = server, time.monotonic() + SECONDS
        self.lock = threading.Lock()
        self.statuses = collections.Counter()
        self.increments = collections.Counter()
        self.wrong = []

    def complain(self, text):
        with self.lock:
            self.wrong.append(text)
            self.end = min(self.end, time.monotonic() + (0 if len(self.wrong) > 20 else 1))


class Client(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.random, self.number = load, random.Random(number), number
        self.connection = None

    def run(self):
        try:
            while time.monotonic() < self.load.end:
                self.increment() if self.number % 8 == 0 else self.mix()
        except Exception as e:  # an answer cut short, a connection refused: each is a failure of the server's
            self.load.complain(f"client {self.number}: {type(e).__name__}: {e}")
        finally:
            if self.connection:
                self.connection.close()

    def ask(self, method, target, headers=(), body=None):
        if self.number % 8 == 0:  # each request on its own connection: then none is ever sent twice
            answer = self.load.server.ask(method, target, headers, body)
        else:
            answer = self.ask_kept(method, target, headers, body)
        with self.load.lock:
            self.load.statuses[method, answer.status] += 1
        if answer.status >= 500:
            self.load.complain(f"{method} {target} {headers}: {answer}")
        return answer

    def ask_kept(self, method, target, headers, body):
        """On the client's own connection, which httpd may close at any time between two answers."""
        for attempt in range(3):
            if self.connection is None:
                self.connection = self.load.server.connect()
            try:
                answer = self.connection.ask(method, target, headers, body)
                break
            except (harness.Truncated, ConnectionError) as e:
                self.connection.close()
                self.connection = None
                if attempt == 2 or getattr(e, "body", b""):
                    raise
        if answer.get("Connection", "").lower() == "close":
            self.connection.close()
            self.connection = None
        return answer

    def increment(self):
        target = f"/dav/counter{self.random.randrange(COUNTERS)}"
        got = self.ask("GET", target)
        put = self.ask("PUT", target, [("If-Match", got.get("ETag"))], str(int(got.body) + 1))
        if put.status == 204:
            with self.load.lock:
                self.load.increments[target] += 1
        elif put.status != 412:
            self.load.complain(f"an increment: {put}")

    def mix(self):
        name, other = (f"/dav/{self.random.choice(NAMES)}" for _ in range(2))
        {"get": lambda: self.check(self.ask("GET", name)),
         "inside": lambda: self.check(self.ask("GET", name + "/f")),
         "list": lambda: self.list("1"),
         "listing": lambda: self.list("infinity"),
         "put": lambda: self.ask("PUT", name, body=self.content()),
         "put inside": lambda: self.ask("PUT", name + "/f", body=self.content()),
         "mkcol": lambda: self.ask("MKCOL", name),
         "delete": lambda: self.ask("DELETE", name),
         "copy": lambda: self.several(self.ask("COPY", name, [("Destination", other)])),
         "move": lambda: self.several(self.ask("MOVE", name, [("Destination", other)])),
         "proppatch": lambda: self.several(self.ask(
             "PROPPATCH", name, [("Content-Type", "text/xml")],
             update_body(("set", prop("x", "1") + prop("y", "2")), ("remove", prop("z"))))),
         }[self.random.choice(["get", "inside", "get", "list", "listing", "put", "put", "put inside", "put inside", "mkcol",
                               "delete", "copy", "move", "proppatch", "proppatch"])]()

    def content(self):
        data = self.random.randbytes(self.random.choice([10, 1000, 40_000]))
        return hashlib.sha1(data).digest() + data

    def check(self, answer):
        if answer.status == 200 and hashlib.sha1(answer.body[20:]).digest() != answer.body[:20]:
            self.load.complain(f"a file is not whole: {answer}")

    def list(self, depth):
        answer = self.ask("PROPFIND", "/dav/", [("Depth", depth)], ALLPROP)
        if answer.status == 207:
            self.several(answer)
            for response in answer.multistatus("/dav/"):
                x, y = response.text("x", "urn:example:dms"), response.text("y", "urn:example:dms")
                if (x is None) != (y is None):
                    self.load.complain(f"half of a PROPPATCH shows: {response}")

    def several(self, answer):
        if answer.status == 207 and b"HTTP/1.1 5" in answer.body:
            self.load.complain(f"a 5xx in a 207: {answer}")


def test_mixed_reads_and_writes(dav_on):
    dav = dav_on(servers=8)
    dav.server.expect_log("AH00484")  # more clients than workers: that is the point
    for i in range(COUNTERS):
        dav.put(f"counter{i}", b"0")
    load = Load(dav.server)
    clients = [Client(load, i) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(SECONDS + 60)
        assert not client.is_alive(), "a client hangs"
    done = sum(load.statuses.values())
    print(f"{done / SECONDS:.0f} requests a second:", dict(sorted(load.statuses.items())))
    assert not load.wrong, "\n".join(load.wrong[:10])
    for i in range(COUNTERS):
        counted = int(dav.get(f"counter{i}").body)
        assert counted == load.increments[f"/dav/counter{i}"], "an update is lost"
    assert sum(load.increments.values()) > 10
    methods = {m for m, s in load.statuses if s < 300}
    assert {"GET", "PUT", "DELETE", "COPY", "MOVE", "MKCOL", "PROPPATCH", "PROPFIND"} <= methods
    assert not leftovers(dav.path)
    assert integrity(dav.server) == ["ok"]
    print("rows of what is gone:", ghosts(dav))
    starts_clean(dav)


def starts_clean(dav):
    """Nothing that has gone lends its properties to what takes its name."""
    for name in NAMES:
        if not os.path.lexists(dav.disk(name)):
            assert dav.mkcol(name).status == 201
            assert dav.put(name + "/f").status == 201
            assert dav.dead(name + "/", "1") == {"": {}, "f": {}}, name


def ghosts(dav):
    """Keys of the store whose resource is not there: rows that waste room until the name is used again."""
    with contextlib.closing(sqlite3.connect(store_path(dav.server))) as db:
        rows = db.execute("SELECT DISTINCT c.key || '/' || p.member FROM property p JOIN collection c ON c.id = p.collection")
        return [key for key, in rows if not os.path.lexists(urllib.parse.unquote(key))]


def test_uploads_of_one_name(dav):
    """Whoever comes last, the file is one of those that were sent, whole."""
    contents = [bytes([i]) * 200_000 for i in range(16)]
    threads = [threading.Thread(target=lambda c=c: [dav.put("a.bin", c) for _ in range(5)]) for c in contents]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        answer = dav.get("a.bin")
        assert answer.status in (200, 404)
        assert answer.status == 404 or answer.body in contents
    for thread in threads:
        thread.join()
    assert dav.get("a.bin").body in contents


def test_a_resource_moved_to_and_fro_is_always_in_one_place(dav_on):
    dav = dav_on()
    dav.file("a/x.txt", b"x")
    dav.set("a/x.txt", color="red")
    end = time.monotonic() + 1.5
    wrong = []

    def mover():
        while time.monotonic() < end:
            for pair in (("a/", "b/"), ("b/", "a/")):
                status = dav.move(*pair).status
                if status not in (201, 204, 404, 409, 412):
                    wrong.append((pair, status))

    threads = [threading.Thread(target=mover) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    shown = dav.dead("", "infinity")
    assert [v for v in shown.values() if v] == [{"color": "red"}], shown


def test_deletes_and_uploads_into_one_folder(dav):
    """A DELETE of a folder that others fill ends with one of the answers that are true, never with a 5xx."""
    end = time.monotonic() + 1
    statuses = collections.Counter()

    def fill(number):
        while time.monotonic() < end:
            dav.mkcol("sub/")
            statuses[dav.put(f"sub/{number}").status] += 1

    threads = [threading.Thread(target=fill, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        statuses[dav.delete("sub/").status] += 1
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 204, 207, 404, 409}, statuses


def test_one_of_many_copies_to_a_new_name_has_made_it(dav):
    dav.file("source", b"x" * 100)
    for i in range(8):
        statuses = []
        threads = [threading.Thread(target=lambda to=f"to{i}": statuses.append(dav.copy("source", to).status))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201] + [204] * 7, statuses
