"""How much space there is (RFC 4331), and what has no room."""

import concurrent.futures
import contextlib
import ctypes
import errno
import os
import sqlite3
import struct

import pytest

import harness
import shim
from harness import prop_body
from scenarios import SCENARIOS, Lab
from test_kill import worth_a_kill
from writing import RESERVED, mounted, store_path, wait_until

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


# -- DavMultistatusQuota


def quota(httpd_on, size="10000", conf="", **kw):
    return httpd_on(location=f"DavMultistatusSync Off\nDavMultistatusQuota {size}", conf=conf, **kw)


def on_disk(path):
    """What the server can read: not what was replaced, and can't be removed."""
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(path) if ".replaced-" not in folder
               for name in names if not os.path.islink(os.path.join(folder, name)) and not name.startswith(RESERVED.decode()))


def used(dav, name=""):
    return space(dav, name)[dav.url + name][1]


def rows(dav):
    with contextlib.closing(sqlite3.connect(store_path(dav.server), timeout=10)) as db:
        return {key: size for key, size in db.execute("SELECT key, bytes FROM space WHERE boot <> '-'")}


def check(dav, name=""):
    """What is counted is what is there, without counting anew."""
    assert rows(dav)[str(dav.disk(name)).rstrip("/")] == on_disk(dav.disk(name)) == used(dav, name)


def test_a_quota(dav_on):
    dav = quota(dav_on)
    dav.file("sub/there.bin", b"x" * 1000)
    assert space(dav) == {dav.url: (9000, 1000)}
    assert set(space(dav, "sub/").values()) == {(9000, 1000)}  # of the folder that has the quota
    with dav.server.connect() as c:
        c.send_head("PUT", dav.url + "a.bin", [("Content-Length", "9001"), ("Expect", "100-continue")])
        refused(c.read_answer("PUT"), "quota-not-exceeded")
    refused(dav.ask("PUT", "a.bin", [("X-Expected-Entity-Length", "9001")], chunks=[b"x"]), "quota-not-exceeded")
    refused(dav.ask("PUT", "a.bin", chunks=[b"x" * 5000] * 3), "quota-not-exceeded")
    assert dav.put("a.bin", b"x" * 9000).status == 201
    assert space(dav) == {dav.url: (0, 10_000)}
    refused(dav.put("b.bin", b"x"), "quota-not-exceeded")
    assert dav.put("b.bin", b"").status == 201
    assert dav.put("a.bin", b"y" * 9000).status == 204  # as long as the one before
    refused(dav.put("a.bin", b"y" * 9001), "quota-not-exceeded")
    refused(dav.put("a.bin", b"yy", ("Content-Range", "bytes 8999-9000/*")), "quota-not-exceeded")
    assert dav.put("a.bin", b"zz", ("Content-Range", "bytes 10-11/*")).status == 204
    refused(dav.ask("COPY", "sub/", [("Destination", dav.url + "sub2")]), "quota-not-exceeded")
    refused(dav.ask("COPY", "sub/there.bin", [("Destination", dav.url + "c.bin")]), "quota-not-exceeded")
    assert dav.ask("COPY", "sub/", [("Destination", dav.url + "sub2"), ("Depth", "0")]).status == 201
    assert dav.ask("MOVE", "sub/", [("Destination", dav.url + "sub3")]).status == 201
    check(dav)
    assert dav.ask("DELETE", "a.bin").status == 204
    assert space(dav) == {dav.url: (9000, 1000)}
    assert dav.ask("DELETE", "sub3/").status == 204
    assert space(dav) == {dav.url: (10_000, 0)}
    check(dav)


def test_what_is_more_than_the_quota_can_become_less(dav_on):
    dav = quota(dav_on)
    dav.file("a.bin", b"x" * 20_000)
    assert space(dav) == {dav.url: (0, 20_000)}
    assert dav.put("a.bin", b"x" * 15_000).status == 204
    refused(dav.put("a.bin", b"x" * 15_001), "quota-not-exceeded")
    check(dav)


TWO = """<Location "/dav/one/">
DavMultistatusQuota 1K
</Location>
<Directory "{data}/two">
DavMultistatusQuota 2k
</Directory>
<LocationMatch "^/dav/homes/[^/]+">
DavMultistatusQuota 500
</LocationMatch>
<Location "/dav/none/">
DavMultistatusQuota None
</Location>
"""


def test_quotas_in_a_quota(dav_on):
    dav = quota(dav_on, "5K", TWO)
    for name in ("one", "two", "homes/anna", "homes/ben", "none"):
        dav.folder(name)
    listed = space(dav, "", "1")
    assert listed.pop(dav.url + "none/")[0] > 5120
    assert listed == {dav.url: (5120, 0), dav.url + "one/": (1024, 0), dav.url + "two/": (2048, 0), dav.url + "homes/": (5120, 0)}
    assert space(dav, "homes/", "1")[dav.url + "homes/ben/"] == (500, 0)
    dav.folder("homes/anna/deep")
    assert dav.put("homes/anna/deep/a.bin", b"x" * 500).status == 201
    answer = dav.put("homes/anna/b.bin", b"x")
    refused(answer, "quota-not-exceeded")
    assert f"{dav.url}homes/anna may have 500 bytes (DavMultistatusQuota)".encode() in answer.body
    assert dav.put("homes/ben/b.bin", b"x" * 400).status == 201
    assert (used(dav, "homes/anna/"), used(dav, "homes/ben/"), used(dav)) == (500, 400, 900)
    assert dav.put("two/a.bin", b"x" * 2000).status == 201
    assert space(dav, "two/")[dav.url + "two/"] == (48, 2000)
    answer = dav.ask("MOVE", "two/a.bin", [("Destination", dav.url + "one/a.bin")])
    refused(answer, "quota-not-exceeded")
    assert f"{dav.url}one may have 1024 bytes".encode() in answer.body
    dav.folder("two/tree")
    assert dav.put("two/a.bin", b"x" * 10).status == 204
    assert dav.put("two/tree/b.bin", b"x" * 1000).status == 201
    refused(dav.ask("MOVE", "two/tree/", [("Destination", dav.url + "homes/ben/tree")]), "quota-not-exceeded")
    assert dav.ask("MOVE", "two/tree/", [("Destination", dav.url + "one/tree")]).status == 201
    for name in ("", "one/", "two/", "homes/anna/", "homes/ben/"):
        check(dav, name)
    assert dav.ask("MOVE", "one/tree/", [("Destination", dav.url + "none/tree")]).status == 201
    for name in ("", "one/"):
        check(dav, name)
    assert dav.put("none/big.bin", b"x" * 6000).status == 201
    answer = dav.put("a.bin", b"x")
    refused(answer, "quota-not-exceeded")
    assert f"{dav.url.rstrip('/')} may have 5120 bytes".encode() in answer.body  # what is in none/ counts here
    assert dav.ask("MOVE", "homes/anna/", [("Destination", dav.url + "homes/eve")]).status == 201
    assert used(dav, "homes/eve/") == 500
    assert dav.ask("DELETE", "homes/").status == 204
    check(dav)
    dav.folder("homes/eve")
    assert used(dav, "homes/eve/") == 0


def test_what_a_pattern_matches_and_is_no_folder_yet(dav_on):
    """Each home has a quota; so has, by the same pattern, a file beside them, and a home that is to be made."""
    dav = dav_on(conf=TWO)
    dav.folder("homes")
    dav.file("small/f.bin", b"x" * 60)
    dav.file("big/f.bin", b"x" * 600)
    assert dav.put("homes/a.txt", b"x" * 100).status == 201
    refused(dav.put("homes/a.txt", b"x" * 501), "quota-not-exceeded")
    refused(dav.put("homes/b.txt", b"x" * 501), "quota-not-exceeded")
    assert dav.put("homes/a.txt", b"x" * 100, ("Content-Range", "bytes 100-199/200")).status == 204
    for method in "COPY", "MOVE":
        refused(dav.transfer(method, "big/", "homes/big"), "quota-not-exceeded")
        assert dav.transfer(method, "small/", "homes/" + method).status == 201
        assert space(dav, f"homes/{method}/") == {f"{dav.url}homes/{method}/": (440, 60)}
    assert dav.copy("homes/COPY/", "homes/a.txt").status == 204
    assert dav.delete("homes/COPY/").status == 204
    assert dav.put("homes/COPY", b"x" * 500).status == 201
    refused(dav.put("homes/COPY", b"x" * 501), "quota-not-exceeded")
    assert dav.move("homes/MOVE/", "homes/moved").status == 201
    refused(dav.put("homes/moved/g.bin", b"x" * 441), "quota-not-exceeded")
    assert dav.put("homes/moved/g.bin", b"x" * 440).status == 201
    check(dav, "homes/moved/")
    assert set(rows(dav)) == {str(dav.disk("homes/moved"))}  # of what is gone nothing is kept


def test_over_what_is_there(dav_on):
    dav = quota(dav_on, "1M")
    for name in ("a", "b", "c"):
        for i in range(5):
            dav.file(f"{name}/d{i}/f.bin", b"x" * (100 * i + len(name)))
    dav.file("f.bin", b"f" * 77)
    used(dav)
    for method, source, target, status in (("COPY", "a/", "b", 204), ("COPY", "f.bin", "a/d1/f.bin", 204), ("COPY", "f.bin", "new.bin", 201),
                                           ("COPY", "f.bin", "c/d1", 204), ("MOVE", "c/d2/", "new.bin", 204), ("MOVE", "b/", "c", 204),
                                           ("MOVE", "f.bin", "a/d1/f.bin", 204), ("MOVE", "a/d3/", "c/x", 201)):
        assert dav.ask(method, source, [("Destination", dav.url + target)]).status == status, (method, source, target)
        check(dav)


def forget(dav):
    with contextlib.closing(sqlite3.connect(store_path(dav.server), timeout=10)) as db, db:
        db.execute("DELETE FROM space")


def test_counted_anew(dav_on):
    dav = quota(dav_on)
    dav.file("a.bin", b"x" * 100)
    assert used(dav) == 100
    dav.file("past.bin", b"x" * 23)  # past the server: nobody knows
    assert dav.put("b.bin", b"x").status == 201
    assert used(dav) == 101
    forget(dav)
    assert dav.put("b.bin", b"xx").status == 204
    assert used(dav) == 125
    dav.file("past.bin", b"x" * 24)
    with open(str(store_path(dav.server)) + "-lock", "r+b") as f:  # as a process leaves it that dies in a transaction
        count, = struct.unpack("=I", f.read(4))
        f.seek(0)
        f.write(struct.pack("=I", count | 1))
    assert dav.put("b.bin", b"x").status == 204
    assert used(dav) == 125
    check(dav)


@contextlib.contextmanager
def openings(path):
    """A function that says which names in a folder have been opened since."""
    libc, in_open = ctypes.CDLL(None, use_errno=True), 0x20
    fd = libc.inotify_init1(os.O_NONBLOCK)
    assert fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(path), in_open) >= 0

    def names():
        data, found = os.read(fd, 1 << 20), []
        while data:
            length, = struct.unpack_from("I", data, 12)
            found.append(data[16:16 + length].rstrip(b"\0").decode())
            data = data[16 + length:]
        return found
    try:
        yield names
    finally:
        os.close(fd)


def test_many_who_need_to_know_count_once(dav_on):
    """As after a reboot, when all clients are back at once."""
    dav = quota(dav_on, servers=1)
    for i in range(20):
        folder = dav.folder(f"d{i}")
        for j in range(100):
            (folder / f"{j}.txt").touch()
    used(dav)
    forget(dav)
    with openings(dav.path) as opened, concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert set(pool.map(lambda _: used(dav), range(12))) == {0}
        assert opened().count("d3") == 1


def test_less_than_nothing_is_counted_anew(dav_on):
    """What was brought past the server, and goes through it, is no room for others."""
    dav = quota(dav_on)
    assert used(dav) == 0
    dav.file("past.bin", b"x" * 5000)
    assert dav.put("a.bin", b"x" * 100).status == 201
    assert dav.delete("past.bin").status == 204
    assert space(dav) == {dav.url: (9900, 100)}
    refused(dav.put("b.bin", b"x" * 9901), "quota-not-exceeded")
    check(dav)


def test_what_is_forgotten_while_bodies_come_is_counted_before_they_are_kept(dav_on):
    dav = quota(dav_on)
    assert used(dav) == 0
    with contextlib.ExitStack() as stack:
        uploads = [stack.enter_context(dav.server.connect()) for _ in range(3)]
        for i, c in enumerate(uploads):
            c.send_head("PUT", f"{dav.url}{i}.bin", [("Content-Length", "4000"), ("Expect", "100-continue")])
            assert b"100" in c.read_line()
            c.read_line()
        forget(dav)
        for c in uploads:
            c.socket.sendall(b"x" * 4000)
        assert sorted(c.read_answer("PUT").status for c in uploads) == [201, 201, 507]
    check(dav)


def test_the_folder_of_an_alias_that_has_its_name(dav_on):
    """What the folder is in is none of the URLs'."""
    dav = dav_on(dav=False, conf='Alias "/data" "{data}"\n<Location "/">\nDavMultistatus On\nDavMultistatusQuota 10000\n</Location>')
    dav.url = "/data/"
    assert dav.put("a.bin", b"x" * 100).status == 201
    assert space(dav) == {dav.url: (9900, 100)}
    assert rows(dav) == {str(dav.path): 100}


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_a_process_from_before_the_quota(dav_on, mpm):
    """It ends an upload, which it does not count, after others have counted."""
    dav = dav_on(mpm=mpm)
    with dav.server.connect() as c:
        c.send_head("PUT", dav.url + "slow.bin", [("Content-Length", "9000"), ("Expect", "100-continue")])
        assert b"100" in c.read_line()
        c.read_line()
        dav.server.conf_parts = (dav.server.conf_parts[0], "DavMultistatusQuota 10000", *dav.server.conf_parts[2:])
        dav.server.write_conf()
        dav.server.graceful_restart()
        wait_until(lambda: space(dav) == {dav.url: (10_000, 0)})
        c.socket.sendall(b"x" * 9000)
        assert c.read_answer("PUT").status == 201
    wait_until(lambda: used(dav) == 9000)
    check(dav)


def test_what_was_counted_among_writers_is_counted_again(dav_on):
    """A walk that others write into sees some of it; once they don't, the sum is right."""
    dav = quota(dav_on, "100M", servers=1)
    for i in range(20):
        folder = dav.folder(f"d{i}")
        for j in range(100):
            (folder / f"{j}.txt").write_bytes(b"x" * j)
    done = []

    def write(number):
        for i in range(1 << 20):
            if done:
                return
            dav.put(f"d{(i + number) % 20}/{i % 40}-{number}.bin", b"x" * (i % 5000))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        try:
            wait_until(lambda: len(os.listdir(dav.path / "d3")) > 101, 30)
            forget(dav)
            used(dav)
        finally:
            done.append(1)
        [w.result() for w in writers]
    wait_until(lambda: used(dav) == on_disk(dav.path), 60)  # the longer a walk takes, the later
    check(dav)


def test_without_quotas_nothing_is_kept(dav_on):
    dav = quota(dav_on)
    assert dav.put("a.bin", b"x").status == 201
    assert rows(dav) == {str(dav.path): 1}
    dav.server.conf_parts = (*dav.server.conf_parts[:1], "", *dav.server.conf_parts[2:])
    dav.server.write_conf()
    dav.server.graceful_restart()
    wait_until(lambda: rows(dav) == {})
    assert dav.put("b.bin", b"x" * 100_000).status == 201


@pytest.mark.parametrize("value", ["10X", "x", "-1", "1KB", "99999999999T", "", "8388608T", "0", "0K"])
def test_what_is_no_size(value):
    with pytest.raises(harness.StartError):
        harness.Server(location=f"DavMultistatusQuota '{value}'").start()


def test_where_it_does_not_belong():
    for conf in ("DavMultistatusQuota 1G", '<Directory "{data}">\n<Files "x">\nDavMultistatusQuota 1G\n</Files>\n</Directory>'):
        with pytest.raises(harness.StartError):
            harness.Server(conf=conf).start()


def test_many_at_once(dav_on):
    """The sum is right, and never beyond the quota."""
    dav = quota(dav_on, "20000", servers=2)
    assert used(dav) == 0  # counted while nobody writes: a first count among writers may miss some (the manual)

    def work(number):
        results = []
        for i in range(25):
            name = f"{number % 3}-{i % 5}.bin"
            results.append(dav.put(name, b"x" * ((number * 37 + i * 101) % 3000)).status)
            if i % 4 == 0:
                results.append(dav.ask("COPY", name, [("Destination", dav.url + f"c{number}.bin")]).status)
            if i % 7 == 0:
                results.append(dav.ask("DELETE", name).status)
            if i % 10 == 0:
                assert used(dav) <= 20_000
        return results
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        statuses = set().union(*pool.map(work, range(6)))
    assert statuses <= {201, 204, 404, 409, 507}, statuses
    check(dav)


class Counted:
    """A scenario in a folder with a quota: what is counted has to be what is there, whatever happened."""

    def __init__(self, scenario):
        self.scenario = scenario
        if hasattr(scenario, "partly"):
            self.partly = lambda dav: (self.compare(dav), scenario.partly(dav))

    def prepare(self, dav):
        request = self.scenario.prepare(dav)
        assert used(dav) == on_disk(dav.path)
        return request

    def compare(self, dav):
        assert used(dav) == on_disk(dav.path)

    def check(self, dav):
        self.compare(dav)
        return self.scenario.check(dav)


@pytest.mark.root
@pytest.mark.no_sanitizer
def test_after_a_kill_or_a_fault():
    """At each call that changes something, a third of them for each request; all with DMS_FAULTS=all."""
    wrong, every = [], os.environ.get("DMS_FAULTS") == "all"
    names = [name for name in SCENARIOS if "device" not in name and "anew" not in name and "prop" not in name]
    with Lab(conf='<LocationMatch "^/dav/s[0-9]+">\nDavMultistatusQuota 1G\n</LocationMatch>') as lab:
        for share, name in enumerate(names):
            scenario = Counted(SCENARIOS[name])
            assert lab.run(scenario, places=shim.DATA | shim.STORE)[1] == "after", name
            steps = worth_a_kill(lab.shim.log)
            for step in steps if every else steps[share % 4::4]:
                for error in (shim.KILL, errno.EIO) if every or step % 2 else (shim.KILL,):
                    try:
                        lab.run(scenario, step, error, shim.DATA | shim.STORE)
                    except AssertionError as e:
                        wrong.append(f"{name}: {e}")
    assert not wrong, f"{len(wrong)}:\n" + "\n\n".join(wrong)
