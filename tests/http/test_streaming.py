"""The answer streams: it starts at once, holds nothing, and stops when the client goes (the heart of the module)."""

import socket
import time

import pytest

from harness import ALLPROP, RESOURCETYPE


@pytest.fixture
def big(httpd, big_folders):
    """One worker process, so that its memory and CPU can be read."""
    return httpd(data=big_folders, servers=1).server


def test_a_hundred_thousand_members_each_once(big):
    answer = big.try_propfind("/dav/many/", "1", RESOURCETYPE).multistatus("/dav/many/", keep=False)
    assert len(answer) == 100_001


def test_the_answer_is_chunked(big):
    answer = big.try_propfind("/dav/few/", "1", ALLPROP)
    assert answer.get("Transfer-Encoding") == "chunked"
    assert answer.get("Content-Length") is None


def test_the_first_members_come_while_the_walk_goes_on(big):
    """Whoever collects first and sends then has the first byte when nearly all time has passed."""
    def times():
        with big.connect() as connection:
            start = time.monotonic()
            connection.send("PROPFIND", "/dav/many/", [("Depth", "1")], ALLPROP)
            head, first, received = connection.read_head(), None, b""
            for piece in connection.pieces(head):
                if first is None:
                    received += piece
                    if b"</D:response>" in received:
                        first = time.monotonic() - start
            return first, time.monotonic() - start
    first, whole = min(times() for _ in range(3))
    assert first < whole / 5
    assert first < 0.25


def test_a_slow_reader_gets_the_first_members_before_it_reads_on(big):
    # With a tiny window the server can't have finished: what comes first must hold whole responses.
    with big.connect(rcvbuf=4096) as connection:
        connection.send("PROPFIND", "/dav/many/", [("Depth", "1")], ALLPROP)
        head = connection.read_head()
        received = b""
        for piece in connection.pieces(head):
            received += piece
            if len(received) > 8000:
                break
        assert received.count(b"</D:response>") >= 4


@pytest.mark.no_sanitizer
def test_memory_is_the_same_for_a_thousand_and_a_hundred_thousand(big):
    def peak(url, reads):
        highest = 0
        for _ in range(reads):
            with big.connect() as connection:
                connection.send("PROPFIND", url, [("Depth", "1")], ALLPROP)
                count = 0
                for piece in connection.pieces(connection.read_head()):
                    count += len(piece)
                    if count > 256 * 1024:
                        highest, count = max(highest, big.rss_anon()), 0
                highest = max(highest, big.rss_anon())
        return highest
    # Every thread of the worker has its own pools: let each have worked before the measure.
    peak("/dav/few/", 40)
    few = peak("/dav/few/", 10)
    many = peak("/dav/many/", 3)
    assert many - few < 2048, f"{few} KiB and {many} KiB"


# -- the client leaves


def leave(server, url, depth, read, how):
    """Reads so many bytes of an answer, then leaves."""
    connection = server.connect(rcvbuf=4096)
    connection.send("PROPFIND", url, [("Depth", depth)], ALLPROP)
    if read:
        got = 0
        for piece in connection.pieces(connection.read_head()):
            got += len(piece)
            if got >= read:
                break
    getattr(connection, how)()


@pytest.mark.parametrize("read, how", [(0, "reset"), (3000, "reset"), (100_000, "reset"), (3000, "close")])
def test_the_walk_stops_when_the_client_leaves(big, read, how):
    leave(big, "/dav/many/", "1", read, how)
    match = big.wait_log(r"client left after (\d+) responses")
    # What the kernel's buffers take (4 MiB at most) is sent before anyone can tell: about 5,000 responses.
    assert int(match.group(1)) < 20_000


@pytest.mark.no_sanitizer
def test_a_walk_that_was_left_costs_a_fraction(big):
    def cost(work):
        before = big.cpu_seconds()
        work()
        return big.cpu_seconds() - before

    def leave_ten_times():
        for _ in range(10):
            leave(big, "/dav/many/", "1", 3000, "reset")
        big.wait_log("client left after")
        previous = -1
        while big.cpu_seconds() != previous:  # until the workers rest
            previous = big.cpu_seconds()
            time.sleep(0.1)
    whole = cost(lambda: [big.try_propfind("/dav/many/", "1", ALLPROP) for _ in range(10)])
    assert cost(leave_ten_times) < whole / 3


def test_a_walk_of_a_tree_stops_too(big):
    leave(big, "/dav/", "infinity", 3000, "reset")
    assert int(big.wait_log(r"client left after (\d+) responses").group(1)) < 20_000


def test_the_server_serves_on_after_many_have_left(big):
    for i in range(40):
        leave(big, "/dav/many/", "1", (0, 500, 3000)[i % 3], ("reset", "close")[i % 2])
    assert len(big.propfind("/dav/few/", "1", RESOURCETYPE)) == 1001
    assert len(big.workers()) == 1


def test_a_client_that_only_closes_its_sending_side_gets_the_whole(big):
    with big.connect() as connection:
        connection.send("PROPFIND", "/dav/few/", [("Depth", "1")], RESOURCETYPE)
        connection.socket.shutdown(socket.SHUT_WR)
        assert len(connection.read_answer().multistatus("/dav/few/")) == 1001


@pytest.mark.alone
def test_slow_readers_do_not_stop_others(big):
    slow = [big.connect(rcvbuf=4096) for _ in range(8)]
    for connection in slow:
        connection.send("PROPFIND", "/dav/many/", [("Depth", "1")], ALLPROP)
    start = time.monotonic()
    assert len(big.propfind("/dav/few/", "1", RESOURCETYPE)) == 1001
    assert time.monotonic() - start < 5
    for connection in slow:
        connection.reset()


def test_many_at_once(big):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: len(big.propfind("/dav/few/", "1", ALLPROP)), range(32)))
    assert counts == [1001] * 32
