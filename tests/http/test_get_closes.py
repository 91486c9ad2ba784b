"""Each file that a GET opens is closed once, by whoever has it in the end: the request, or, where the client is slow,
the output filters, which set it aside for longer than the request lives."""

import subprocess
import time

import pytest

import harness
import writing
from test_put import traced

SIZE = 3_000_001
SETTINGS = ["EnableSendfile On", "EnableSendfile Off", "EnableSendfile Off\nEnableMMAP Off"]
FILES = {"empty.bin": 0, "small.bin": 100, "middle.bin": 100_000, "big.bin": SIZE}


@pytest.fixture(params=SETTINGS)
def place(httpd, request):
    place = httpd(servers=1, modules=["http2"], conf="Protocols h2c http/1.1",
                  directory="Options None\n" + request.param)
    for name, size in FILES.items():
        place.file(name, bytes(range(251)) * (size // 251) + b"x" * (size % 251))
    return place


def ask_all(place):
    """On one connection: what is sent at once, what is not sent at all, and parts."""
    tag = place.head("small.bin").get("ETag")
    requests = [("GET",), ("HEAD",), ("GET", ("If-None-Match", "*")), ("GET", ("If-Match", tag)),
                ("GET", ("Range", "bytes=1-60000")), ("GET", ("Range", "bytes=0-1,50-50000,60000-"))]
    with place.server.connect() as connection:
        for name in FILES:
            for method, *headers in requests:
                answer = connection.ask(method, place.url + name, headers)
                assert answer.status in (200, 206, 304, 412, 416), answer


def ask_slowly(place, leave):
    """Eight clients that stop after the first bytes; then they `leave` (a function of the connection), or read on."""
    connections = [place.server.connect(rcvbuf=4096) for _ in range(8)]
    for i, connection in enumerate(connections):
        connection.send("GET", place.url + "big.bin", [("Range", "bytes=0-2,9-")] if i % 4 == 3 else [])
        connection.read_line()
    time.sleep(0.1)
    for connection in connections:
        if leave:
            leave(connection)
        else:
            assert len(connection.file.read1(1000))
            with connection:
                connection.socket.shutdown(1)  # so that the server closes when all is sent
                assert len(connection.file.read()) > SIZE - 1001


def curl(place, name, *options):
    url = f"http://127.0.0.1:{place.server.port}{place.url}{name}"
    return subprocess.run(["curl", "-sS", "--http2-prior-knowledge", *options, url], capture_output=True)


def ask_over_http2(place):
    for name in FILES:
        assert curl(place, name).stdout == (place.path / name).read_bytes()
    curl(place, "big.bin", "-I")
    assert curl(place, "big.bin", "--limit-rate", "20M").stdout == (place.path / "big.bin").read_bytes()
    curl(place, "big.bin", "--limit-rate", "1M", "--max-time", "0.2")  # leaves


def ask_in_all_ways(place):
    ask_all(place)
    for leave in (None, harness.Connection.close, harness.Connection.reset):
        ask_slowly(place, leave)
    ask_over_http2(place)


def test_no_descriptor_is_left(place):
    ask_in_all_ways(place)
    before = len(place.server.descriptors())
    ask_in_all_ways(place)
    writing.wait_until(lambda: len(place.server.descriptors()) <= before, 10,
                       f"{before} before, now: {place.server.descriptors()}")


def test_no_descriptor_is_closed_twice(place):
    """The second close would be somebody else's file: it fails only where nobody has got the number meanwhile."""
    calls = traced(place, lambda: ask_in_all_ways(place), "close")
    assert len(calls) > 100
    assert not [call for call in calls if "EBADF" in call]
