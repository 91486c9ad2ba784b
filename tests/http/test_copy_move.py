"""COPY and MOVE (RFC 4918, sections 9.8 and 9.9). Where to is in test_destination.py, what becomes of properties in
test_dead_properties.py."""

import os
import subprocess
import time

import pytest

import failures
import harness
from writing import give, leftovers, mounted, wait_until

BOTH = pytest.mark.parametrize("method", ["COPY", "MOVE"])


@pytest.fixture
def tree(dav):
    dav.file("a.txt", b"a")
    dav.file("b.txt", b"b")
    dav.file("sub/c.txt", b"c")
    dav.file("sub/deep/d.txt", b"d")
    dav.file("other/c.txt", b"other c")
    dav.file("other/e.txt", b"other e")
    return dav


SUB = {"c.txt": b"c", "deep": None, "deep/d.txt": b"d"}
OTHER = {"c.txt": b"other c", "e.txt": b"other e"}


# -- what goes well


@BOTH
def test_a_file_is_201(tree, method):
    answer = tree.transfer(method, "a.txt", "new.txt")
    assert (answer.status, answer.body) == (201, b"")
    assert tree.disk("new.txt").read_bytes() == b"a"
    assert tree.disk("a.txt").exists() == (method == "COPY")


@BOTH
@pytest.mark.parametrize("overwrite", [(), (("Overwrite", "T"),)], ids=["", "T"])
def test_over_a_file_is_204(tree, method, overwrite):
    answer = tree.transfer(method, "a.txt", "b.txt", *overwrite)
    assert (answer.status, answer.body) == (204, b"")
    assert tree.disk("b.txt").read_bytes() == b"a"
    assert tree.disk("a.txt").exists() == (method == "COPY")


@BOTH
@pytest.mark.parametrize("frm", ["sub", "sub/"])
@pytest.mark.parametrize("to", ["new", "new/"])
@pytest.mark.parametrize("depth", [(), (("Depth", "infinity"),)], ids=["", "infinity"])
def test_a_collection_is_201(tree, method, frm, to, depth):
    answer = tree.transfer(method, frm, to, *depth)
    assert (answer.status, answer.body) == (201, b"")
    assert tree.tree("new") == SUB
    assert tree.tree("sub") == (SUB if method == "COPY" else {})
    assert tree.disk("sub").exists() == (method == "COPY")


@BOTH
def test_a_collection_over_a_collection_replaces_it_whole(tree, method):
    assert tree.transfer(method, "sub/", "other/").status == 204
    assert tree.tree("other") == SUB
    assert tree.disk("sub").exists() == (method == "COPY")


@BOTH
def test_a_file_over_a_collection(tree, method):
    assert tree.transfer(method, "a.txt", "other").status == 204
    assert tree.disk("other").read_bytes() == b"a"
    assert tree.disk("a.txt").exists() == (method == "COPY")


@BOTH
def test_a_collection_over_a_file(tree, method):
    assert tree.transfer(method, "sub/", "b.txt").status == 204
    assert tree.tree("b.txt") == SUB
    assert tree.disk("sub").exists() == (method == "COPY")


@BOTH
def test_overwrite_f(tree, method):
    before = tree.tree()
    for frm, to in (("a.txt", "b.txt"), ("sub/", "other/"), ("a.txt", "other"), ("sub/", "b.txt")):
        assert tree.transfer(method, frm, to, ("Overwrite", "F")).status == 412
    assert tree.tree() == before
    assert tree.transfer(method, "a.txt", "new.txt", ("Overwrite", "F")).status == 201


@BOTH
@pytest.mark.parametrize("overwrite", ["X", "true", "", "T, F"])
def test_a_bad_overwrite_is_400(tree, method, overwrite):
    before = tree.tree()
    assert tree.transfer(method, "a.txt", "b.txt", ("Overwrite", overwrite)).status == 400
    assert tree.tree() == before


def test_depth_0_copy_of_a_collection(tree):
    assert tree.copy("sub/", "new/", ("Depth", "0")).status == 201
    assert tree.disk("new").is_dir() and tree.tree("new") == {}
    assert tree.copy("sub/", "other/", ("Depth", "0")).status == 204
    assert tree.disk("other").is_dir() and tree.tree("other") == {}
    assert tree.copy("a.txt", "new.txt", ("Depth", "0")).status == 201
    assert tree.tree("sub") == SUB


@pytest.mark.parametrize("method, depth", [("COPY", "1"), ("COPY", "x"), ("MOVE", "0"), ("MOVE", "1"), ("MOVE", "x")])
def test_other_depths_are_400(tree, method, depth):
    before = tree.tree()
    assert tree.transfer(method, "sub/", "new/", ("Depth", depth)).status == 400
    assert tree.tree() == before


# -- what is refused


@BOTH
def test_no_source_is_404(tree, method):
    for name in ("missing", "missing/", "missing/deep", "a.txt/below"):
        assert tree.transfer(method, name, "new").status == 404, name
    assert not tree.disk("new").exists()


@BOTH
def test_no_parent_of_the_destination_is_409(tree, method):
    before = tree.tree()
    for to in ("missing/new", "missing/deep/new", "a.txt/new"):
        for frm in ("b.txt", "sub/"):
            assert tree.transfer(method, frm, to).status == 409, to
    assert tree.tree() == before


@BOTH
def test_the_same_is_403(tree, method):
    before = tree.tree()
    for frm, to in (("a.txt", "a.txt"), ("sub/", "sub/"), ("sub", "sub/"), ("sub/", "sub"), ("a.txt", "%61.txt")):
        assert tree.transfer(method, frm, to).status == 403, (frm, to)
    assert tree.tree() == before


@BOTH
def test_one_in_the_other_is_403(tree, method):
    before = tree.tree()
    for frm, to in (("sub/", "sub/new"), ("sub/", "sub/deep/"), ("sub/", "sub/deep/new/"), ("sub/deep/", "sub/"),
                    ("sub/c.txt", "sub"), ("sub/deep/d.txt", "sub/"), ("sub/", "")):
        assert tree.transfer(method, frm, to).status == 403, (frm, to)
    assert tree.tree() == before


@BOTH
def test_through_a_link_one_in_the_other_is_403(tree, method):
    os.symlink("sub", tree.disk("link"))
    os.symlink(".", tree.disk("here"))
    before = tree.tree("sub")
    for frm, to in (("sub/", "link/new"), ("sub/", "link/deep"), ("sub/c.txt", "link/c.txt"), ("a.txt", "here/a.txt"),
                    ("sub/", "here/sub/")):
        assert tree.transfer(method, frm, to).status == 403, (frm, to)
    assert tree.tree("sub") == before and tree.disk("a.txt").read_bytes() == b"a"


def test_a_neighbour_with_a_common_beginning_is_fine(tree):
    assert tree.copy("sub/", "sub2/").status == 201
    assert tree.copy("sub2/", "su/").status == 201
    assert tree.move("sub2/", "sub2%20x").status == 201
    assert tree.tree("sub2%20x") == tree.tree("su") == SUB


def test_the_root_can_not_be_moved_but_copied(dav_on):
    conf = 'Alias "/second" "{root}/second"\n<Directory "{root}/second">\nRequire all granted\n</Directory>\n' \
           '<Location "/second/">\nDavMultistatus On\n</Location>'
    dav = dav_on(conf=conf)
    second = dav.server.root / "second"
    second.mkdir()
    if harness.IS_ROOT:
        os.chown(second, *[dav.path.stat().st_uid] * 2)
    dav.file("sub/a.txt", b"a")
    assert dav.transfer("MOVE", "", "/second/new").status == 403
    assert dav.transfer("COPY", "", "/second/new").status == 201
    assert (second / "new/sub/a.txt").read_bytes() == b"a"
    assert dav.transfer("COPY", "sub/", "/second/").status == 403
    assert dav.transfer("MOVE", "sub/", "/second/").status == 403
    assert dav.tree() == {"sub": None, "sub/a.txt": b"a"}
    assert sorted(os.listdir(second)) == ["new"]


@pytest.mark.root
@BOTH
def test_without_permission_is_403_and_changes_nothing(tree, method):
    tree.file("locked/x.txt", b"x")
    os.chown(tree.disk("locked"), 0, 0)
    before = tree.tree()
    for frm, to in (("a.txt", "locked/new"), ("a.txt", "locked/x.txt"), ("sub/", "locked/new"), ("sub/", "locked/x.txt")):
        assert tree.transfer(method, frm, to).status == 403, (frm, to)
    assert tree.tree() == before
    if method == "MOVE":
        assert tree.move("locked/x.txt", "new").status == 403
        assert tree.tree() == before


# -- content, mode, time


def test_a_copy_has_the_content_and_mode(tree):
    content = os.urandom(3_000_000)
    tree.file("big.bin", content, 0o750)
    assert tree.copy("big.bin", "copy.bin").status == 201
    assert tree.disk("copy.bin").read_bytes() == content
    assert oct(tree.disk("copy.bin").stat().st_mode & 0o777) == "0o750"
    assert tree.disk("copy.bin").stat().st_ino != tree.disk("big.bin").stat().st_ino
    tree.put("copy.bin", b"changed")
    assert tree.disk("big.bin").read_bytes() == content


def test_a_sparse_and_an_empty_file(tree):
    with open(tree.file("sparse", b""), "wb") as f:
        f.seek(5_000_000)
        f.write(b"end")
    tree.file("empty", b"")
    for name in ("sparse", "empty"):
        assert tree.copy(name, "new").status in (201, 204)
        assert tree.disk("new").read_bytes() == tree.disk(name).read_bytes()


def test_a_move_is_one_rename(tree):
    os.utime(tree.disk("a.txt"), ns=(1, 1500000000_123456789))
    file, folder = os.stat(tree.disk("a.txt")), os.stat(tree.disk("sub"))
    tree.move("a.txt", "sub/new.txt")
    tree.move("sub/", "new/")
    assert os.stat(tree.disk("new")).st_ino == folder.st_ino
    moved = os.stat(tree.disk("new/new.txt"))
    assert (moved.st_ino, moved.st_mtime_ns) == (file.st_ino, file.st_mtime_ns)


def test_a_copy_follows_links_and_a_move_takes_them(dav):
    dav.file("target.txt", b"target")
    dav.folder("sub")
    os.symlink("../target.txt", dav.disk("sub/link"))
    os.symlink("nowhere", dav.disk("sub/dangling"))
    assert dav.copy("sub/", "copied/").status in (201, 207)
    assert dav.get("copied/link").body == b"target"
    assert dav.move("sub/", "moved/").status == 201
    assert dav.tree("moved") == {"link": "-> ../target.txt", "dangling": "-> nowhere"}
    os.symlink("target.txt", dav.disk("direct"))
    assert dav.move("direct", "renamed").status == 201
    assert dav.tree()["renamed"] == "-> target.txt" and dav.disk("target.txt").exists()


def test_a_copy_of_a_collection_that_links_to_itself_ends(dav):
    dav.file("sub/a.txt", b"a")
    os.symlink(".", dav.disk("sub/loop"))
    os.symlink("..", dav.disk("sub/up"))
    assert dav.copy("sub/", "new/").status in (201, 207)
    assert dav.disk("new/a.txt").read_bytes() == b"a"


def test_a_copy_leaves_out_what_is_no_file(dav):
    dav.file("sub/a.txt", b"a")
    os.mkfifo(dav.disk("sub/fifo"))
    assert dav.copy("sub/", "new/").status == 201
    assert dav.tree("new") == {"a.txt": b"a"}


def test_what_is_denied_is_not_copied(dav_on):
    dav = dav_on(conf='<Location "/dav/sub/secret">\nRequire all denied\n</Location>')
    dav.server.expect_log("AH01630")
    dav.file("sub/secret/a.txt", b"secret")
    dav.file("sub/.htaccess", b"secret")
    dav.file("sub/b.txt", b"b")
    assert dav.copy("sub/", "new/").status in (201, 207)
    assert dav.tree("new") == {"b.txt": b"b"}


def test_a_move_does_not_bring_to_light_what_is_denied(dav_on):
    dav = dav_on(conf='<Location "/dav/sub/secret">\nRequire all denied\n</Location>')
    dav.server.expect_log("AH01630")
    dav.file("sub/secret/a.txt", b"secret")
    dav.file("sub/b.txt", b"b")
    answer = dav.move("sub/", "new/")
    assert dav.get("new/secret/a.txt").status in (403, 404), answer


def test_an_overwrite_does_not_remove_what_is_denied(dav_on):
    dav = dav_on(conf='<Location "/dav/new/secret">\nRequire all denied\n</Location>')
    dav.server.expect_log("AH01630")
    dav.file("new/secret/a.txt", b"secret")
    dav.file("sub/b.txt", b"b")
    for method in (dav.copy, dav.move):
        assert method("sub/", "new/").status in (403, 207)
        assert dav.disk("new/secret/a.txt").read_bytes() == b"secret"


# -- partial failures


@pytest.mark.root
def test_a_copy_tells_each_failing_member(tree):
    tree.file("sub/bad.txt", mode=0o600, own=False)
    tree.file("sub/deep/bad%20too", mode=0o600, own=False)
    tree.file("sub/closed/inside")
    os.chown(tree.disk("sub/closed"), 0, 0)
    os.chmod(tree.disk("sub/closed"), 0o700)
    for name, value in (("sub/c.txt", "c"), ("sub/", "sub"), ("sub/bad.txt", "bad")):
        tree.set(name, x=value)
    assert failures.failed(tree.copy("sub/", "new/"), tree.url + "sub/") == {
        "bad.txt": 403, "deep/bad%20too": 403, "closed/": 403}
    new = tree.tree("new")
    assert {p: c for p, c in new.items() if p != "closed"} == SUB
    assert tree.dead("new/c.txt") == {"x": "c"} and tree.dead("new/") == {"x": "sub"}
    tree.file("new/bad.txt")
    assert tree.dead("new/bad.txt") == {}, "a member that was not copied has left its properties at the destination"
    assert tree.tree("sub")["deep/bad%20too".replace("%20", " ")] == b"hello\n"


@pytest.mark.root
def test_a_single_failing_file_is_a_plain_status(tree):
    tree.file("bad.txt", mode=0o600, own=False)
    before = tree.tree()
    for to in ("new.txt", "b.txt", "other"):
        assert tree.copy("bad.txt", to).status == 403
    assert tree.tree() == before


@pytest.mark.root
@pytest.mark.parametrize("age", [10, 0])
def test_a_folder_moves_to_a_device_that_keeps_seconds_only(dav, age):
    """What is as new as the request stays: whether it has changed since it was copied can't be told."""
    image, mount = dav.server.root / "image", dav.folder("mount")
    image.write_bytes(bytes(1 << 20))
    made = subprocess.run(["mke2fs", "-q", "-t", "ext2", "-I", "128", image], capture_output=True)
    if made.returncode or subprocess.run(["mount", "-o", "loop", image, mount], capture_output=True).returncode:
        pytest.skip("can't mount an ext2 here")
    try:
        give(mount)
        dav.file("folder/in/file", b"x")
        changed = time.time_ns() // 10**9 * 10**9 - age * 10**9 + 5 * 10**8
        os.utime(dav.disk("folder/in/file"), ns=(changed, changed))
        assert dav.move("folder/", "mount/new").status == (201 if age else 207)
        assert dav.disk("mount/new/in/file").read_bytes() == b"x" and dav.disk("folder/in/file").exists() == (not age)
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


@pytest.mark.root
@BOTH
def test_ten_thousand_with_three_thousand_failing(dav_on, method):
    """The MOVE goes to another device: with one rename nothing could fail."""
    dav = dav_on(servers=1)
    with mounted(dav.path / "one", "256m"), mounted(dav.path / "two", "256m"):
        failing = failures.big_tree(dav, "one/big", failures.deny_reading)
        source = dav.tree("one/big")
        dav.file("one/warm/a.txt", mode=0o600, own=False)
        dav.file("one/warm/b.txt")
        assert dav.transfer(method, "one/warm/", "two/warm/").status == 207
        with failures.Memory(dav.server) as memory:
            answer = dav.transfer(method, "one/big/", "two/new/")
        assert failures.failed(answer, dav.url + "one/big/") == dict.fromkeys(failing, 403)
        stays = failing | {p.split("/")[0] for p in failing} if method == "MOVE" else set(source)
        assert dav.tree("two/new") == {p: c for p, c in source.items() if p not in failing}
        assert dav.tree("one/big") == {p: c for p, c in source.items() if p in stays}
        memory.check()


@pytest.mark.root
@BOTH
def test_a_full_disk(dav_on, method):
    dav = dav_on()
    dav.server.expect_log("No space left")
    with mounted(dav.path / "small", "1m"):
        dav.file("small/old.txt", b"old")
        dav.file("big.bin", os.urandom(2_000_000))
        dav.file("sub/big.bin", os.urandom(2_000_000))
        dav.file("sub/a.txt", b"a")
        dav.set("big.bin", color="red")
        for to in ("small/new", "small/old.txt"):
            assert dav.transfer(method, "big.bin", to).status == 507
        answer = dav.transfer(method, "sub/", "small/sub/")
        assert answer.status in (207, 507)
        if answer.status == 207:
            assert [s for _, s in failures.failed(answer, dav.url).items()] == [507]
        assert dav.disk("big.bin").stat().st_size == 2_000_000
        assert dav.disk("sub/big.bin").stat().st_size == 2_000_000, "what could not be copied is lost"
        assert dav.disk("small/old.txt").read_bytes() == b"old"
        assert dav.dead("big.bin") == {"color": "red"}
        assert not leftovers(dav.path)


# -- to another file system


@pytest.fixture
def devices(dav_on):
    dav = dav_on()
    with mounted(dav.path / "mount"):
        yield dav
        assert not leftovers(dav.path)


def stat_of(path):
    st = os.lstat(path)
    return st.st_mode, st.st_mtime_ns, st.st_size


@pytest.mark.root
@pytest.mark.parametrize("there, back", [("mount/new", "back"), ("mount/new", "mount2")])
def test_a_move_to_another_device_and_back(devices, there, back):
    dav = devices
    dav.file("sub/c.txt", b"c", 0o640)
    dav.file("sub/deep/x.sh", b"#!", 0o755)
    dav.file("sub/%FF%20", b"odd")
    dav.folder("sub/empty")
    os.symlink("c.txt", dav.disk("sub/link"))
    os.symlink("nowhere", dav.disk("sub/dangling"))
    for i, name in enumerate(("c.txt", "deep/x.sh")):
        os.utime(dav.disk("sub/" + name), ns=(1, (1500000000 + i) * 10**9 + 123456789))
    for name in ("sub/", "sub/c.txt", "sub/deep/", "sub/deep/x.sh", "sub/%FF%20", "sub/empty/"):
        dav.set(name, x=name)
    content, props = dav.tree("sub"), dav.dead("sub/", "infinity")
    stats = {p: stat_of(os.path.join(dav.disk("sub"), p)) for p in ("c.txt", "deep/x.sh")}
    for frm, to in (("sub", there), (there, back)):
        assert dav.move(frm + "/", to + "/").status == 201
        assert not os.path.lexists(dav.disk(frm))
        assert dav.tree(to) == content
        assert dav.dead(to + "/", "infinity") == props
        assert {p: stat_of(os.path.join(dav.disk(to), p)) for p in stats} == stats
        dav.mkcol(frm)
        assert dav.dead(frm + "/") == {}
        dav.delete(frm)


@pytest.mark.root
def test_a_file_moves_to_another_device(devices):
    dav = devices
    for i, exists in enumerate((False, True)):
        dav.file("a.txt", b"a", 0o604)
        os.utime(dav.disk("a.txt"), ns=(1, 1500000000_000000001))
        dav.set("a.txt", color="red")
        before = stat_of(dav.disk("a.txt"))
        assert dav.move("a.txt", "mount/a.txt").status == (204 if exists else 201)
        assert not dav.disk("a.txt").exists()
        assert stat_of(dav.disk("mount/a.txt")) == before and dav.disk("mount/a.txt").read_bytes() == b"a"
        assert dav.dead("mount/a.txt") == {"color": "red"}


@pytest.mark.root
@BOTH
def test_overwriting_on_another_device(devices, method):
    dav = devices
    for frm, to in (("sub", "mount/other"), ("file", "mount/other"), ("sub", "mount/file"), ("file", "mount/file")):
        dav.delete("sub")
        dav.delete("mount/other")
        dav.file("sub/c.txt", b"c")
        dav.file("file", b"file")
        dav.file("mount/other/e.txt", b"e")
        dav.delete("mount/file")
        dav.file("mount/file", b"old")
        dav.set("sub/c.txt", x="c")
        dav.set("mount/other/e.txt", x="e")
        assert dav.transfer(method, frm, to).status == 204, (frm, to)
        if frm == "sub":
            assert dav.tree(to) == {"c.txt": b"c"}
            assert dav.dead(to + "/c.txt") == {"x": "c"}
        else:
            assert dav.disk(to).read_bytes() == b"file"
        assert dav.disk(frm).exists() == (method == "COPY")
        assert not leftovers(dav.path)


@pytest.mark.root
def test_a_move_between_devices_leaves_what_it_can_not_copy(devices):
    dav = devices
    for name in ("a", "deep/b", "deep/bad", "whole/c", "bad"):
        dav.file("sub/" + name, name.encode())
    for name in ("deep/bad", "bad"):
        os.chown(dav.disk("sub/" + name), 0, 0)
        os.chmod(dav.disk("sub/" + name), 0o600)
        dav.set("sub/" + name, x="stays")
    dav.set("sub/a", x="goes")
    dav.set("sub/whole/", x="goes")
    answer = dav.move("sub/", "mount/new/")
    assert failures.failed(answer, dav.url + "sub/") == {"deep/bad": 403, "bad": 403}
    assert dav.tree("sub") == {"deep": None, "deep/bad": b"deep/bad", "bad": b"bad"}
    assert dav.tree("mount/new") == {"a": b"a", "deep": None, "deep/b": b"deep/b", "whole": None, "whole/c": b"whole/c"}
    assert dav.dead("mount/new/a") == {"x": "goes"} and dav.dead("mount/new/whole/") == {"x": "goes"}
    assert dav.dead("sub/bad") == {"x": "stays"}, "what stays has lost its properties"
    assert dav.dead("sub/deep/bad") == {"x": "stays"}, "what stays has lost its properties"


@pytest.mark.root
def test_a_source_that_can_not_be_removed_is_told(devices):
    """All is copied, but a folder of the source does not let go."""
    dav = devices
    dav.file("sub/locked/a", b"a")
    dav.file("sub/b", b"b")
    os.chown(dav.disk("sub/locked"), 0, 0)
    answer = dav.move("sub/", "mount/new/")
    assert failures.failed(answer, dav.url + "sub/") == {"locked/a": 403}
    assert dav.tree("mount/new") == {"locked": None, "locked/a": b"a", "b": b"b"}
    assert dav.tree("sub") == {"locked": None, "locked/a": b"a"}


@pytest.mark.root
def test_a_copy_of_a_tree_on_another_device(devices):
    dav = devices
    dav.file("mount/sub/a", b"a")
    assert dav.copy("mount/sub/", "new/").status == 201
    assert dav.copy("new/", "mount/again/").status == 201
    assert dav.tree("mount/again") == {"a": b"a"}


@pytest.mark.root
def test_a_tree_that_is_bigger_than_a_page(devices):
    """With members enough that a listing comes in several pieces, and properties on some."""
    dav = devices
    dav.folder("mount/sub")
    for i in range(3000):
        dav.file(f"mount/sub/f{i:04}", b"")
    for i in range(0, 3000, 300):
        dav.set(f"mount/sub/f{i:04}", n=str(i))
    expected = {f"f{i:04}": {"n": str(i)} for i in range(0, 3000, 300)}
    assert dav.copy("mount/sub/", "mount/copied/").status == 201
    assert dav.move("mount/sub/", "mount/moved/").status == 201
    for name in ("mount/copied/", "mount/moved/"):
        shown = dav.dead(name, "1")
        assert len(shown) == 3001
        assert {p: v for p, v in shown.items() if v} == expected


def test_litter_of_an_earlier_life_does_not_disturb(dav):
    """Somebody's file under a reserved name is no member: neither copied nor a reason to fail."""
    dav.file("sub/a.txt", b"a")
    dav.file("sub/.dav-multistatus-old", b"litter")
    try:
        assert dav.copy("sub/", "new/").status == 201
        assert dav.tree("new") == {"a.txt": b"a"}
        assert dav.delete("sub/").status == 204
    finally:
        subprocess.run(["rm", "-rf", dav.disk("sub")], check=True)


@pytest.mark.root
@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_cant_be_removed_is_not_moved_to_another_device(devices, exists):
    """Both happen, or neither."""
    dav = devices
    dav.file("closed/a.txt", b"new")
    if exists:
        dav.file("mount/b.txt", b"old")
        dav.set("mount/b.txt", color="red")
    os.chown(dav.disk("closed"), 0, 0)
    assert dav.move("closed/a.txt", "mount/b.txt").status == 403
    assert dav.disk("closed/a.txt").read_bytes() == b"new"
    assert dav.tree("mount") == ({"b.txt": b"old"} if exists else {})
    if exists:
        assert dav.dead("mount/b.txt") == {"color": "red"}


@pytest.mark.root
def test_a_client_that_leaves_does_not_decide_what_is_copied(dav):
    """Of the files half can't be read: a 207 that begins early, and that nobody reads to its end."""
    for i in range(4000):
        dav.file(f"source/{i:0100}", b"%d" % i, own=False)
    for i in range(0, 4000, 2):
        os.chmod(dav.disk(f"source/{i:0100}"), 0o600)
    dav.file("to/old.txt", b"old")
    with dav.server.connect(rcvbuf=4096) as connection:
        connection.send("COPY", dav.url + "source", [("Destination", dav.url + "to")])
        assert connection.read_head().status == 207
        connection.reset()
    wait_until(lambda: not leftovers(dav.path) and "old.txt" not in os.listdir(dav.disk("to")), 20)
    assert len(os.listdir(dav.disk("to"))) == 2000
