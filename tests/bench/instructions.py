"""Counts what a request costs in instructions, which no noise of the machine can touch, under valgrind's callgrind.

Each workload runs on a server of its own, once with some requests and once with more: the difference is the requests' own.
Fails where one costs by 20 % more than instructions.json has it; "--write" puts what has been counted there. With
"make instructions"; options go into INSTRUCTIONS_ARGS, as in INSTRUCTIONS_ARGS="--only put".
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "http"))

import harness
from report import print_table

KNOWN = pathlib.Path(__file__).with_name("instructions.json")
MORE = 1.2  # times what is known is too much

XML = ("Content-Type", "application/xml")
PROPPATCH = (b'<propertyupdate xmlns="DAV:"><set><prop><color xmlns="urn:x">red</color></prop></set></propertyupdate>')
LOCK = (b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>')


class Counted(harness.Server):
    """One child, counted."""

    def command(self):
        return ["valgrind", "-q", "--tool=callgrind", "--trace-children=yes",
                f"--callgrind-out-file={self.root}/state/count.%p", *super().command()]

    def instructions(self):
        """Ends it. What its child has needed in all."""
        child, = self.workers()
        wrong = self.stop()
        assert not wrong, wrong
        return int(re.search(r"^totals: (\d+)", (self.root / f"state/count.{child}").read_text(), re.M)[1])


def ask(connection, status, *args, **kw):
    answer = connection.ask(*args, **kw)
    assert answer.status == status, (args, answer)
    return answer


def listing(connection, i):
    return ask(connection, 207, "PROPFIND", "/dav/many/", [("Depth", "1")])


def single(connection, i):
    return ask(connection, 207, "PROPFIND", "/dav/many/file1.txt", [("Depth", "0")])


def get(connection, i):
    return ask(connection, 200, "GET", "/dav/many/file1.txt")


def put(connection, i):
    return ask(connection, 201, "PUT", f"/dav/few/put{i}", [], b"x" * 1024)


def proppatch(connection, i):
    return ask(connection, 207, "PROPPATCH", f"/dav/many/file{i}.txt", [XML], PROPPATCH)


def lock_unlock(connection, i):
    token = ask(connection, 200, "LOCK", f"/dav/many/file{i}.txt", [XML], LOCK).get("Lock-Token")
    return ask(connection, 204, "UNLOCK", f"/dav/many/file{i}.txt", [("Lock-Token", token)])


def copy_delete(connection, i):
    ask(connection, 201, "COPY", "/dav/tree/", [("Destination", "/dav/tree2/")])
    return ask(connection, 204, "DELETE", "/dav/tree2/")


FIRST = 5
# Requests beyond the first ones; what each of them is of: an answer's members, a tree's files, or itself.
WORKLOADS = {listing: (4, 1000), single: (40, 1), get: (40, 1), put: (40, 1), proppatch: (40, 1), lock_unlock: (40, 1),
             copy_delete: (15, 100)}


def fill(server):
    for folder, count in (("many", 1000), ("tree", 100), ("few", 0)):
        (server.data / folder).mkdir()
        for i in range(count):
            (server.data / folder / f"file{i}.txt").write_bytes(b"x" * 1024)
    if harness.IS_ROOT:
        os.system(f'chown -R {harness.WEB_USER} "{server.data}"')


def run(workload, count):
    """The instructions of a server that so many requests are sent to beyond the first ones."""
    server = Counted(servers=1, threads=4)
    try:
        fill(server)
        server.start()
        with server.connect() as connection:
            for i in range(FIRST + count):
                if i == FIRST:
                    time.sleep(2.5)  # what has just changed is looked at again and again
                workload(connection, i)
        return server.instructions()
    finally:
        server.kill()
        server.remove()


def each(workload):
    count, parts = WORKLOADS[workload]
    return (run(workload, count) - run(workload, 0)) / count / parts


def rows_of(found, known):
    for name, count in found.items():
        before = known.get(name)
        yield [name, f"{count:,.0f}", f"{before:,.0f}" if before else "-", f"{count / before - 1:+.1%}" if before else "-"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[w.__name__ for w in WORKLOADS])
    parser.add_argument("--write", action="store_true", help="what is found becomes what is known")
    args = parser.parse_args()
    chosen = [w for w in WORKLOADS if not args.only or w.__name__ in args.only]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip([w.__name__ for w in chosen], pool.map(each, chosen)))
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    print_table("Instructions of each request (of a listing and a tree: of each member)",
                ["", "now", "known", ""], list(rows_of(found, known)))
    if args.write:
        KNOWN.write_text(json.dumps({**known, **{n: round(c) for n, c in found.items()}}, indent=1) + "\n")
        return 0
    return int(any(count > MORE * known[name] for name, count in found.items() if name in known))


if __name__ == "__main__":
    sys.exit(main())
