"""The answer streams through what httpd puts in its way, too: HTTP/2, mod_deflate, both; and to eight at once.

A *way* is how the client asks: over HTTP/1.1 or HTTP/2 in the clear, for gzip or not."""

import concurrent.futures
import contextlib
import os
import subprocess
import time
import zlib

import pytest

from harness import ALLPROP, RESOURCETYPE

WAYS = {"h2": (True, False), "gzip": (False, True), "h2-gzip": (True, True)}
CLOSING = b"</D:response>"


@pytest.fixture
def big(httpd, big_folders):
    """One worker process, so that its memory can be read."""
    return httpd(data=big_folders, servers=1, modules=["http2"], conf="Protocols h2c http/1.1",
                 location="SetOutputFilter DEFLATE").server


@contextlib.contextmanager
def curl(server, url, body, http2, gzip):
    """Whose standard output is the body as it comes, and who in the end tells the version and the encoding."""
    argv = ["curl", "-sSN", "--http2-prior-knowledge" if http2 else "--http1.1", "-X", "PROPFIND", "-H", "Depth: 1",
            "-H", "Content-Type: application/xml", "--data-binary", body,
            "-w", "%{stderr}%{response_code} %{http_version} %header{content-encoding}",
            *(["-H", "Accept-Encoding: gzip"] if gzip else []), f"http://127.0.0.1:{server.port}{url}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process


def pieces(process, gzip):
    """The document, piece by piece, decompressed."""
    inflate = zlib.decompressobj(wbits=31).decompress if gzip else bytes
    while piece := os.read(process.stdout.fileno(), 1 << 18):
        yield inflate(piece)


class Reading:
    """One listing read to its end: seconds to the first member and to the end, how many members, the server's
    highest memory meanwhile (KiB of anonymous memory)."""

    def __init__(self, server, url, body, http2=False, gzip=False):
        self.first, self.responses, self.peak = None, 0, 0
        start, tail = time.monotonic(), b""
        with curl(server, url, body, http2, gzip) as process:
            for piece in pieces(process, gzip):
                text = tail + piece
                self.responses += text.count(CLOSING)
                if self.responses and self.first is None:
                    self.first = time.monotonic() - start
                tail = text[max(text.rfind(b"<"), len(text) - len(CLOSING) + 1, 0):]
                self.peak = max(self.peak, server.rss_anon())
            told = process.stderr.read().decode()
        self.whole = time.monotonic() - start
        assert told.strip() == f"207 {'2' if http2 else '1.1'} {'gzip' if gzip else ''}".strip()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.alone
def test_the_first_members_come_while_the_walk_goes_on(big, way):
    readings = [Reading(big, "/dav/many/", ALLPROP, *WAYS[way]) for _ in range(2)]
    assert {r.responses for r in readings} == {100_001}
    best = min(readings, key=lambda r: r.first)
    assert best.first < best.whole / 4


@pytest.mark.no_sanitizer
@pytest.mark.parametrize("way", WAYS)
def test_memory_is_the_same_for_a_thousand_and_a_hundred_thousand(big, way):
    # Every thread of the worker has its own pools, and HTTP/2 threads of its own: let each have worked before.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Reading(big, "/dav/few/", ALLPROP, *WAYS[way]), range(16)))
    few = max(Reading(big, "/dav/few/", ALLPROP, *WAYS[way]).peak for _ in range(5))
    many = Reading(big, "/dav/many/", ALLPROP, *WAYS[way])
    assert many.responses == 100_001
    assert many.peak - few < 2048, f"{few} KiB and {many.peak} KiB"


@pytest.mark.parametrize("way", WAYS)
def test_the_walk_stops_when_the_client_leaves(big, way):
    http2, gzip = WAYS[way]
    with curl(big, "/dav/many/", ALLPROP, http2, gzip) as process:
        os.read(process.stdout.fileno(), 1)
        process.kill()
    match = big.wait_log(r"client left after (\d+) responses")
    # A hundred members are a few KiB when compressed: what buffers take holds many more of them.
    assert int(match.group(1)) < (90_000 if gzip else 20_000)


@pytest.mark.no_sanitizer
def test_eight_at_once(big):
    def read_eight(url):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: Reading(big, url, RESOURCETYPE), range(8)))
    few = max(r.peak for _ in range(4) for r in read_eight("/dav/few/"))
    many = read_eight("/dav/many/")
    assert {r.responses for r in many} == {100_001}
    assert max(r.first for r in many) < min(r.whole for r in many) / 2
    assert max(r.peak for r in many) - few < 4096
