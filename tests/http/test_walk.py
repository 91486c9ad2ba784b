"""What a walk lists, leaves out, and survives: symbolic links, special files, folders that can't be read, changes."""

import os
import socket
import threading
import time

import pytest

from harness import ALLPROP, PROPNAME, RESOURCETYPE, prop_body


# -- files that are neither file nor folder


@pytest.fixture
def special(place):
    place.file("a.txt")
    os.mkfifo(place.path / "fifo", 0o666)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(place.path / "socket"))
    place.link("dangling", "nowhere")
    place.link("to-fifo", "fifo")
    place.file("z.txt")
    yield place
    bound.close()


@pytest.mark.parametrize("depth", ["1", "infinity"])
@pytest.mark.parametrize("body", [RESOURCETYPE, ALLPROP, PROPNAME, prop_body("displayname"), prop_body(("u", "x"))],
                         ids=["resourcetype", "allprop", "propname", "displayname", "unknown"])
def test_fifos_sockets_and_dangling_links_are_left_out(special, depth, body):
    # Whatever is asked: also where no stat is needed for the values.
    assert special.list(depth, body).names() == ["a.txt", "z.txt"]


@pytest.mark.root
def test_devices_are_left_out(place):
    try:
        os.mknod(place.path / "null", 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no device nodes here")
    assert place.list("1").names() == []


@pytest.mark.parametrize("name", ["fifo", "socket", "dangling"])
def test_asked_for_by_name_they_fail_at_once(special, name):
    special.server.expect_log(r"AH00(036|037|038|127|320|321)|AH01\d\d\d|doesn't point to a file or directory|type of file")
    # No GET: httpd's own default handler, which these are left to, waits for a fifo's writer.
    for depth in ("0", "1", "infinity"):
        assert special.try_propfind(name, depth).status in (403, 404)


# -- symbolic links


def linked(httpd, options):
    place = httpd(directory="Options " + options)
    place.file("file.txt", b"0123456789")
    place.file("folder/inside.txt")
    place.link("to-file", "file.txt")
    place.link("to-folder", "folder")
    (place.server.root / "outside").mkdir()
    (place.server.root / "outside/there.txt").write_text("there")
    place.link("to-outside", str(place.server.root / "outside"))
    return place


# A folder that is listed anyway is not entered by a link.
FOLLOWED = ["file.txt", "folder/", "folder/inside.txt", "to-file", "to-folder/", "to-outside/", "to-outside/there.txt"]


@pytest.mark.parametrize("body", [ALLPROP, prop_body("displayname"), prop_body(("u", "x")), PROPNAME])
def test_links_are_left_out_without_followsymlinks(httpd, body):
    assert linked(httpd, "None").list("infinity", body).below() == ["file.txt", "folder/", "folder/inside.txt"]


def test_links_are_followed_with_followsymlinks(httpd):
    place = linked(httpd, "FollowSymLinks")
    answer = place.list("infinity", ALLPROP)
    assert answer.below() == FOLLOWED
    assert answer["to-file"].text("getcontentlength") == "10"
    assert answer["to-file"].text("getetag") == place.get("to-file").get("ETag")
    assert answer["to-folder/"].is_collection


def test_a_linked_folder_is_a_collection_at_depth_1_whatever_is_asked(httpd):
    place = linked(httpd, "FollowSymLinks")
    for body in (prop_body("displayname"), prop_body(("u", "x")), PROPNAME):
        assert place.list("1", body).names() == ["file.txt", "folder/", "to-file", "to-folder/", "to-outside/"]


@pytest.mark.root
def test_links_are_followed_where_their_owner_is_their_target_s(httpd):
    place = linked(httpd, "SymLinksIfOwnerMatch")
    place.link("other-file", "file.txt")
    place.link("other-folder", "folder")
    for name in ("other-file", "other-folder"):
        os.chown(place.path / name, 12345, 12345, follow_symlinks=False)
    for body in (RESOURCETYPE, prop_body("displayname")):
        assert place.list("infinity", body).below() == FOLLOWED
    assert place.get("to-file").status == 200
    place.server.expect_log("AH00037|Symbolic link not allowed")
    assert place.get("other-file").status == 403


def test_a_link_asked_for_by_name_without_followsymlinks_is_403(httpd):
    place = linked(httpd, "None")
    place.server.expect_log("AH00037|Symbolic link not allowed")
    assert place.try_propfind("to-file").status == 403
    assert place.try_propfind("to-folder/", "1").status == 403


def test_a_sub_folder_may_have_other_options_for_links(httpd):
    place = httpd(directory="Options FollowSymLinks",
                  conf='<Directory "{data}/strict">\nOptions None\n</Directory>')
    place.file("strict/a.txt")
    place.file("loose/a.txt")
    for folder in ("strict", "loose"):
        place.link(folder + "/link", "a.txt")
    assert place.list("infinity").below() == ["loose/", "loose/a.txt", "loose/link", "strict/", "strict/a.txt"]


def test_a_link_out_of_the_tree_is_followed_as_get_follows_it(httpd):
    place = httpd()
    place.link("etc-hostname", "/etc/mime.types")
    place.server.expect_log("AH01630|client denied")
    listed = place.list("1").names()
    assert ("etc-hostname" in listed) == (place.get("etc-hostname").status == 200)


@pytest.mark.parametrize("targets", [["."], [".."], [".", "."], ["..", ".", "../sub"], [".", ".", ".", ".", "."]])
def test_a_cycle_of_links_ends(place, targets):
    place.file("sub/a.txt")
    for i, target in enumerate(targets):
        place.link(f"sub/loop{i}", target)
    place.file("z.txt")
    start = time.monotonic()
    answer = place.list("infinity")
    assert time.monotonic() - start < 10
    assert {"sub/", "sub/a.txt", "z.txt"} <= set(answer.below())
    assert len(answer) < 2000


def test_two_folders_that_link_to_each_other(place):
    place.file("a/in-a.txt")
    place.file("b/in-b.txt")
    place.link("a/to-b", "../b")
    place.link("b/to-a", "../a")
    answer = place.list("infinity")
    assert {"a/", "b/", "a/in-a.txt", "b/in-b.txt"} <= set(answer.below())
    assert len(answer) < 500


def test_a_link_to_itself_is_left_out(place):
    place.link("self", "self")
    place.file("a.txt")
    assert place.list("infinity").names() == ["a.txt"]


# -- what can't be read


@pytest.fixture
def locked(place):
    """b/ can't be listed; a/ and c/ can."""
    for folder in "abc":
        place.file(f"{folder}/x.txt")
    os.chmod(place.path / "b", 0)
    yield place
    os.chmod(place.path / "b", 0o755)


@pytest.mark.root
@pytest.mark.parametrize("body", [RESOURCETYPE, ALLPROP, prop_body("displayname")])
def test_a_folder_that_cannot_be_read_is_its_own_403_and_the_walk_goes_on(locked, body):
    answer = locked.list("infinity", body)
    assert answer.below() == ["a/", "a/x.txt", "b/", "c/", "c/x.txt"]
    assert answer["b/"].status == 403
    assert all(r.status is None for r in answer if not r.href.endswith("/b/"))


@pytest.mark.root
def test_at_depth_1_it_has_its_properties(locked):
    answer = locked.list("1")
    assert answer.names() == ["a/", "b/", "c/"]
    assert answer["b/"].is_collection


@pytest.mark.root
@pytest.mark.parametrize("depth", ["1", "infinity"])
def test_a_request_s_own_folder_that_cannot_be_read_is_plainly_403(locked, depth):
    # Nothing is sent yet, so it is a status and no 207.
    locked.server.expect_log(r"AH00035|AH00132|Permission denied")
    assert locked.try_propfind("b/", depth).status == 403


@pytest.mark.root
def test_a_folder_that_can_be_listed_but_not_searched(place):
    for name in ("a.txt", "b/x.txt", "b/y.txt", "c.txt"):
        place.file(name)
    os.chmod(place.path / "b", 0o744)
    answer = place.list("infinity", ALLPROP)
    os.chmod(place.path / "b", 0o755)
    assert {"a.txt", "b/", "c.txt"} <= set(answer.below())
    for name in ("b/x.txt", "b/y.txt"):
        if name in answer.below():
            assert answer[name[2:]].status == 403


@pytest.mark.root
def test_a_file_that_cannot_be_read_is_listed(place):
    place.file("secret.txt", b"12345", 0o600)
    assert place.propfind("", "1", ALLPROP)["secret.txt"].text("getcontentlength") == "5"


# -- what changes while it is walked


def test_a_listing_of_a_folder_that_changes_is_whole_and_well_formed(place):
    stable = [f"stable{i:03}" for i in range(200)]
    for name in stable:
        place.file(name)
    stop = threading.Event()

    def churn():
        i = 0
        while not stop.is_set():
            i += 1
            path = place.path / f"churn{i % 50}"
            if i % 3:
                path.mkdir(exist_ok=True)
                (path / "in").write_bytes(b"x")
                (path / "in").unlink()
                path.rmdir()
            else:
                path.write_bytes(b"x")
                path.unlink()
    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(30):
            listed = set(place.list("infinity", ALLPROP).below())
            assert set(stable) <= listed
    finally:
        stop.set()
        thread.join()


def test_a_folder_removed_while_the_answer_streams(place):
    import shutil
    for i in range(40):
        for j in range(40):
            place.file(f"d{i:02}/{'n' * 150}{j:02}")
    with place.server.connect(rcvbuf=4096) as connection:
        connection.send("PROPFIND", place.url, [("Depth", "infinity")])
        head = connection.read_head()
        shutil.rmtree(place.path)
        place.path.mkdir()
        head.body = b"".join(connection.pieces(head))
    head.multistatus(place.url)
