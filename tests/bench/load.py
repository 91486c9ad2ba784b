"""What is asked of servers, by bench-client or by curl, and programs whose time it takes."""

import dataclasses
import json
import os
import subprocess
import time
import zlib

from peers import CLIENT_CORE, REPO, SERVER_CORE, pinned_to, server_user

CLIENT = REPO / "build/bench-client"
FLOOR = REPO / "build/bench-floor"


class Wrong(Exception):
    """An answer, or what was done to the disk, is not as it should be."""


def expect(what, is_so):
    if not is_so:
        raise Wrong(what)


@dataclasses.dataclass
class Request:
    """One request, and the answer that is right for it. @TOKEN@ in a header is the last
    Lock-Token of the connection. With responses, that many have to be in the 207. So many bytes
    as `fill` says follow the body, each an x."""
    method: str
    path: str
    status: int
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    responses: int = -1
    connection: int = 0
    repeat: int = 1
    fill: int = 0

    BODILESS = ("GET", "HEAD", "PROPFIND", "UNLOCK", "DELETE", "COPY", "MOVE")

    def script(self):
        headers = {"Host": "127.0.0.1", **self.headers}
        length = len(self.body) + self.fill
        if length or self.method not in self.BODILESS:
            headers["Content-Length"] = length
        lines = [f"{self.method} {self.path} HTTP/1.1"] + [f"{n}: {v}" for n, v in headers.items()]
        data = "\r\n".join([*lines, "", ""]).encode() + self.body
        return b"%d %d %d %d %d %d\n%b" % (self.connection, self.repeat, self.status,
                                           self.responses, self.fill, len(data), data)


@dataclasses.dataclass
class Listing:
    """A PROPFIND, and how many members there are to be in its answer."""
    path: str
    members: int
    depth: str = "1"
    body: str = ""


class Peak:
    """The highest anonymous memory of a server's worker, and the most descriptors, seen by looking
    now and then."""

    def __init__(self, peer):
        self.peer = peer
        self.bytes = self.descriptors = 0
        self.look()

    def look(self):
        self.bytes = max(self.bytes, self.peer.anonymous_memory())
        self.descriptors = max(self.descriptors, self.peer.descriptors())


# --- bench-client ---


def watched(process, watch):
    """Waits for the process, looking at the server's memory meanwhile if there is a `watch`."""
    while watch and process.poll() is None:
        watch.look()
        time.sleep(0.001)
    if watch:
        watch.look()
    return process.communicate()


def client(peer, argv, watch=None, script=None):
    """What it has measured, as a dict, and what it says on stderr."""
    process = subprocess.Popen([str(CLIENT), *map(str, argv)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=pinned_to(CLIENT_CORE))
    with process:
        if script:
            process.stdin.write(script)
        process.stdin.close()
        process.stdin = None
        out, told = watched(process, watch)
    if process.returncode != 0:
        raise Wrong(f"{peer.name}: {told.decode().strip()}")
    answer = json.loads(out)
    if watch:
        answer["peak"] = watch.bytes
    return answer, told.decode().strip()


def play(peer, requests, connections=1, watch=None):
    """Sends them; what the client measured, how many answers were "wrong", and what it "told"
    of the first of them."""
    script = b"".join(request.script() for request in requests)
    answer, told = client(peer, ["play", peer.port, connections], watch, script)
    return {**answer, "told": told}


def played(peer, requests, connections=1, watch=None):
    """The outcome of playing them. Of peers, wrong answers are only counted: some of what is asked
    for they get wrong."""
    os.sync()
    answer = play(peer, requests, connections, watch)
    expect(f"{peer.name}: {answer['wrong']} answers of {answer['requests']}: {answer['told']}",
           answer["wrong"] == 0 or not peer.is_ours)
    return answer["total_us"] / 1e6, answer


def list_members(peer, listing, options=(), watch=None):
    """One listing; what the client measured. Nobody wins by answering less: a 207, with each member
    and the collection itself."""
    answer, _ = client(peer, [*options, peer.port, "PROPFIND", listing.path, listing.depth,
                              listing.body], watch)
    asked = f"{peer.name}: PROPFIND {listing.path}, Depth {listing.depth}"
    expect(f"{asked}: status {answer['status']}", answer["status"] == 207)
    expect(f"{asked}: {answer['responses']:,} responses, not {listing.members + 1:,}",
           answer["responses"] == listing.members + 1 or "-1" in options)
    return answer


# --- curl, for what bench-client doesn't speak ---


CLOSING = b"</D:response>"


def begun_tag(text):
    """What may be the start of a CLOSING whose end is still to come."""
    at = text.rfind(b"<", max(0, len(text) - len(CLOSING) + 1))
    return text[at:] if at >= 0 else b""


def stream(peer, listing, http2=False, gzip=False):
    """As list_members(), with the server's memory watched, over HTTP/2 in the clear (or 1.1),
    compressed or not. By curl's own clock, from when it sends the request; the first byte is that
    of the answer's head, which httpd sends with what first comes out of its filters."""
    watch = Peak(peer)
    inflate = zlib.decompressobj(wbits=31).decompress if gzip else bytes
    argv = ["curl", "-sSfN", "-X", "PROPFIND", "-H", f"Depth: {listing.depth}",
            "--http2-prior-knowledge" if http2 else "--http1.1",
            *(["-H", "Accept-Encoding: gzip"] if gzip else []),
            "-w", "%{stderr}%{time_pretransfer} %{time_starttransfer} %{time_total}",
            f"http://127.0.0.1:{peer.port}{listing.path}"]
    received, responses, tail = 0, 0, b""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=pinned_to(CLIENT_CORE)) as process:
        while piece := os.read(process.stdout.fileno(), 1 << 18):
            received += len(piece)
            text = tail + inflate(piece)
            responses += text.count(CLOSING)
            tail = begun_tag(text)
            watch.look()
        told = process.stderr.read().decode()
    expect(f"{peer.name}: curl got {responses:,} responses, not {listing.members + 1:,}: {told}",
           process.returncode == 0 and responses == listing.members + 1)
    sent, first, end = (float(seconds) * 1e6 for seconds in told.split())
    return {"total_us": end - sent, "first_us": first - sent, "bytes": received,
            "peak": watch.bytes}


# --- programs ---


def read_floor(folder, members, recursive=False):
    """Seconds to read the folder and ask for the facts of each member, on the servers' core."""
    run = subprocess.run([FLOOR, *["-r"] * recursive, folder], stdout=subprocess.PIPE,
                         preexec_fn=pinned_to(SERVER_CORE), check=True)
    answer = json.loads(run.stdout)
    expect(f"{folder} has {answer['members']:,} members, not {members:,}",
           answer["members"] == members)
    return answer["total_us"] / 1e6


def timed(*argv):
    """The outcome of a program: the time it takes, as the servers' user and on their core."""
    os.sync()
    run = subprocess.run([str(CLIENT), "run", *map(str, argv)], stdout=subprocess.PIPE,
                         preexec_fn=pinned_to(SERVER_CORE), check=True, **server_user())
    answer = json.loads(run.stdout)
    expect(f"{argv} failed", answer["status"] == 0)
    return answer["total_us"] / 1e6, {}
