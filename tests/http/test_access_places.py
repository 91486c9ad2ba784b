"""Where a URL leads: roots of Aliases, what lies across them, links that each level's Options allow, and folders that link
to each other."""

import os

import pytest

import harness
import writing
from harness import RESOURCETYPE

CONF = """
Alias "/files/inner" "{root}/elsewhere"
Alias "/files/one.txt" "{root}/elsewhere/other.txt"
AliasMatch "^/files/(by-.*)$" "{root}/elsewhere/$1"
ProxyPass "/files/proxied" "http://127.0.0.1:1/"
ProxyPassMatch "^/files/(far.*)$" "http://127.0.0.1:1/$1"
Alias "/files" "{data}"
Alias "/missing" "{root}/missing"
<Directory "{root}/elsewhere">
    Require all granted
</Directory>
<Directory "{root}/missing">
    Require all granted
</Directory>
<Location "/">
    DavMultistatus On
    Require all granted
</Location>
<Location "/files/off">
    DavMultistatus Off
</Location>
<Directory "{data}/strict">
    Options None
</Directory>
<Directory "{data}/owned">
    Options SymLinksIfOwnerMatch
</Directory>
"""


@pytest.fixture(scope="module")
def started():
    server = harness.Server(conf=CONF, dav=False, modules=["proxy", "proxy_http"])
    for name in ("elsewhere", "htdocs"):
        (server.root / name).mkdir()
        (server.root / name / "other.txt").write_text("other")
    server.conf_parts = (server.conf_parts[0] + f'DocumentRoot "{server.root}/htdocs"\n', *server.conf_parts[1:])
    writing.give(server.root / "elsewhere")
    writing.give(server.root / "htdocs")
    writing.give(server.data)
    server.start()
    yield server
    wrong = server.stop()
    server.remove()
    assert not wrong, wrong


@pytest.fixture
def files(started):
    dav = writing.Dav(started, started.data, "/files/")
    for name in os.listdir(started.data):
        path = started.data / name
        writing.shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    dav.file("a.txt", b"a")
    yield dav
    assert not writing.leftovers(started.data)


def test_the_root_of_an_alias_neither_goes_nor_is_replaced(files):
    dav, server = files, files.server
    files.file("src/b.txt", b"b")
    before = dav.tree()
    for url in ("/files/", "/files", "/files/inner/", "/files/inner", "/files/one.txt", "/"):
        assert server.ask("DELETE", url).status == 403, url
        assert server.ask("MOVE", url, [("Destination", "/files/new")]).status == 403, url
    for url in ("/files/", "/files/inner/", "/"):
        for method in ("COPY", "MOVE"):
            assert server.ask(method, "/files/src/", [("Destination", url)]).status == 403, (method, url)
            assert server.ask(method, "/files/a.txt", [("Destination", url)]).status == 403, (method, url)
    assert dav.tree() == before and (server.root / "elsewhere/other.txt").read_text() == "other"
    assert server.ask("PUT", "/files/one.txt", [], b"other").status == 204  # its content is a matter of rights
    assert server.ask("COPY", "/files/inner/", [("Destination", "/files/copied/")]).status == 201
    assert dav.tree("copied") == {"other.txt": b"other"}


def test_what_an_alias_hides_is_nobodys(files):
    """Each is there on the disk, and no URL leads to it."""
    for name in ("top/x.txt", "inner/secret.txt", "off/in.txt", "by-pattern.txt", "proxied/in.txt", "far", "far-folder/in.txt"):
        files.file(name, b"x")
    files.file("one.txt", b"shadowed")
    before = files.tree()
    below = files.propfind("", "infinity", RESOURCETYPE).below()
    assert not {"inner/secret.txt", "proxied/in.txt", "far-folder/in.txt"} & set(below)
    answer = files.server.ask("COPY", "/files/", [("Destination", "/copied/")])
    htdocs = files.server.root / "htdocs"
    assert answer.status == 207
    names = {r.path for r in answer.multistatus()}
    assert names == {b"/files/" + n for n in (b"inner/", b"one.txt", b"off/", b"by-pattern.txt", b"proxied/", b"far", b"far-folder/")}
    assert sorted(str(p.relative_to(htdocs)) for p in htdocs.rglob("*")) == [
        "copied", "copied/a.txt", "copied/top", "copied/top/x.txt", "other.txt"]
    assert files.tree() == before
    writing.shutil.rmtree(htdocs / "copied")


@pytest.mark.parametrize("folder", ["strict", "owned"])
def test_a_copy_follows_links_by_the_options_of_each_folder(files, folder):
    secret = files.server.root / "elsewhere/secret.txt"
    secret.write_text("secret")
    (files.server.root / "elsewhere/dir").mkdir(exist_ok=True)
    (files.server.root / "elsewhere/dir/in.txt").write_text("secret")
    files.file(f"{folder}/plain.txt", b"p")
    files.file("loose/plain.txt", b"p")
    for name in (folder, "loose"):
        os.symlink(secret, files.disk(f"{name}/link"))
        os.symlink(secret.parent / "dir", files.disk(f"{name}/linked"))
        for link in ("link", "linked"):
            os.chown(files.disk(f"{name}/{link}"), 12345, 12345, follow_symlinks=False) if harness.IS_ROOT else None
    if not harness.IS_ROOT and folder == "owned":
        pytest.skip("all links are their owner's")
    files.server.ask("COPY", "/files/", [("Destination", "/all/")])
    copied = files.server.root / "htdocs/all"
    assert sorted(os.listdir(copied / folder)) == ["plain.txt"]
    assert sorted(os.listdir(copied / "loose")) == ["link", "linked", "plain.txt"]
    writing.shutil.rmtree(copied)


def knot(top, names):
    """Folders with a file each, and links from each to all others."""
    for name in names:
        (top / name).mkdir(parents=True)
        (top / name / "f.txt").write_text(name)
        for other in names:
            if other != name:
                os.symlink(top / other, top / name / ("to-" + other))


NAMES = [f"d{i}" for i in range(8)]


def test_folders_that_link_to_each_other_are_entered_once(files):
    knot(files.path / "knot", NAMES)
    writing.give(files.path / "knot")
    listing = files.propfind("knot/", "infinity", RESOURCETYPE)
    assert len(listing) == 1 + 8 + 8 + 8 * 7
    answer = files.copy("knot/", "copied/")
    assert answer.status == 207 and len(answer.multistatus()) == 8 * 7
    assert sorted(files.tree("copied")) == sorted(NAMES + [n + "/f.txt" for n in NAMES])
    assert files.delete("knot/").status == 204
    assert not files.disk("knot").exists()


def test_so_are_those_outside(files):
    top = files.server.root / "elsewhere/knot"
    knot(top, NAMES)
    writing.give(top)
    files.folder("in")
    for name in NAMES[:3]:
        os.symlink(top / name, files.disk(f"in/{name}"))
    os.symlink(top, files.disk("in/z"))
    listing = files.propfind("in/", "infinity", RESOURCETYPE).below()
    assert len(listing) == len(set(listing)) < 8 + 8 * 9 + 8
    assert sum(name.endswith("f.txt") for name in listing) == 8
    assert files.copy("in/", "copied/").status == 207
    assert sum(name.endswith("f.txt") for name in files.tree("copied")) == 8
    writing.shutil.rmtree(top)
