"""rclone on a repository that is no folder: it lists, reads and copies out what examples/mod_dav_tar.c shows."""

import os
import tarfile

import pytest

import clients
import harness
import modules
from test_rclone import make_tree, set_time

LONG = "l" * 120 + "/" + "m" * 120 + "/" + "n" * 120 + ".txt"


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_a_tar_file_is_copied_out(tmp_path, kind):
    source, place = tmp_path / "source", harness.new_dir("dms-tar-")
    make_tree(source)
    (source / LONG).parent.mkdir(parents=True)
    (source / LONG).write_text("long")
    set_time(source / LONG, 1_200_000_000)
    with tarfile.open(place / "x.tar", "w", format=kind) as tar:
        tar.add(source, ".")
    conf = (modules.load_line(modules.EXAMPLES / "mod_dav_tar.c", "dav_tar")
            + f'<Location "/tar">\nDavMultistatus tar\nDavTarFile "{place}/x.tar"\nRequire all granted\n</Location>')
    with clients.running(conf=conf) as server:
        def rclone(command, *arguments):
            remote = f":webdav,url='http://127.0.0.1:{server.port}/tar/',vendor=owncloud:"
            arguments = [remote + a[1:] if str(a).startswith("@") else a for a in arguments]
            return clients.run("rclone", "--config", os.devnull, "--transfers", "8", "--checkers", "8", "--retries", "1",
                               "--stats", "0", command, *arguments, cwd=tmp_path, seconds=100)
        files = {name for name, content in clients.tree(source).items() if content is not None}
        assert set(rclone("lsf", "-R", "--files-only", "@").splitlines()) == files
        assert rclone("cat", "@d0/odd é/100%.txt") == "100%.txt"
        rclone("copy", "@", "copy")
        assert {m for m, _, _ in clients.requests(server)} <= {"GET", "HEAD", "OPTIONS", "PROPFIND"}
    assert clients.tree(tmp_path / "copy") == clients.tree(source)
    assert clients.times(tmp_path / "copy") == clients.times(source)
