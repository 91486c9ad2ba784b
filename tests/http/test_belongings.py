"""What belongs to a file or folder beside its content: mode, ACL, attributes, group, and when it was created. PUT, COPY
and MOVE keep it; what can't be kept leaves nobody more than before."""

import contextlib
import grp
import os
import shutil
import stat
import struct
import subprocess

import pytest

import harness
import tracing
from harness import prop_body
from writing import mounted, wait_until

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
TAGS = {"user": (1, 2), "group": (4, 8), "mask": (16, 16), "other": (32, 32)}
OTHER_UID, OTHER_GID = 4242, 4343  # nobody's; the server is in no such group


def acl(text):
    """"user::rw-,user:7:r--,group::---,mask::rw-,other::---" as the kernel has it."""
    entries = b""
    for entry in text.split(","):
        tag, who, perms = entry.split(":")
        bits = sum(bit for bit, char in zip((4, 2, 1), perms) if char != "-")
        entries += struct.pack("<HHI", TAGS[tag][bool(who)], bits, int(who) if who else 0xFFFFFFFF)
    return struct.pack("<I", 2) + entries


def acl_of(path, attribute=ACCESS):
    try:
        return os.getxattr(path, attribute)
    except OSError:
        return None


def set_acl(path, text, attribute=ACCESS):
    try:
        os.setxattr(path, attribute, acl(text))
    except OSError as e:
        pytest.skip(f"no ACLs here: {e}")


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def created(dav, name):
    return dav.propfind(name, body=prop_body("creationdate"))[0].text("creationdate")


def listed(dav, folder, name):
    return dav.propfind(folder, "1", prop_body("creationdate"))[name].text("creationdate")


ALICE = f"user::rw-,user:{OTHER_UID}:rw-,group::---,mask::rw-,other::---"


@contextlib.contextmanager
def poor(path):
    """A file system that has neither ACLs nor attributes."""
    if not harness.IS_ROOT:
        pytest.skip("needs root to mount")
    path.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "ramfs", "none", path], capture_output=True).returncode:
        pytest.skip("can't mount a ramfs here")
    try:
        shutil.chown(path, harness.WEB_USER, harness.WEB_USER)
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


# -- what is kept


@pytest.mark.parametrize("method", ["PUT", "PUT of a part", "COPY", "MOVE", "MOVE to a device"])
def test_a_file_keeps_what_belongs_to_it(dav, method):
    path, to = dav.file("f", b"old"), dav.disk("f")
    set_acl(path, ALICE)
    os.setxattr(path, "user.color", b"red")
    acl_before, mode = acl_of(path), mode_of(path)
    with mounted(dav.disk("disk")) if "device" in method else contextlib.nullcontext():
        if method.startswith("PUT"):
            headers = [("Content-Range", "bytes 0-2/3")] if "part" in method else []
            assert dav.put("f", b"new", *headers).status == 204
            assert path.read_bytes() == b"new"
        else:
            name = "disk/to" if "device" in method else "to"
            assert dav.transfer(method.split()[0], "f", name).status == 201
            to = dav.disk(name)
        assert acl_of(to) == acl_before and mode_of(to) == mode
        assert os.getxattr(to, "user.color") == b"red"


@pytest.mark.no_sanitizer
def test_a_thread_with_a_small_stack_can_keep_it(dav_on):
    """What musl gives a thread that does not ask for more."""
    dav = dav_on(conf="ThreadStackSize 131072\n")
    dav.file("f")
    os.setxattr(dav.disk("f"), "user.color", b"red")
    dav.file("folder/f")
    for i in range(4):
        assert dav.put("f").status == 204
        assert dav.copy("f", f"file{i}").status == 201
        assert dav.copy("folder/", f"folder{i}").status == 201
    assert os.getxattr(dav.disk("file3"), "user.color") == b"red"
    dav.server.stop()
    assert "exit signal" not in dav.server.log_text()


@pytest.mark.parametrize("mode", [0o400, 0o604, 0o640, 0o660, 0o755])
@pytest.mark.parametrize("method", ["PUT", "COPY"])
def test_a_mode_is_kept_without_the_rights_to_run_as_somebody(dav, mode, method):
    path = dav.file("f", b"old")
    path.chmod(mode | 0o6000)
    assert (dav.put("f") if method == "PUT" else dav.copy("f", "to")).status < 300
    assert mode_of(dav.disk("f" if method == "PUT" else "to")) == mode


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_folders_keep_it_too(dav, method):
    """A move by copy: between file systems."""
    dav.folder("a/closed/empty")
    dav.file("a/closed/f", b"f", 0o600)
    dav.folder("a/read-only")
    dav.file("a/read-only/f", b"f")
    set_acl(dav.disk("a/closed"), ALICE.replace("rw-", "rwx"), DEFAULT)
    os.setxattr(dav.disk("a/closed"), "user.color", b"blue")
    for name, mode in {"a/closed": 0o700, "a/closed/empty": 0o3770, "a/read-only": 0o555, "a": 0o2750}.items():
        dav.disk(name).chmod(mode)
        os.utime(dav.disk(name), (1e9, 1e9))
    before = {name: mode_of(dav.disk("a") / name) for name in ("", "closed", "closed/empty", "closed/f", "read-only")}
    default = acl_of(dav.disk("a/closed"), DEFAULT)
    with mounted(dav.disk("disk")):
        answer = dav.transfer(method, "a/", "disk/b/" if method == "MOVE" else "b/")
        to = dav.disk("disk/b" if method == "MOVE" else "b")
        assert answer.status == (207 if method == "MOVE" else 201)  # what is in a read-only folder stays at the source, too
        assert {name: mode_of(to / name) for name in before} == before
        assert acl_of(to / "closed", DEFAULT) == default
        assert acl_of(to / "closed/f") is None, "from the folder's default"
        assert os.getxattr(to / "closed", "user.color") == b"blue"
        if method == "MOVE":
            assert os.stat(to / "closed").st_mtime == 1e9
    for place in ("a", "b"):
        if dav.disk(place).exists():
            dav.disk(place + "/read-only").chmod(0o755)


def test_depth_0_keeps_the_folders_own(dav):
    dav.folder("a").chmod(0o700)
    assert dav.copy("a/", "b/", ("Depth", "0")).status == 201
    assert mode_of(dav.disk("b")) == 0o700


# -- what a new one gets


def test_a_new_one_gets_what_the_system_gives(dav):
    """By a folder's default ACL and its setgid bit; the same as a process that makes one there by itself."""
    folder = dav.folder("in")
    folder.chmod(0o2770)
    if harness.IS_ROOT:
        os.chown(folder, -1, OTHER_GID)
        folder.chmod(0o2770)
    set_acl(folder, f"user::rwx,user:{OTHER_UID}:rw-,group::r-x,mask::rwx,other::---", DEFAULT)
    (folder / "own").write_bytes(b"")
    (folder / "own-folder").mkdir()
    assert dav.put("in/f").status == 201
    assert dav.mkcol("in/folder").status == 201
    for made, own in (("f", "own"), ("folder", "own-folder")):
        made, own = folder / made, folder / own
        assert acl_of(made) == acl_of(own) is not None
        assert acl_of(made, DEFAULT) == acl_of(own, DEFAULT)
        assert mode_of(made) == mode_of(own) and os.stat(made).st_gid == os.stat(own).st_gid


def test_what_a_folder_gives_to_new_ones_is_not_given_to_what_is_there(dav):
    path = dav.file("in/f", b"old", 0o640)
    source = dav.file("source", b"source", 0o600)
    set_acl(path.parent, f"user::rwx,user:{OTHER_UID}:rwx,group::rwx,mask::rwx,other::r-x", DEFAULT)
    assert acl_of(path) is None
    assert dav.put("in/f", b"new").status == 204
    assert acl_of(path) is None and mode_of(path) == 0o640
    assert dav.copy("source", "in/copy").status == 201
    assert acl_of(path.parent / "copy") is None and mode_of(path.parent / "copy") == mode_of(source)


# -- what can't be kept


@pytest.mark.root
@pytest.mark.parametrize("mode, narrow", [(0o660, 0o600), (0o664, 0o644), (0o640, 0o600), (0o604, 0o600), (0o644, 0o644)])
def test_a_group_that_cant_be_kept_leaves_its_rights_to_nobody(dav, mode, narrow):
    path = dav.file("f", b"old")
    os.chown(path, -1, OTHER_GID)
    path.chmod(mode)
    assert dav.put("f", b"new").status == 204
    assert mode_of(path) == narrow and os.stat(path).st_gid != OTHER_GID
    folder = dav.folder("a")
    os.chown(folder, -1, OTHER_GID)
    folder.chmod(0o2000 | mode | 0o500)
    assert dav.copy("a/", "b/").status == 201
    assert mode_of(dav.disk("b")) == narrow | 0o500


@pytest.mark.root
def test_a_group_that_cant_be_kept_in_an_acl(dav):
    path = dav.file("f", b"old")
    os.chown(path, -1, OTHER_GID)
    set_acl(path, f"user::rw-,user:{OTHER_UID}:rw-,group::rw-,mask::rw-,other::r--")
    assert dav.put("f", b"new").status == 204
    assert acl_of(path) == acl(f"user::rw-,user:{OTHER_UID}:rw-,group::r--,mask::rw-,other::r--")


@pytest.mark.root
def test_a_group_of_the_servers_is_kept(dav_on):
    """The server's User is a member of it (here: its own, in a setgid folder of another)."""
    dav = dav_on()
    own = grp.getgrnam(harness.WEB_USER).gr_gid
    folder = dav.folder("in")
    os.chown(folder, -1, OTHER_GID)
    folder.chmod(0o2777)
    path = dav.file("in/f", b"old", 0o660)
    os.chown(path, -1, own)
    assert dav.put("in/f", b"new").status == 204
    assert os.stat(path).st_gid == own and mode_of(path) == 0o660


@pytest.mark.parametrize("text, mode", [
    (ALICE, 0o600),
    (f"user::rw-,user:{OTHER_UID}:---,group::r--,mask::r--,other::r--", 0o600),
    (f"user::rw-,group::r--,group:{OTHER_GID}:rw-,mask::rw-,other::r--", 0o644),
    ("user::rw-,group::rw-,mask::r--,other::---", 0o640),
])
@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_an_acl_that_cant_be_kept_opens_nothing(dav, method, text, mode):
    path = dav.file("f", b"f")
    set_acl(path, text)
    os.setxattr(path, "user.color", b"red")
    with poor(dav.disk("disk")):
        assert dav.transfer(method, "f", "disk/f").status == 201
        assert mode_of(dav.disk("disk/f")) == mode
        assert dav.put("disk/f", b"new").status == 204 and mode_of(dav.disk("disk/f")) == mode
        assert created(dav, "disk/f") is None or listed(dav, "disk/", "f")


def test_a_file_that_is_closed_while_a_put_is_under_way_stays_closed(dav):
    path = dav.file("f", b"old", 0o666)
    with dav.server.connect() as connection:
        connection.send_head("PUT", dav.url + "f", [("Content-Length", "3"), ("Expect", "100-continue")])
        assert b" 100 " in connection.read_line()
        path.chmod(0o400)
        connection.socket.sendall(b"new")
        connection.read_line()
        assert connection.read_answer("PUT").status == 204
    assert path.read_bytes() == b"new" and mode_of(path) == 0o400


# -- when it was created


@pytest.fixture
def old(dav):
    """A file that was created in 2001; its tag, since none may stay."""
    dav.file("f", b"old")
    assert dav.put("f", b"newer").status == 204
    if b"user.dav-multistatus.created" not in map(os.fsencode, os.listxattr(dav.disk("f"))):
        pytest.skip("no birth times here, or no attributes")
    os.setxattr(dav.disk("f"), "user.dav-multistatus.created", b"1000000000.000000000")
    return dav


THEN = "2001-09-09T01:46:40Z"


def test_a_put_keeps_the_creationdate(old):
    assert created(old, "f") == listed(old, "", "f") == THEN
    for _ in range(2):
        tag = old.etag("f")
        answer = old.put("f", b"again")
        assert answer.status == 204 and answer.get("ETag") == old.etag("f") != tag
        assert created(old, "f") == listed(old, "", "f") == THEN
    assert old.put("f", b"X", ("Content-Range", "bytes 0-0/5")).status == 204
    assert created(old, "f") == listed(old, "", "f") == THEN


def test_the_first_put_keeps_what_the_disk_says(dav):
    path = dav.file("f", b"old")
    born = harness.birth_time(path)
    if not born:
        pytest.skip("no birth times here")
    before = created(dav, "f")
    while int(os.stat(dav.file("clock")).st_mtime) <= born:  # until a new one would show another second
        pass
    assert dav.put("f", b"new").status == 204
    assert harness.birth_time(path) != born and created(dav, "f") == listed(dav, "", "f") == before


def test_a_move_keeps_the_creationdate(old):
    old.folder("in")
    assert old.move("f", "in/f").status == 201
    assert created(old, "in/f") == listed(old, "in/", "f") == THEN
    assert old.move("in/", "there/").status == 201
    assert created(old, "there/f") == listed(old, "there/", "f") == THEN
    with mounted(old.disk("disk")):
        assert old.move("there/", "disk/deep/").status == 201
        assert created(old, "disk/deep/f") == listed(old, "disk/deep/", "f") == THEN


def test_a_moved_folder_keeps_its_creationdate(dav):
    dav.folder("a/b")
    before = created(dav, "a/"), created(dav, "a/b/")
    born = harness.birth_time(dav.disk("a/b"))
    if not born:
        pytest.skip("no birth times here")
    with mounted(dav.disk("disk")) as disk:
        try:
            os.setxattr(disk, "user.x", b"")
        except OSError:
            pytest.skip("no attributes on a tmpfs here")
        while int(os.stat(dav.file("clock")).st_mtime) <= born:
            pass
        assert dav.move("a/", "disk/a/").status == 201
        assert (created(dav, "disk/a/"), created(dav, "disk/a/b/")) == before
        assert (listed(dav, "disk/", "a/"), listed(dav, "disk/a/", "b/")) == before


def test_a_copy_is_a_new_one(old):
    assert old.copy("f", "g").status == 201
    assert created(old, "g") == listed(old, "", "g") != THEN
    assert created(old, "f") == listed(old, "", "f") == THEN
    assert old.copy("g", "f").status == 204
    assert created(old, "f") == listed(old, "", "f") != THEN


def test_what_is_deleted_and_made_anew_is_a_new_one(old):
    assert old.delete("f").status == 204 and old.put("f").status == 201
    assert created(old, "f") == listed(old, "", "f") != THEN


@contextlib.contextmanager
def traced(server, *options):
    """strace at a server's child."""
    pids = [a for pid in server.workers() for a in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", server.root / "trace", *options, *pids], stderr=subprocess.PIPE)
    wait_until(lambda: all(map(tracing.is_traced, server.workers())), 10)
    try:
        yield
    finally:
        tracing.detach(tracer)


@pytest.mark.no_sanitizer
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_without_proc(old):
    """What is read by a path there is read by a descriptor."""
    set_acl(old.disk("f"), ALICE)
    os.setxattr(old.disk("f"), "user.color", b"red")
    server = harness.Server(servers=1, data=old.path)
    calls = "getxattr,lgetxattr,setxattr,lsetxattr,removexattr,lremovexattr,listxattr,llistxattr"
    try:
        server.start()
        with traced(server, "-e", "trace=" + calls, "-e", f"inject={calls}:error=ENOENT"):
            assert server.ask("PUT", "/dav/f", [], b"new").status == 204
            found = server.propfind("/dav/", "1", prop_body("creationdate"))["f"].text("creationdate")
        assert "lgetxattr" in (server.root / "trace").read_text()
        assert found == THEN == created(old, "f")
        assert acl_of(old.disk("f")) == acl(ALICE) and os.getxattr(old.disk("f"), "user.color") == b"red"
    finally:
        server.stop()
        server.remove()


@pytest.mark.no_sanitizer
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_listing_asks_nobody_where_nothing_is_kept(old):
    """Not those that are older than the first one of which something is kept, and none in other folders."""
    for name in ("plain/a", "plain/b"):
        old.file(name)
    old.file("mixed/a")
    assert old.put("mixed/b").status == 201 and old.put("mixed/b").status == 204
    server = harness.Server(servers=1, data=old.path)
    try:
        server.start()
        with traced(server, "-e", "trace=/getxattr"):
            for folder in ("plain", "mixed"):
                assert server.propfind(f"/dav/{folder}/", "1", prop_body("creationdate"))
        calls = (server.root / "trace").read_text()
        assert calls.count("/b") == 1 and "/a" not in calls, calls
    finally:
        server.stop()
        server.remove()
