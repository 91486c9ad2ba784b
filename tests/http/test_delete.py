"""DELETE (RFC 4918, section 9.6): what goes, what stays, and what the answer says of it."""

import os
import subprocess

import pytest

import failures
from writing import immutable, mounted


def test_a_file_is_204(dav):
    dav.file("a.txt")
    dav.file("b.txt")
    answer = dav.delete("a.txt")
    assert (answer.status, answer.body) == (204, b"")
    assert dav.tree() == {"b.txt": b"hello\n"}
    assert dav.get("a.txt").status == 404
    assert dav.delete("a.txt").status == 404


def test_nothing_is_404(dav):
    dav.file("file")
    for name in ("missing", "missing/", "missing/deep", "file/below"):
        assert dav.delete(name).status == 404, name
    assert dav.tree() == {"file": b"hello\n"}


@pytest.mark.parametrize("name", ["sub/", "sub"])
@pytest.mark.parametrize("headers", [(), (("Depth", "infinity"),)], ids=["", "infinity"])
def test_a_collection_goes_whole(dav, name, headers):
    for i in range(300):
        dav.file(f"sub/{i}")
    for path in ("sub/a/b/c/d/e/f.txt", "sub/.hidden/.x", "sub/a%FF/%01", "keep.txt"):
        dav.file(path)
    dav.folder("sub/empty")
    dav.file("sub/unreadable.txt", mode=0)
    os.mkfifo(dav.disk("sub/fifo"))
    answer = dav.delete(name, *headers)
    assert (answer.status, answer.body) == (204, b"")
    assert dav.tree() == {"keep.txt": b"hello\n"}


def test_a_very_deep_one(dav):
    dav.server.expect_log("AH0")
    dav.folder("sub/" + "/".join("x" * 100 for _ in range(30)))
    assert dav.delete("sub/").status == 204
    assert dav.tree() == {}


@pytest.mark.parametrize("depth", ["0", "1", "2", "x"])
def test_of_a_collection_depth_can_only_be_infinity(dav, depth):
    dav.file("sub/a.txt")
    assert dav.delete("sub/", ("Depth", depth)).status == 400
    assert dav.tree() == {"sub": None, "sub/a.txt": b"hello\n"}


def test_of_a_file_depth_does_not_matter(dav):
    for depth in ("0", "infinity"):
        dav.file("a.txt")
        assert dav.delete("a.txt", ("Depth", depth)).status == 204
    assert dav.tree() == {}


def test_the_root_stays(dav_on):
    dav = dav_on()
    dav.file("sub/a.txt")
    assert dav.delete("").status == 403
    assert dav.tree() == {"sub": None, "sub/a.txt": b"hello\n"}


# -- symbolic links


def test_links_go_and_their_targets_stay(dav):
    outside = dav.server.root / f"outside-{dav.path.name}"
    (outside / "folder").mkdir(parents=True)
    (outside / "folder" / "inside.txt").write_bytes(b"inside")
    (outside / "file.txt").write_bytes(b"file")
    subprocess.run(["chmod", "-R", "a+rwX", outside], check=True)
    for where in ("", "sub/", "sub/deep/"):
        dav.folder(where) if where else None
        for name, target in (("to-folder", outside / "folder"), ("to-file", outside / "file.txt"),
                             ("dangling", "nowhere"), ("loop", "loop"), ("up", ".."), ("here", ".")):
            os.symlink(target, dav.disk(where + name))
    assert dav.delete("sub/").status == 204
    for name in ("to-folder", "to-file", "up", "here"):
        assert dav.delete(name).status == 204, name
        assert not os.path.lexists(dav.disk(name)), name
    assert set(dav.tree()) == {"dangling", "loop"}
    assert (outside / "folder" / "inside.txt").read_bytes() == b"inside"
    assert (outside / "file.txt").read_bytes() == b"file"
    assert dav.path.is_dir()


def test_a_link_to_a_collection_with_its_slash(dav):
    dav.file("target/inside.txt")
    os.symlink("target", dav.disk("link"))
    assert dav.delete("link/").status == 204
    assert dav.tree() == {"target": None, "target/inside.txt": b"hello\n"}


# -- partial failures


@pytest.mark.root
def test_the_target_alone_is_a_plain_status(dav):
    dav.file("sub/a.txt")
    dav.file("sub/full/inside.txt")
    os.chown(dav.disk("sub"), 0, 0)
    assert dav.delete("sub/a.txt").status == 403
    assert dav.tree("sub")["a.txt"] == b"hello\n"
    assert dav.delete("sub/full/").status == 403
    assert dav.disk("sub/full").is_dir()


@pytest.mark.root
def test_each_failing_member_is_told_and_the_rest_goes(dav):
    for path in ("a.txt", "locked/x.txt", "locked/y.txt", "locked/empty/", "locked/full/z.txt", "open/x.txt",
                 "open/deep/locked/u.txt", "unreadable/v.txt", "b.txt"):
        dav.folder("sub/" + path) if path.endswith("/") else dav.file("sub/" + path)
    for path in ("sub/locked", "sub/open/deep/locked", "sub/unreadable"):
        os.chown(dav.disk(path), 0, 0)
    os.chmod(dav.disk("sub/unreadable"), 0o700)
    dav.set("sub/a.txt", x="gone")
    dav.set("sub/locked/x.txt", x="stays")
    dav.set("sub/", x="stays")
    dav.set("sub/open/x.txt", x="gone")
    answer = dav.delete("sub/")
    assert failures.failed(answer, dav.url + "sub/") == {
        "locked/x.txt": 403, "locked/y.txt": 403, "locked/empty/": 403, "locked/full/": 403,
        "open/deep/locked/u.txt": 403, "unreadable/": 403}
    assert set(dav.tree("sub")) == {"locked", "locked/x.txt", "locked/y.txt", "locked/empty", "locked/full", "open",
                                    "open/deep", "open/deep/locked", "open/deep/locked/u.txt", "unreadable",
                                    "unreadable/v.txt"}
    assert dav.dead("sub/") == {"x": "stays"} and dav.dead("sub/locked/x.txt") == {"x": "stays"}
    dav.file("sub/a.txt")
    dav.file("sub/open/x.txt")
    assert dav.dead("sub/a.txt") == {} and dav.dead("sub/open/x.txt") == {}


@pytest.mark.root
def test_immutable_files(dav):
    for name in ("a", "b", "c%20d%FF", "deep/e"):
        dav.file("sub/" + name)
    with immutable(dav.disk("sub/a"), dav.disk("sub/c%20d%FF"), dav.disk("sub/deep/e")):
        answer = dav.delete("sub")
        assert failures.failed(answer, dav.url + "sub/") == {"a": 403, "c%20d%ff": 403, "deep/e": 403} or \
            failures.failed(answer, dav.url + "sub/") == {"a": 403, "c%20d%FF": 403, "deep/e": 403}
        assert len(dav.tree("sub")) == 4
        assert dav.delete("sub/a").status == 403
    assert dav.delete("sub").status == 204


@pytest.mark.root
def test_the_reason_is_the_true_one(dav_on):
    """A mount point is busy, not forbidden."""
    dav = dav_on()
    dav.file("sub/a.txt")
    with mounted(dav.path / "sub" / "mount"):
        dav.file("sub/mount/b.txt")
        found = failures.failed(dav.delete("sub/"), dav.url + "sub/")
        assert found == {"mount/": 423}
        assert dav.tree("sub") == {"mount": None}


@pytest.mark.root
def test_a_read_only_file_system(dav_on):
    dav = dav_on()
    with mounted(dav.path / "mount") as path:
        dav.file("mount/a.txt")
        dav.file("mount/sub/b.txt")
        subprocess.run(["mount", "-o", "remount,ro", path], check=True)
        assert dav.delete("mount/a.txt").status == 403
        found = failures.failed(dav.delete("mount/sub/"), dav.url + "mount/sub/")
        assert found == {"b.txt": 403}
        assert dav.put("mount/c.txt").status == 403
        assert dav.put("mount/a.txt").status == 403
        assert dav.mkcol("mount/new").status == 403
        assert dav.move("mount/a.txt", "a.txt").status in (403, 207)
        assert dav.get("mount/a.txt").body == b"hello\n"
        dav.set("mount/a.txt", color="red")  # properties are elsewhere
        assert dav.dead("mount/a.txt") == {"color": "red"}


@pytest.mark.root
def test_ten_thousand_with_three_thousand_failing(dav_on):
    dav = dav_on(servers=1)
    with mounted(dav.path / "mount", "256m"):  # making so many files takes long on a disk
        failing = failures.big_tree(dav, "mount/big", failures.deny_unlinking)
        dav.file("warm/locked/a.txt")
        os.chown(dav.disk("warm/locked"), 0, 0)
        assert dav.delete("warm/").status == 207
        with failures.Memory(dav.server) as memory:
            answer = dav.delete("mount/big/")
        assert failures.failed(answer, dav.url + "mount/big/") == dict.fromkeys(failing, 403)
        assert set(dav.tree("mount/big")) == failing | {p.split("/")[0] for p in failing}
        memory.check()


@pytest.mark.root
def test_a_client_that_leaves_does_not_hurt(dav):
    for i in range(500):
        dav.file(f"sub/locked/{i}")
    os.chown(dav.disk("sub/locked"), 0, 0)
    dav.server.expect_log("AH0|reset|pipe")
    with dav.server.connect() as c:
        c.send("DELETE", dav.url + "sub/")
        c.reset()
    assert dav.propfind("", "0")


# -- what the configuration hides


def test_what_is_denied_is_not_deleted(dav_on):
    dav = dav_on(conf='<Location "/dav/sub/secret">\nRequire all denied\n</Location>')
    dav.server.expect_log("AH01630")
    dav.file("sub/secret/a.txt")
    dav.file("sub/b.txt")
    assert dav.delete("sub/secret/").status == 403
    answer = dav.delete("sub/")
    assert dav.disk("sub/secret/a.txt").read_bytes() == b"hello\n"
    assert answer.status in (403, 207)


def test_a_name_that_is_listed_but_not_to_be_had_ends_the_walk(dav_on):
    """Some network file systems list names that they then know nothing of: of the file here, its folder is not empty."""
    dav = dav_on(servers=1)
    dav.file("top/ghost")
    with failures.failing(dav.server, "unlinkat", "1+2", "ENOENT"):
        with dav.server.connect(timeout=10) as connection:
            answer = connection.ask("DELETE", "/dav/top")
    assert answer.status in (207, 409), answer
    assert dav.delete("top").status == 204
