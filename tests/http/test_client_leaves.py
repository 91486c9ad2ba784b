"""Clients that leave, at each stage of each method that writes: what was sent whole is done whole, all else not at all, and nobody's
leaving decides what is kept."""

import os

import pytest

import harness
from harness import ALLPROP
from locking import lock_body, rows
from writing import dead_of, leftovers, mounted, prop, update_body

ACTS = {
    "put": ("PUT", "new.txt", {}, b"n" * 100_000),
    "put over": ("PUT", "a.txt", {}, b"n" * 100_000),
    "put part": ("PUT", "a.txt", {"Content-Range": "bytes 2-100001/*"}, b"n" * 100_000),
    "mkcol": ("MKCOL", "new", {}, b""),
    "copy": ("COPY", "folder", {"Destination": "new"}, b""),
    "copy over": ("COPY", "folder", {"Destination": "other"}, b""),
    "move": ("MOVE", "folder", {"Destination": "new"}, b""),
    "move over": ("MOVE", "folder", {"Destination": "other"}, b""),
    "move a file over": ("MOVE", "a.txt", {"Destination": "b.txt"}, b""),
    "delete": ("DELETE", "folder", {}, b""),
    "delete a file": ("DELETE", "a.txt", {}, b""),
    "proppatch": ("PROPPATCH", "folder", {"Content-Type": "text/xml"}, update_body(("set", prop("color", "blue"))).encode()),
    "lock": ("LOCK", "a.txt", {"Content-Type": "text/xml"}, lock_body().encode()),
    "lock of nothing": ("LOCK", "new.txt", {"Content-Type": "text/xml"}, lock_body().encode()),
}
CLOSE, RESET = harness.Connection.close, harness.Connection.reset


@pytest.fixture
def scene(dav):
    for name in ("a.txt", "b.txt", "folder/a.txt", "folder/inner/b.txt", "other/c.txt"):
        dav.file(name, name.encode())
        dav.set(name, color="red")
    dav.folder("empty")
    dav.set("folder", color="green")
    dav.server.expect_log("AH0|reset by peer|End of file|client has left")
    return dav


def state(dav):
    """All that is there: files, properties, and what is locked."""
    listing = dav.propfind("", "infinity", ALLPROP)
    properties = {r.path: dead_of(r) for r in listing}
    return dav.tree(), properties, rows(dav.server)


def send(dav, connection, act, sent):
    """The request with so much of its body as `sent` tells, from 0 to 1."""
    method, name, headers, body = ACTS[act]
    headers = [(n, v if n != "Destination" else dav.url + v) for n, v in headers.items()]
    body = body or b"x" * 20
    if method in ("MKCOL", "COPY", "MOVE", "DELETE") and sent == 1:
        body = b""
    connection.send_head(method, dav.url + name, [*headers, ("Content-Length", str(len(body)))])
    connection.socket.sendall(body[:int(len(body) * sent)])


@pytest.mark.parametrize("leave", [CLOSE, RESET], ids=["close", "reset"])
@pytest.mark.parametrize("act", ACTS)
def test_before_the_answer(scene, act, leave):
    before = state(scene)
    for sent in (0, 0.5):
        connection = scene.server.connect()
        send(scene, connection, act, sent)
        leave(connection)
    scene.server.wait_idle(5)
    assert state(scene) == before
    connection = scene.server.connect()
    send(scene, connection, act, 1)
    leave(connection)
    scene.server.wait_idle(5)
    left = state(scene)
    assert not leftovers(scene.path)
    if left == before:  # the client was gone before the request was read
        answer = send_and_read(scene, act)
        assert answer.status in (200, 201, 204, 207)
    else:
        send_and_read(scene, act)  # nothing stands in anybody's way
    assert state(scene) != before


def send_and_read(dav, act):
    with dav.server.connect() as connection:
        send(dav, connection, act, 1)
        return connection.read_answer(ACTS[act][0])


def half_fails(dav, method, count):
    """Members of `folder` of which every other one can't be removed, or copied."""
    for i in range(count):
        name = f"folder/stays/{i:0100}" if method == "DELETE" and i % 2 else f"folder/{i:0100}"
        fails = method != "DELETE" and i % 2
        dav.file(name, b"%d" % i, mode=0o600 if fails else 0o644, own=not fails)
    if method == "DELETE":
        os.chown(dav.disk("folder/stays"), 0, 0)


@pytest.mark.root
@pytest.mark.parametrize("leaves", ["after the first failure", "before the last byte"])
@pytest.mark.parametrize("method", ["DELETE", "COPY", "MOVE"])
def test_in_a_207(scene, method, leaves):
    """What can go has gone, whoever hears of it."""
    count = 200
    half_fails(scene, method, count)
    folder = scene.folder("mount")
    with mounted(folder):
        scene.file("mount/old/old.txt")
        with scene.server.connect(rcvbuf=4096) as connection:
            connection.send(method, scene.url + "folder", [("Destination", scene.url + "mount/old"), ("Connection", "close")])
            assert connection.read_head().status == 207
            read = b""
            while leaves == "before the last byte" and b"</D:multi" not in read:
                read += connection.file.read1(256)
            connection.reset()
        scene.server.wait_idle(20)
        assert not leftovers(scene.path)
        copied, left = scene.tree("mount/old"), scene.tree("folder")
        if method == "DELETE":
            assert len(left) == 1 + count // 2 and all(name.startswith("stays") for name in left)
        else:
            assert len(copied) == 3 + count // 2 and "old.txt" not in copied
            assert len(left) == (3 + count if method == "COPY" else count // 2)
