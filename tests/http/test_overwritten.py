"""COPY and MOVE over a collection that can't be removed whole: it stays, with all that is in it, and the client is told;
or what can't be removed is seen. Nothing is hidden, and no answer names a reserved name."""

import contextlib
import os
import shutil
import subprocess

import pytest

import harness
import shim
import tracing
from scenarios import Copy, Lab, intentions, recover, restart
from writing import RESERVED, Dav, give, immutable, leftovers, mounted, wait_until

BOTH = pytest.mark.parametrize("method", ["COPY", "MOVE"])
SOURCE = {"c.txt": b"c", "deep": None, "deep/d.txt": b"d"}


@pytest.fixture
def both(dav):
    for name, content in SOURCE.items():
        if content is not None:
            dav.file("source/" + name, content)
    dav.set("source/", x="source")
    dav.file("old/a", b"a")
    dav.file("old/in/b", b"b")
    dav.set("old/", x="old")
    return dav


def refused(dav, method):
    before = dav.tree()
    answer = dav.transfer(method, "source/", "old/")
    assert answer.status == 403 and RESERVED not in answer.body, answer
    assert dav.tree() == before
    assert dav.dead("old/") == {"x": "old"} and dav.dead("source/") == {"x": "source"}
    assert not leftovers(dav.path)
    file = dav.file("file")
    assert dav.transfer(method, "file", "old").status == 403
    assert file.exists() and not leftovers(dav.path)


@pytest.mark.root
@BOTH
def test_a_folder_that_is_not_the_servers(both, method):
    both.file("old/in/deep/d")
    for path in (both.disk("old/in/deep"),):
        shutil.chown(path, "root", "root")
    refused(both, method)


@BOTH
@pytest.mark.parametrize("mode", [0o555, 0o311])
def test_a_folder_that_cant_be_written_or_read(both, method, mode):
    if not harness.IS_ROOT:
        pytest.skip("a server that is root's could")
    both.disk("old/in").chmod(mode)
    assert both.transfer(method, "source/", "old/").status == 403
    both.disk("old/in").chmod(0o755)
    assert (both.disk("old/in/b").read_bytes(), both.disk("source/c.txt").read_bytes()) == (b"b", b"c")


@pytest.mark.root
@BOTH
def test_a_sticky_folder_of_another(both, method):
    both.disk("old/in/b").unlink()
    (both.disk("old/in") / "theirs").write_bytes(b"")
    shutil.chown(both.disk("old/in"), "root", "root")
    both.disk("old/in").chmod(0o1777)
    refused(both, method)


@pytest.mark.root
@BOTH
def test_a_member_that_is_immutable(both, method):
    with immutable(both.disk("old/in/b")):
        refused(both, method)


@pytest.mark.root
@BOTH
def test_a_mount_in_it(both, method):
    with mounted(both.disk("old/in/mount")):
        refused(both, method)


@BOTH
def test_a_tree_deeper_than_can_be_removed(both, method):
    at = os.getcwd()
    try:
        os.chdir(both.disk("old"))
        for _ in range(205):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(at)
    give(both.path)
    assert both.transfer(method, "source/", "old/").status == 403
    assert both.disk("old/d/d/d").is_dir() and both.disk("source/c.txt").exists()


@pytest.mark.no_sanitizer
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@BOTH
def test_what_fails_against_all_expectation_is_seen(method):
    """The disk fails while the old collection is removed."""
    server = harness.Server(servers=1)
    shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER) if harness.IS_ROOT else None
    try:
        server.start()
        dav = Dav(server, server.data, "/dav/")
        dav.file("source/c.txt", b"c")
        dav.folder("there")
        for name in "abc":
            dav.file(f"there/old/{name}", name.encode())
        pids = [a for pid in server.workers() for a in ("-p", str(pid))]
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat",
                                   "-e", "inject=unlinkat:error=EIO:when=2+", *pids],
                                  stderr=subprocess.PIPE)
        wait_until(lambda: all(map(tracing.is_traced, server.workers())), 10)
        answer = dav.transfer(method, "source/", "there/old/")
        tracing.detach(tracer)
        (response,) = answer.multistatus().responses
        rest = response.path.decode().removeprefix("/dav/").rstrip("/")
        assert response.status == 500 and rest.startswith("there/old.replaced-"), response
        assert dav.tree("there/old") == {"c.txt": b"c"} and dav.disk("source").exists() == (method == "COPY")
        assert not leftovers(server.data) and not intentions(server)
        assert rest.split("/")[1] + "/" in dav.propfind("there/", "1").below()
        if harness.IS_ROOT:
            assert dav.try_propfind(rest + "/", "1").status == 403
        os.chmod(dav.disk(rest), 0o755)
        assert 0 < len(dav.tree(rest)) < 3
    finally:
        server.expect_log("could not|can't be removed")
        server.stop()
        server.remove()


@pytest.mark.root
@pytest.mark.no_sanitizer
def test_what_recovery_cant_remove_is_seen():
    """Killed after the new collection is in its place; by then something in the old one can't go."""
    server = harness.Server(servers=1, location="DavMultistatusSync Off")
    server.expect_log("exit signal Killed|AH00052|can't be removed whole")
    shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    try:
        server.start()
        dav = Dav(server, server.data, "/dav/")
        dav.file("source/c.txt", b"c")
        dav.file("old/a", b"a")
        tracer = tracing.attach(server, ("unlinkat", 1))
        with contextlib.suppress(harness.Truncated, ConnectionError):
            dav.copy("source/", "old/")
        tracing.detach(tracer)
        (left,) = leftovers(server.data)
        with immutable(os.path.join(left, b"a")):
            restart(server)
            recover(server, dav)
            (rest,) = [name for name in os.listdir(server.data) if name.startswith("old.replaced-")]
            assert not leftovers(server.data) and dav.tree("old") == {"c.txt": b"c"}
            assert dav.try_propfind(rest + "/", "1").status == 403
            subprocess.run(["chattr", "-i", server.data / rest / "a"], check=True)
    finally:
        wrong = server.stop()
        server.remove()
    assert not wrong, wrong


class CopyClosed(Copy):
    """With a folder in it that its copy's own mode keeps from being removed."""

    def prepare(self, dav):
        found = super().prepare(dav)
        dav.disk("source/deep").chmod(0o555)
        return found

    def check(self, dav):
        for name in ("source/deep", "new/deep"):
            if dav.disk(name).exists():
                assert dav.disk(name).stat().st_mode & 0o777 == 0o555
                dav.disk(name).chmod(0o755)
        return super().check(dav)


@pytest.mark.root
@pytest.mark.no_sanitizer
def test_a_copy_that_is_killed_goes_whatever_its_modes_are():
    with Lab() as lab:
        lab.run(CopyClosed())
        lab.run(CopyClosed())  # the first one of a server makes calls that others don't
        placing = [int(number) for number, call, *_ in lab.shim.log if call == "rename" and number != "0"][-1]
        assert lab.run(CopyClosed(), placing, shim.KILL)[1] == "before"


# -- what was left before there was such care


@pytest.mark.root
@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
def test_no_answer_names_what_is_reserved(dav, method):
    name = RESERVED.decode() + "1-1-1"
    dav.file("in/a")
    (dav.disk("in") / name / "deep").mkdir(parents=True)
    (dav.disk("in") / name / "deep" / "f").write_bytes(b"f")
    with mounted(dav.disk("disk")) if method == "MOVE" else contextlib.nullcontext():
        answer = dav.delete("in/") if method == "DELETE" else dav.move("in/", "disk/in/")
        assert RESERVED not in answer.body, answer.body
        assert {r.path for r in answer.multistatus().responses} == {dav.url.encode() + b"in/"}
        assert all(r.status == 403 for r in answer.multistatus().responses)
    assert dav.disk("in/" + name + "/deep/f").exists()
    shutil.rmtree(dav.disk("in"))
