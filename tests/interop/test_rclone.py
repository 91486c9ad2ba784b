"""rclone: a tree of a thousand files synchronised both ways, compared by content and modification time."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

import clients
import harness

FILES = int(os.environ.get("DMS_RCLONE_FILES", "400"))
# rclone asks 100 times a second at the most: several of them, with a part of the tree each, take less long.
PARTS = 5


@pytest.fixture(scope="module")
def server():
    with clients.running() as server:
        yield server


@pytest.fixture
def rclone(server, tmp_path):
    def run(command, *arguments, vendor="owncloud", status=0):
        # (Pieces in a folder beside, which Nextcloud alone puts together: what 1.64 and later do unless told not to.)
        remote = f":webdav,url='{clients.url(server)}',vendor={vendor},nextcloud_chunk_size=0:"
        arguments = [remote + a[1:] if str(a).startswith("@") else a for a in arguments]
        return clients.run("rclone", "--config", os.devnull, "--transfers", "8", "--checkers", "8", "--retries", "1",
                           "--stats", "0", command, *arguments, cwd=tmp_path, seconds=100, status=status)
    return run


NAMES = ["plain.txt", "sp ace.txt", "ümläut €.txt", "100%.txt", "a+b&c=d.txt", "hash#tag.txt", "ques?tion.txt", "semi;colon.txt",
         "apo'strophe.txt", 'quo"te.txt', "(brackets) [x].txt", "%41.txt", "日本語.txt", "empty.txt"]


def set_time(path, seconds):
    os.utime(path, (seconds, seconds))


def make_tree(root):
    dice = random.Random(4918)
    for i in range(FILES - len(NAMES)):
        path = root / f"d{i % PARTS}" / f"e{i % 7}" / f"f{i:04}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dice.randbytes(dice.choice([0, 1, 100, 4000, 20_000])))
    for name in NAMES:
        (root / "d0/odd é").mkdir(exist_ok=True)
        (root / "d0/odd é" / name).write_bytes(b"" if name == "empty.txt" else name.encode())
    for i, path in enumerate(sorted(root.rglob("*"))):
        if path.is_file():
            set_time(path, 1_000_000_000 + 86_400 * i)


def same(one, other):
    assert clients.tree(one) == clients.tree(other)
    assert clients.times(one) == clients.times(other)


def change(root, new):
    """Some of all that can happen to a tree."""
    files = sorted(p for p in root.rglob("*") if p.is_file())
    for i, path in enumerate(files):
        if i % 40 == 0:
            path.unlink()
        elif i % 40 == 1:
            path.write_bytes(b"changed " + path.read_bytes())
            set_time(path, 1_400_000_000 + i)
        elif i % 40 == 2:
            path.rename(path.with_name(new + " " + path.name))
        elif i % 40 == 3:
            set_time(path, 1_300_000_000 + i)
    (root / f"d1/{new}/folder").mkdir(parents=True)
    (root / f"d1/{new}/folder/new.txt").write_text("new")
    set_time(root / f"d1/{new}/folder/new.txt", 1_500_000_000)


def test_sync_both_ways(server, rclone, tmp_path):
    def sync(one, other):
        with ThreadPoolExecutor(PARTS) as pool:
            list(pool.map(lambda n: rclone("sync", f"{one}/d{n}", f"{other}/d{n}"), range(PARTS)))

    up, down, there = tmp_path / "up", tmp_path / "down", server.data / "tree"
    up.mkdir()
    make_tree(up)
    assert len(clients.times(up)) == FILES
    sync("up", "@tree")
    same(up, there)
    seen = len(clients.requests(server))
    sync("up", "@tree")  # all is there: nothing is sent
    assert {m for m, _, _ in clients.requests(server)[seen:]} <= {"PROPFIND", "OPTIONS", "HEAD"}
    change(up, "first")
    sync("up", "@tree")
    same(up, there)
    sync("@tree", "down")
    same(up, down)
    change(there, "second")  # by somebody else
    clients.writing.give(server.data)
    sync("@tree", "down")
    same(down, there)
    assert "0 differences found" in rclone("check", "--download", "down/d0", "@tree/d0")


def test_moves_and_copies_on_the_server(server, rclone, tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    for i in range(20):
        (source / f"f{i}.txt").write_text(str(i))
        set_time(source / f"f{i}.txt", 1_200_000_000 + i)
    rclone("sync", "src", "@one")
    rclone("copy", "@one", "@two")  # COPY, with X-OC-Mtime
    same(source, server.data / "two")
    rclone("moveto", "@one", "@three")
    assert not (server.data / "one").exists()
    same(source, server.data / "three")
    rclone("moveto", "@three/f1.txt", "@three/g 1.txt")
    assert (server.data / "three/g 1.txt").read_text() == "1"
    # (To a name that is free: this rclone sends Overwrite: F, and then wants what is there to stay.)
    rclone("copyto", "@three/f2.txt", "@three/copied.txt")
    assert (server.data / "three/copied.txt").read_text() == "2"
    rclone("deletefile", "@three/f4.txt")
    assert not (server.data / "three/f4.txt").exists()
    rclone("purge", "@two")
    assert not (server.data / "two").exists()
    assert {m for m, _, _ in clients.requests(server)} >= {"COPY", "MOVE", "DELETE", "MKCOL", "PUT"}


def test_vendor_other(server, rclone, tmp_path):
    """No modification times; sizes tell."""
    source = tmp_path / "plain"
    source.mkdir()
    for i in range(30):
        (source / f"f{i}.txt").write_text("x" * i)
    rclone("sync", "plain", "@plain", vendor="other")
    assert clients.tree(source) == clients.tree(server.data / "plain")
    assert "0 differences found" in rclone("check", "--download", "plain", "@plain", vendor="other")
    (source / "f7.txt").unlink()
    rclone("sync", "plain", "@plain", vendor="other")
    assert clients.tree(source) == clients.tree(server.data / "plain")


def test_large_listing_and_size(server, rclone, tmp_path):
    folder = server.data / "big"
    folder.mkdir()
    for i in range(3000):
        (folder / f"{i:05}").write_bytes(b"x" * (i % 10))
    clients.writing.give(server.data)
    assert len(rclone("lsf", "@big").split()) == 3000
    assert f"{sum(i % 10 for i in range(3000))} Byte" in rclone("size", "@big")


@pytest.mark.parametrize("vendor", ["owncloud", "nextcloud"])
def test_files_are_checked_by_their_checksums(server, rclone, tmp_path, vendor):
    """rclone sends an OC-Checksum of SHA-1, and asks for oc:checksums, of which it compares MD5, or of Nextcloud SHA-1."""
    here, there = tmp_path / "here", server.data / vendor
    here.mkdir()
    (here / "a.bin").write_bytes(random.Random(1).randbytes(100_000))
    (here / "b.bin").write_bytes(b"")
    set_time(here / "a.bin", 1_000_000_000)
    rclone("copy", here, f"@{vendor}", vendor=vendor)
    same(here, there)
    for name in "a.bin", "b.bin":
        found = rclone("hashsum", "sha1", f"@{vendor}/{name}", vendor=vendor)
        assert found.split()[0] == hashlib.sha1((here / name).read_bytes()).hexdigest()
    told = rclone("check", here, f"@{vendor}", vendor=vendor)
    assert "0 differences found" in told and "2 matching files" in told and "could not be checked" not in told
    rclone("copyto", f"@{vendor}/a.bin", f"@{vendor}/copied.bin", vendor=vendor)  # takes them along
    rclone("moveto", f"@{vendor}/a.bin", f"@{vendor}/moved.bin", vendor=vendor)
    content = (here / "a.bin").read_bytes()
    (here / "a.bin").rename(here / "copied.bin")
    (here / "moved.bin").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # as long, and of the same time
    set_time(here / "moved.bin", 1_000_000_000)
    assert re.search("moved.bin: .* differ", rclone("check", here, f"@{vendor}", vendor=vendor, status=1))
    seen = len(clients.requests(server))
    rclone("sync", "--checksum", here, f"@{vendor}", vendor=vendor)
    assert [p for m, p, _ in clients.requests(server)[seen:] if m == "PUT"] == [f"/dav/{vendor}/moved.bin"]
    (there / "copied.bin").write_bytes(bytes(100_000))  # of the same length: nobody knows any more
    assert "could not be checked" in rclone("check", here, f"@{vendor}", vendor=vendor)


@pytest.mark.parametrize("vendor", ["owncloud", "nextcloud", "other"])
def test_about(server, rclone, vendor):
    told = json.loads(rclone("about", "--json", "@", vendor=vendor))
    disk = os.statvfs(server.data)
    assert abs(told["free"] - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert abs(told["used"] - (disk.f_blocks - disk.f_bfree) * disk.f_frsize) < 1 << 30


@pytest.mark.skipif(not shutil.which("rclone"), reason="no rclone")
def test_the_configuration_of_the_documentation(tmp_path):
    """As docs/clients.md has it; a line that is typed is the password."""
    (command,) = re.findall("^    (rclone config create .*)", (harness.REPO / "docs/clients.md").read_text(), re.M)
    config = tmp_path / "rclone.conf"
    environment = os.environ | {"RCLONE_CONFIG": str(config)}
    subprocess.run(["sh", "-ec", command], input="se cr$et\"\n", text=True, env=environment, check=True, timeout=60)
    (hidden,) = re.findall("^pass = (.*)", config.read_text(), re.M)
    assert subprocess.run(["rclone", "reveal", hidden], capture_output=True, text=True, env=environment, timeout=60).stdout == "se cr$et\"\n"
