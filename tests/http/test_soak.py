"""What a request has opened and allocated is given back, whatever its answer was, and however its client read or left.

DMS_SOAK says how many there are to be of each (make soak: 10,000; else a few)."""

import itertools
import os
import select
import time

import pytest

import harness
import locking
import writing
from cases import CASES, CONF, LOG, Scene, to

COUNT = int(os.environ.get("DMS_SOAK", "20"))
AT_ONCE = 8
BIG, MEMBERS = 3_000_001, 400
KIB = 6 * 1024  # what the threads' pools and SQLite's cache may keep, by which requests they had
METHODS = sorted({case.method for case in CASES})
SETTINGS = {"default": "", "no mmap": "EnableMMAP Off", "sendfile": "EnableSendfile On"}


@pytest.fixture(scope="module", params=SETTINGS)
def scene(request):
    server = harness.Server(servers=1, threads=2 * AT_ONCE, location="DavMultistatusSync Off",
                            directory="Options Indexes FollowSymLinks\n" + SETTINGS[request.param],
                            conf="MaxKeepAliveRequests 0\nMaxMemFree 256\n" + CONF)
    (server.data / "scene").mkdir()
    locking.add_users(server, "jane")
    writing.give(server.data)
    server.expect_log(LOG + "|AH00484")  # all threads are at work
    server.start()
    scene = Scene(writing.Dav(server, server.data / "scene", "/dav/scene/"))
    scene.dav.file("big.bin", bytes(BIG))
    scene.dav.file("staying/stay")
    for i in range(MEMBERS):
        scene.dav.file(f"many/{i}")
    yield scene
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


def check(server, act):
    """`act`, a function of how often, leaves the server with what it had."""
    act(max(COUNT // 4, 10))
    files, memory = settled(server, 0), server.rss_anon()
    act(COUNT)
    now = settled(server, len(files))
    assert len(now) <= len(files), sorted(now)
    if not harness.PRELOAD:
        assert server.rss_anon() - memory < KIB, f"{memory} KiB before, {server.rss_anon()} KiB now"


def descriptors(server):
    """Without the store's: its second connection is opened when two requests first need it at once."""
    found = server.descriptors()
    stores = [name for name in found if str(writing.store_path(server)) in name]
    assert len(stores) <= 8, stores
    return [name for name in found if name not in stores]


def settled(server, wanted):
    """What is open as soon as it is that many, or does not become fewer any more."""
    found, since = descriptors(server), time.monotonic()
    while len(found) > wanted and time.monotonic() - since < (3 if wanted else 0.2):
        time.sleep(0.02)
        now = descriptors(server)
        if len(now) < len(found):
            since = time.monotonic()
        found = now
    return found


# -- each method and each status


class Client:
    """Keeps a connection as long as the server does."""

    def __init__(self, server):
        self.server, self.connection = server, server.connect()

    def ask(self, case, target, headers):
        if select.select([self.connection.socket], [], [], 0)[0]:  # it has been closed
            self.connection.close()
            self.connection = self.server.connect()
        self.connection.send(case.method, target, headers, case.body, case.chunks)
        answer = self.connection.read_answer(case.method)
        assert answer.status == case.status, (case.id, answer)
        if answer.get("Connection") == "close":
            assert not self.connection.file.read()


@pytest.mark.parametrize("scene", ["default"], indirect=True)
@pytest.mark.parametrize("method", METHODS)
def test_each_method_and_status(scene, method):
    def act(count):
        client = Client(scene.dav.server)
        for case in CASES:
            for _ in range(count if case.method == method else 0):
                client.ask(case, *case.prepare(scene))
        client.connection.close()
    check(scene.dav.server, act)


# -- clients that are slow, and clients that leave


def read_on(connection):
    with connection:
        while connection.socket.recv(1 << 16):
            pass


READ_ON, CLOSE, RESET = read_on, harness.Connection.close, harness.Connection.reset
READING = [(0, CLOSE), (0, RESET), (1, READ_ON), (1, CLOSE), (10_000, RESET)]
SENDING = list(itertools.product((0, 1, 10_000), (CLOSE, RESET)))
GETS = [
    ("GET", "big.bin"),
    ("GET", "big.bin", ("Range", "bytes=0-1000000,1500000-")),
    ("GET", "empty.txt"),
]
READERS = [
    ("PROPFIND", "many/", ("Depth", "1")),
    ("PROPFIND", "many/1", ("Depth", "0")),
    ("DELETE", "staying/"),
    ("COPY", "folder/", *to("copy/")),
    ("OPTIONS", "folder/"),
]
SENDERS = [
    ("PUT", "put.txt"), ("PUT", "nowhere/put.txt"), ("PROPFIND", "folder/"), ("PROPPATCH", "folder/"),
    ("LOCK", "folder/"), ("MKCOL", "folder/new"), ("DELETE", "nothing"), ("GET", "a.txt"), ("COPY", "a.txt"),
]


def visit(scene, request, leave, body=b"", sent=0, read=0):
    """Several clients at once send a request, `sent` bytes of its body, and read so much; then all of them leave."""
    method, name, *headers = request
    headers = [(n, v.replace("{url}", scene.dav.url)) for n, v in headers]
    headers += [("Connection", "close"), ("Content-Length", str(len(body)))]
    connections = [scene.dav.server.connect(rcvbuf=4096, timeout=20) for _ in range(AT_ONCE)]
    for connection in connections:
        connection.send_head(method, scene.dav.url + name, headers)
        connection.socket.sendall(body[:sent])
    for connection in connections:
        if read:
            assert connection.socket.recv(read)
    time.sleep(0.01)
    for connection in connections:
        leave(connection)


def name_of(request):
    return " ".join(request[:2]) + (" " + request[2][1] if len(request) > 2 else "")


def read_a_little(scene, request_):
    def act(count):
        for _ in range(max(count // AT_ONCE // len(READING), 1)):
            for read, leave in READING:
                visit(scene, request_, leave, read=read)
    check(scene.dav.server, act)


@pytest.mark.parametrize("request_", GETS, ids=name_of)
def test_clients_that_read_a_file_a_little(scene, request_):
    read_a_little(scene, request_)


@pytest.mark.parametrize("scene", ["default"], indirect=True)
@pytest.mark.parametrize("request_", READERS, ids=name_of)
def test_clients_that_read_a_little(scene, request_):
    read_a_little(scene, request_)


@pytest.mark.parametrize("scene", ["default"], indirect=True)
@pytest.mark.parametrize("request_", SENDERS, ids=name_of)
def test_clients_that_send_a_little(scene, request_):
    def act(count):
        for _ in range(max(count // AT_ONCE // len(SENDING), 1)):
            for sent, leave in SENDING:
                visit(scene, request_, leave, b"<a>" + b"x" * 20_000, sent)
    check(scene.dav.server, act)


@pytest.mark.parametrize("scene", ["default"], indirect=True)
def test_clients_that_ask_for_nothing(scene):
    def act(count):
        for _ in range(count):
            for sent, leave in itertools.product((b"", b"GET /dav/", b"GET / HTTP/1.1\r\nHost"), (CLOSE, RESET)):
                connection = scene.dav.server.connect()
                connection.socket.sendall(sent)
                leave(connection)
    check(scene.dav.server, act)
