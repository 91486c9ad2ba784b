"""python3-webdavclient: all of its calls. It asks by HEAD whether a thing is there before it does anything with it."""

import io

import pytest

import clients

webdav = pytest.importorskip("webdav3.client")

COLOR = {"namespace": "urn:example", "name": "color"}


@pytest.fixture(scope="module")
def server():
    """Without mod_autoindex's page, and on for /dav without a slash, too, which free() asks for."""
    with clients.running(directory="Options FollowSymLinks", conf=clients.WITHOUT_SLASH) as server:
        yield server


@pytest.fixture
def client(server, tmp_path):
    for path in server.data.iterdir():
        clients.run("rm", "-rf", path, cwd=tmp_path)
    return webdav.Client({"webdav_hostname": f"http://127.0.0.1:{server.port}", "webdav_root": "/dav/"})


@pytest.fixture
def local(tmp_path):
    (tmp_path / "up/sub dir").mkdir(parents=True)
    (tmp_path / "up/sub dir/ü.txt").write_text("deep")
    (tmp_path / "up/empty").write_bytes(b"")
    (tmp_path / "up/a.txt").write_text("a")
    return tmp_path


def test_looking(client):
    assert client.check() and not client.check("d")
    assert client.mkdir("d") and client.mkdir("d")  # the second time it is a 405, which it takes for done
    assert client.check("d") and client.check("d/")
    client.upload_to(b"bytes", "d/f é.txt")
    assert client.is_dir("d") and client.is_dir("d/") and not client.is_dir("d/f é.txt")
    assert client.list() == ["d/"] and client.list("d") == ["f é.txt"]
    (told,) = client.list("d", get_info=True)
    assert (told["path"], told["size"], told["isdir"]) == ("/dav/d/f é.txt", "5", False)
    told = client.info("d/f é.txt")
    assert (told["name"], told["size"], told["content_type"]) == ("f é.txt", "5", "text/plain")
    assert told["created"] and told["modified"] and told["etag"]
    assert client.info("d")["name"] == "d"
    with pytest.raises(webdav.RemoteResourceNotFound):
        client.info("none")
    with pytest.raises(webdav.RemoteParentNotFound):
        client.mkdir("none/d")


def test_up_and_down(server, client, local):
    client.upload_sync("d", local / "up")
    client.upload_sync("d", local / "up")  # deletes what is there first
    assert clients.tree(server.data / "d") == clients.tree(local / "up")
    client.download_sync("d", local / "down")
    assert clients.tree(local / "down") == clients.tree(local / "up")
    client.upload_file("d/a.txt", local / "up/a.txt", progress=lambda *_: None)  # chunked
    assert (server.data / "d/a.txt").read_text() == "a"
    buffer = io.BytesIO()
    client.download_from(buffer, "d/empty")  # wants a Content-Length
    client.download_from(buffer, "d/sub dir/ü.txt")
    assert buffer.getvalue() == b"deep" == b"".join(client.download_iter("d/sub dir/ü.txt"))


def test_push_and_pull(server, client, local):
    client.mkdir("d")
    client.upload_to(b"theirs", "d/theirs.txt")
    assert client.pull("d", str(local / "up"))
    assert (local / "up/theirs.txt").read_text() == "theirs"
    client.push("d", str(local / "up"))
    assert len(clients.tree(server.data / "d")) > 1  # (it ends with the first that it sends)


def test_copy_move_and_clean(server, client):
    client.mkdir("d")
    client.upload_to(b"1", "d/1")
    client.copy("d/1", "d/2 ö")
    client.move("d/2 ö", "d/3")
    with pytest.raises(webdav.ResponseErrorCode, match="412"):
        client.move("d/3", "d/1")
    client.move("d/3", "d/1", overwrite=True)
    client.copy("d/", "e/", depth="infinity")  # (its default, 1, is nothing that COPY knows)
    with pytest.raises(webdav.ResponseErrorCode, match="400"):
        client.copy("d/", "f/")
    client.move("e/", "g/")
    assert clients.tree(server.data) == {"d": None, "d/1": b"1", "g": None, "g/1": b"1"}
    client.clean("d/1")
    client.clean("d")
    client.clean("g/")
    assert clients.tree(server.data) == {}


def test_properties(client):
    """Labelled application/x-www-form-urlencoded."""
    client.mkdir("d")
    client.upload_to(b"12345", "d/f")
    for name in "d/", "d/f":
        client.set_property(name, {**COLOR, "value": "red"})
        assert client.get_property(name, COLOR) == "red"
    client.set_property_batch("d/f", [{**COLOR, "value": "blue"}, {"name": "plain", "value": "1"}])
    assert (client.get_property("d/f", COLOR), client.get_property("d/f", {"name": "plain"})) == ("blue", "1")
    assert client.get_property("d/f", {"namespace": "DAV:", "name": "getcontentlength"}) == "5"


def test_free(server, client):
    disk = clients.os.statvfs(server.data)
    assert abs(int(client.free()) - disk.f_bavail * disk.f_frsize) < 1 << 30


def test_resources(server, client, tmp_path):
    client.upload_to(b"r", "r")
    resource = client.resource("r")
    resource.rename("s")
    assert resource.check() and not resource.is_dir() and resource.info(["size"]) == {"size": "1"}
    resource.copy("t").write(tmp_path / "t")
    assert (tmp_path / "t").read_text() == "r"
    (tmp_path / "t").write_text("t")
    resource.read(tmp_path / "t")
    resource.move("u")
    resource.set_property(dict(COLOR), "red")
    assert resource.get_property(COLOR) == "red"
    assert clients.tree(server.data) == {"t": b"r", "u": b"t"}
    resource.clean()
    assert not resource.check()
