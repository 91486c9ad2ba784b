"""davix (CERN): put, get, ls, mkdir, mv, rm, whole folders, and what it does with `Expect: 100-continue`."""

import pytest

import clients


@pytest.fixture(scope="module")
def server():
    with clients.running() as server:
        yield server


@pytest.fixture
def davix(server, tmp_path):
    for path in server.data.iterdir():
        clients.run("rm", "-rf", path, cwd=tmp_path)

    def run(command, *arguments, status=0):
        arguments = [clients.url(server, a[1:]) if str(a).startswith("@") else a for a in arguments]
        return clients.run("davix-" + command, *arguments, cwd=tmp_path, status=status)
    return run


def test_put_get_ls_rm(server, davix, tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "up.bin").write_bytes(content)
    davix("put", "up.bin", "@up.bin")
    assert (server.data / "up.bin").read_bytes() == content
    davix("put", "up.bin", "@up.bin")  # again, over it
    davix("get", "@up.bin", "down.bin")
    assert (tmp_path / "down.bin").read_bytes() == content
    told = davix("ls", "-l", "@")
    assert "up.bin" in told and str(len(content)) in told
    davix("mkdir", "@dir")
    assert (server.data / "dir").is_dir()
    assert any(line.startswith("d") and line.endswith("dir") for line in davix("ls", "-l", "@").splitlines())
    davix("rm", "@up.bin")
    assert clients.tree(server.data) == {"dir": None}
    davix("rm", "@dir")
    assert clients.tree(server.data) == {}


def test_names_that_need_escapes(server, davix, tmp_path):
    (tmp_path / "s").write_text("x")
    davix("put", "s", "@sp%20ace%20%C3%A9.txt")
    assert clients.tree(server.data) == {"sp ace é.txt": b"x"}
    assert "sp%20ace%20%c3%a9.txt" in davix("ls", "@").lower()
    davix("rm", "@sp%20ace%20%C3%A9.txt")


def test_move(server, davix, tmp_path):
    """davix-mv of 0.8.4 ends with 255 whatever the server says, with mod_dav_fs, too: what it did counts."""
    (tmp_path / "m").write_text("moved")
    davix("put", "m", "@m1.txt")
    davix("mv", "@m1.txt", "@m2.txt", status=None)
    assert clients.tree(server.data) == {"m2.txt": b"moved"}
    assert ("MOVE", "/dav/m1.txt", 201) in clients.requests(server)


def test_copy(server, davix, tmp_path):
    """davix-cp expects the progress reports of third-party copies, which no WebDAV server sends: what it did counts."""
    (tmp_path / "c").write_text("copied")
    davix("put", "c", "@c1.txt")
    davix("cp", "@c1.txt", "@c2.txt", status=None)
    assert clients.tree(server.data) == {"c1.txt": b"copied", "c2.txt": b"copied"}


def test_a_whole_folder(server, davix, tmp_path):
    """davix-put -r ends with 255, too."""
    for i in range(30):
        path = tmp_path / f"tree/d{i % 3}/f{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(i))
    davix("put", "-r", "4", "tree", "@tree", status=None)
    assert clients.tree(server.data / "tree") == clients.tree(tmp_path / "tree")
    davix("rm", "-r", "4", "@tree")
    assert not (server.data / "tree").exists()


def test_what_is_not_there(davix, tmp_path):
    (tmp_path / "x").write_text("x")
    assert davix("get", "@none.txt", "y", status=None) is not None
    assert not (tmp_path / "y").exists() or (tmp_path / "y").read_bytes() == b""
    assert "404" in davix("rm", "@none.txt", status=None) or "not found" in davix("rm", "@none.txt", status=None).lower()
