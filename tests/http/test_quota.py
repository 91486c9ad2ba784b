"""How much space there is (RFC 4331), and what has no room."""

import os

import pytest

import harness
from harness import prop_body
from writing import mounted

SPACE = prop_body("quota-available-bytes", "quota-used-bytes")


def space(dav, name="", depth="0"):
    """{href: (available, used)}."""
    return {r.href: (int(r.prop("quota-available-bytes").text), int(r.prop("quota-used-bytes").text))
            for r in dav.propfind(name, depth, SPACE)}


def refused(answer, condition):
    assert (answer.status, answer.precondition()) == (507, [condition]), answer


# -- the disk


@pytest.mark.root
def test_what_the_disk_has(dav_on):
    dav = dav_on()
    with mounted(dav.path / "small", "1m"):
        dav.folder("small/sub")
        dav.file("small/a.bin", b"x" * 300_000)
        disk = os.statvfs(dav.path / "small")
        told = (disk.f_bavail * disk.f_frsize, (disk.f_blocks - disk.f_bfree) * disk.f_frsize)
        assert told[0] + told[1] == 1 << 20 and told[1] >= 300_000
        answer = dav.propfind("small/", "1", SPACE)
        assert space(dav, "small/") == {dav.url + "small/": told}
        by_href = {r.href: r for r in answer}
        assert by_href[dav.url + "small/sub/"].prop("quota-used-bytes").text == str(told[1])
        assert by_href[dav.url + "small/a.bin"].locals(404) == {"quota-used-bytes", "quota-available-bytes"}


def test_only_where_they_are_named(dav):
    (response,) = dav.propfind()
    assert response.prop("resourcetype") is not None
    for body in (harness.ALLPROP, harness.PROPNAME):
        (response,) = dav.propfind("", "0", body)
        assert not [name for name in response.locals() if "quota" in name]
    answer = dav.proppatch("", ("set", "<D:quota-available-bytes xmlns:D='DAV:'>1</D:quota-available-bytes>"))
    assert answer.status == 207 and b"cannot-modify-protected-property" in answer.body


@pytest.mark.root
def test_no_room_on_the_disk(dav_on):
    dav = dav_on()
    dav.server.expect_log("No space left")
    with mounted(dav.path / "small", "1m"):
        with dav.server.connect() as c:  # nobody sends what can't be kept
            c.send_head("PUT", dav.url + "small/a.bin", [("Content-Length", "3000000"), ("Expect", "100-continue")])
            refused(c.read_answer("PUT"), "sufficient-disk-space")
        refused(dav.ask("PUT", "small/a.bin", [("X-Expected-Entity-Length", "3000000")], chunks=[b"x"]),
                "sufficient-disk-space")
        refused(dav.ask("PUT", "small/a.bin", chunks=[b"x" * 100_000] * 20), "sufficient-disk-space")
        assert dav.put("small/a.bin", b"x" * 600_000).status == 201
        assert dav.put("small/a.bin", b"y" * 600_000).status == 507  # the old one stays until then
