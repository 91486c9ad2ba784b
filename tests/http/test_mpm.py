"""The same answers under each MPM."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import ALLPROP


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_propfind_and_get(httpd, mpm):
    place = httpd(mpm=mpm)
    for i in range(50):
        place.file(f"d{i % 5}/f{i}.txt", b"%d" % i)

    def one(_):
        answer = place.propfind("", "infinity", ALLPROP)
        assert len(answer) == 56
        return place.server.get(answer["f7.txt"].href).body
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(20))) == [b"7"] * 20
    assert place.try_propfind("", "2").status == 400
    place.server.graceful_restart()
    assert one(0) == b"7"


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_client_that_leaves(httpd, big_folders, mpm):
    server = httpd(mpm=mpm, data=big_folders).server
    with server.connect(rcvbuf=4096) as connection:
        connection.send("PROPFIND", "/dav/many/", [("Depth", "1")], ALLPROP)
        connection.read_head()
        connection.reset()
    assert int(server.wait_log(r"client left after (\d+) responses").group(1)) < 20_000
    assert len(server.propfind("/dav/few/", "1", ALLPROP)) == 1001
