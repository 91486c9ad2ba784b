"""Every write against locks: on the resource, on its parent's member list, below it, and on the destination (RFC 4918
sections 7.1 to 7.6, 9.6.1, 9.8.3, 9.9)."""

import os
import threading
import time

import pytest

import writing
from locking import (ask_lock, database, error_hrefs, lock, lock_body, refused, rows, tagged, tokens_on,
                     unlock)


@pytest.fixture
def files(dav):
    dav.file("a.txt", b"a")
    dav.file("b.txt", b"b")
    dav.file("sub/c.txt", b"c")
    dav.file("sub/d.txt", b"d")
    dav.file("sub/deeper/e.txt", b"e")
    return dav


PROP = ("set", "<p xmlns='urn:example:dms'>1</p>")


def all_statuses(answer, dav):
    result = answer.multistatus()
    assert all(r.status for r in result), result.responses
    return {href[len(dav.url):]: r.status for r in result for href in r.hrefs}


# Each changes a.txt, or sub/c.txt, itself.
ON_A_FILE = {
    "PUT": lambda d, n, *h: d.put(n, b"new", *h),
    "PUT of a part": lambda d, n, *h: d.put(n, b"N", ("Content-Range", "bytes 0-0/*"), *h),
    "PROPPATCH": lambda d, n, *h: d.proppatch(n, PROP, headers=h),
    "DELETE": lambda d, n, *h: d.delete(n, *h),
    "MOVE away": lambda d, n, *h: d.move(n, "moved.txt", *h),
    "COPY over it": lambda d, n, *h: d.copy("b.txt", n, *h),
    "MOVE over it": lambda d, n, *h: d.move("b.txt", n, *h),
}


@pytest.mark.parametrize("scope", ["exclusive", "shared"])
@pytest.mark.parametrize("method", ON_A_FILE)
def test_a_locked_file(files, method, scope):
    held = lock(files, "a.txt", scope)
    before = files.tree()
    ask = ON_A_FILE[method]
    refused(ask(files, "a.txt"), held.root)
    assert files.tree() == before and files.dead("a.txt") == {}
    assert tokens_on(files, "a.txt") == {held.token}
    assert ask(files, "a.txt", held.tagged()).status // 100 == 2
    assert files.tree() != before or files.dead("a.txt")


@pytest.mark.parametrize("root", ["sub/", ""])
@pytest.mark.parametrize("method", ON_A_FILE)
def test_a_member_of_a_deep_lock(files, method, root):
    held = lock(files, root)
    before = files.tree()
    ask = ON_A_FILE[method]
    answer = ask(files, "sub/c.txt")
    assert set(error_hrefs(answer, "lock-token-submitted")) == {files.url + root}
    assert files.tree() == before and files.dead("sub/c.txt") == {}
    assert ask(files, "sub/c.txt", held.tagged()).status // 100 == 2


# Each changes what names are in sub/.
ON_THE_MEMBER_LIST = {
    "PUT of a new one": lambda d, *h: d.put("sub/new.txt", b"x", *h),
    "LOCK of a new one": lambda d, *h: ask_lock(d, "sub/new.txt", headers=h),
    "MKCOL": lambda d, *h: d.mkcol("sub/new/", *h),
    "DELETE of a file": lambda d, *h: d.delete("sub/c.txt", *h),
    "DELETE of a collection": lambda d, *h: d.delete("sub/deeper/", *h),
    "MOVE out": lambda d, *h: d.move("sub/c.txt", "out.txt", *h),
    "MOVE in": lambda d, *h: d.move("a.txt", "sub/in.txt", *h),
    "rename": lambda d, *h: d.move("sub/c.txt", "sub/renamed.txt", *h),
    "MOVE of a collection in": lambda d, *h: d.move("other/", "sub/in/", *h),
    "COPY in": lambda d, *h: d.copy("a.txt", "sub/in.txt", *h),
    "COPY of a collection in": lambda d, *h: d.copy("other/", "sub/in/", *h),
}


@pytest.mark.parametrize("depth", ["0", "infinity"])
@pytest.mark.parametrize("method", ON_THE_MEMBER_LIST)
def test_the_parent_s_member_list(files, method, depth):
    files.file("other/x.txt")
    held = lock(files, "sub/", depth=depth)
    before = files.tree()
    ask = ON_THE_MEMBER_LIST[method]
    answer = ask(files)
    if method == "LOCK of a new one" and depth == "infinity":
        error_hrefs(answer, "no-conflicting-lock")
        assert files.tree() == before
        return
    assert set(error_hrefs(answer, "lock-token-submitted")) == {files.url + "sub/"}
    assert files.tree() == before
    answer = ask(files, held.tagged())
    assert answer.status // 100 == 2, answer
    assert files.tree() != before


# These change no member list.
FREE_BELOW_A_SHALLOW_LOCK = {
    "PUT": lambda d: d.put("sub/c.txt", b"new"), "PROPPATCH": lambda d: d.proppatch("sub/c.txt", PROP),
    "LOCK": lambda d: ask_lock(d, "sub/c.txt"), "COPY from": lambda d: d.copy("sub/c.txt", "copy.txt"),
    "a member of a member": lambda d: d.put("sub/deeper/new.txt", b"x"),
    "deeper DELETE": lambda d: d.delete("sub/deeper/e.txt"), "deeper PROPPATCH": lambda d: d.proppatch("sub/deeper/", PROP),
    "deeper MKCOL": lambda d: d.mkcol("sub/deeper/new/"),
}


@pytest.mark.parametrize("method", FREE_BELOW_A_SHALLOW_LOCK)
def test_what_a_shallow_lock_leaves_free(files, method):
    lock(files, "sub/", depth="0")
    answer = FREE_BELOW_A_SHALLOW_LOCK[method](files)
    assert answer.status // 100 == 2, answer


@pytest.mark.parametrize("depth", ["0", "infinity"])
def test_a_locked_collection_itself(files, depth):
    held = lock(files, "sub/", depth=depth)
    refused(files.proppatch("sub/", PROP), held.root)
    assert set(error_hrefs(files.delete("sub/"), "lock-token-submitted")) == {held.root}
    assert set(error_hrefs(files.move("sub/", "other"), "lock-token-submitted")) == {held.root}
    assert files.dead("sub/") == {} and files.disk("sub").exists() and not files.disk("other").exists()
    assert files.patched("sub/", PROP, headers=[held.submit]).propstats[0].status == 200
    assert files.move("sub/", "other", held.submit).status == 201


def test_a_lock_on_the_parent_s_parent_matters_only_if_deep(files):
    lock(files, "", depth="0")
    assert files.put("sub/new.txt", b"x").status == 201
    assert files.delete("sub/c.txt").status == 204
    refused(files.put("new.txt", b"x"), files.url)
    refused(files.delete("a.txt"), files.url)
    refused(files.move("sub/d.txt", "d.txt"), files.url)
    refused(files.copy("sub/d.txt", "d.txt"), files.url)


# -- DELETE of a collection


def test_delete_leaves_a_locked_member_and_takes_the_rest(files):
    held = lock(files, "sub/deeper/e.txt")
    answer = files.delete("sub/")
    assert all_statuses(answer, files) == {"sub/deeper/e.txt": 423}  # no ancestor is told (9.6.1)
    assert files.tree() == {"a.txt": b"a", "b.txt": b"b", "sub": None, "sub/deeper": None, "sub/deeper/e.txt": b"e"}
    assert tokens_on(files, "sub/deeper/e.txt") == {held.token}
    assert files.delete("sub/", tagged((held.root, held.token))).status == 204
    assert files.tree() == {"a.txt": b"a", "b.txt": b"b"}
    assert rows(files.server, files.url) == 0


@pytest.mark.parametrize("depth", ["0", "infinity"])
def test_delete_leaves_a_locked_collection_whole(files, depth):
    held = lock(files, "sub/deeper/", depth=depth)
    assert all_statuses(files.delete("sub/"), files) == {"sub/deeper/": 423}
    assert files.tree("sub") == {"deeper": None, "deeper/e.txt": b"e"}
    assert tokens_on(files, "sub/deeper/") == {held.token}


def test_delete_with_several_locked_members(files):
    """Some of whose tokens are submitted, and names that need escapes."""
    names = ["sub/c.txt", "sub/sp%20ace.txt", "sub/%C3%A4.txt", "sub/x%25y/f%23.txt", "sub/deeper/e.txt"]
    for name in names:
        files.file(name)
    held = [lock(files, name) for name in names]
    mine = held[0], held[3]
    answer = files.delete("sub/", tagged(*((h.root, h.token) for h in mine)))
    stay = {h.root[len(files.url):] for h in held if h not in mine}
    assert set(all_statuses(answer, files).values()) == {423}
    assert {n.upper() for n in all_statuses(answer, files)} == {n.upper() for n in stay}
    assert set(files.tree("sub")) == {"sp ace.txt", "ä.txt", "deeper", "deeper/e.txt"}
    assert rows(files.server, files.url) == 3
    refused(files.put(names[1], b"x"), held[1].root)


def test_delete_with_two_shared_locks_on_a_member(files):
    one, two = lock(files, "sub/c.txt", "shared"), lock(files, "sub/c.txt", "shared")
    assert all_statuses(files.delete("sub/"), files) == {"sub/c.txt": 423}
    # One of them is enough to write, as it is with PUT.
    assert files.delete("sub/", tagged((one.root, one.token))).status == 204
    assert rows(files.server, files.url) == 0
    assert two.root == one.root


def test_move_with_two_shared_locks_on_a_member(files):
    one, _ = lock(files, "sub/c.txt", "shared"), lock(files, "sub/c.txt", "shared")
    refused(files.move("sub/", "other/"), one.root)
    assert files.move("sub/", "other/", tagged((one.root, one.token))).status == 201
    assert rows(files.server, files.url) == 0


def test_delete_with_the_token_of_a_deep_shared_lock_above_another(files):
    deep, one = lock(files, "sub/deeper/", "shared"), lock(files, "sub/deeper/e.txt", "shared")
    assert files.put("sub/deeper/e.txt", b"x", tagged((deep.root, deep.token))).status == 204  # it opens that file
    assert files.delete("sub/", tagged((deep.root, deep.token))).status == 204
    assert one.token not in tokens_on(files)


def test_delete_beside_a_lock_with_a_similar_name(files):
    files.file("sub2/x.txt")
    held = lock(files, "sub2/x.txt")
    assert files.delete("sub/").status == 204
    assert tokens_on(files, "sub2/x.txt") == {held.token}


# -- MOVE and COPY of a collection


def test_move_of_a_collection_with_a_locked_member_is_refused_whole(files):
    held = lock(files, "sub/deeper/e.txt")
    before = files.tree()
    refused(files.move("sub/", "other/"), held.root)
    assert files.tree() == before
    assert files.move("sub/", "other/", held.tagged()).status == 201
    assert tokens_on(files, "other/deeper/e.txt") == set()  # a lock does not travel
    assert rows(files.server, files.url) == 0


def test_move_names_all_the_locks_that_stand_in_the_way(files):
    roots = [lock(files, n).root for n in ("sub/c.txt", "sub/d.txt", "sub/deeper/")]
    assert set(error_hrefs(files.move("sub/", "other/"), "lock-token-submitted")) == set(roots)


@pytest.mark.parametrize("method", ["copy", "move"])
@pytest.mark.parametrize("locked", ["sub/deeper/e.txt", "sub/deeper/", "sub/"])
def test_a_collection_in_whose_place_something_comes(files, method, locked):
    held = lock(files, locked)
    files.file("other/x.txt")
    before = files.tree()
    refused(getattr(files, method)("other/", "sub/"), held.root)
    assert files.tree() == before
    assert getattr(files, method)("other/", "sub/", held.tagged()).status == 204
    assert files.tree("sub") == {"x.txt": b"hello\n"}


@pytest.mark.parametrize("method", ["copy", "move"])
def test_both_ends_of_a_transfer(files, method):
    source, target = lock(files, "a.txt"), lock(files, "b.txt")
    ask = getattr(files, method)
    refused(ask("a.txt", "b.txt", source.submit), target.root)
    if method == "move":
        refused(ask("a.txt", "b.txt", target.tagged()), source.root)
        assert ask("a.txt", "b.txt", tagged((source.root, source.token), (target.root, target.token))).status == 204
    else:
        assert ask("a.txt", "b.txt", target.tagged()).status == 204
    assert files.get("b.txt").body == b"a"


@pytest.mark.parametrize("root", ["a.txt", "sub/", ""])
def test_copy_does_not_need_the_source_s_token(dav_on, root):
    dav = dav_on()
    dav.file("in/a.txt")
    dav.file("in/sub/b.txt")
    dav.folder("out")
    lock(dav, "in/" + root)
    assert dav.copy("in/a.txt", "out/a.txt").status == 201
    assert dav.copy("in/sub/", "out/sub/").status == 201
    assert dav.copy("in/", "out/whole/").status == 201
    for name in ("out/", "out/a.txt", "out/sub/", "out/sub/b.txt", "out/whole/", "out/whole/a.txt", "out/whole/sub/b.txt"):
        assert tokens_on(dav, name) == set(), name  # nor is a lock copied
    assert dav.put("out/whole/a.txt", b"x").status == 204


def test_a_lock_does_not_travel(files):
    held = lock(files, "a.txt")
    assert files.move("a.txt", "moved.txt", held.submit).status == 201
    assert tokens_on(files, "moved.txt") == set()
    assert files.put("moved.txt", b"x").status == 204
    assert files.put("a.txt", b"x").status == 201  # a new one, unlocked
    assert tokens_on(files, "a.txt") == set()
    assert unlock(files, "a.txt", held.token).status == 409
    assert rows(files.server, files.url) == 0


def test_a_deep_lock_s_member_leaves_its_scope(files):
    held = lock(files, "sub/")
    assert files.move("sub/c.txt", "out.txt", held.tagged()).status == 201
    assert tokens_on(files, "out.txt") == set()
    assert files.put("out.txt", b"x").status == 204
    assert tokens_on(files, "sub/d.txt") == {held.token}


@pytest.mark.parametrize("method", ["copy", "move"])
def test_what_comes_into_a_deep_lock_s_scope_is_locked(files, method):
    held = lock(files, "sub/")
    files.file("other/x.txt")
    assert getattr(files, method)("a.txt", "sub/in.txt", held.tagged()).status == 201
    assert getattr(files, method)("other/", "sub/in/", held.tagged()).status == 201
    for name in ("sub/in.txt", "sub/in/", "sub/in/x.txt"):
        assert tokens_on(files, name) == {held.token}
        refused(files.proppatch(name, PROP), held.root)


@pytest.mark.parametrize("method", ["copy", "move"])
def test_the_destination_s_lock_stays_with_its_url(files, method):
    """9.9: what a move brings there is added to the lock that is there; so with a copy (litmus wants it so)."""
    held = lock(files, "b.txt")
    assert getattr(files, method)("a.txt", "b.txt", held.tagged()).status == 204
    assert tokens_on(files, "b.txt") == {held.token}
    refused(files.put("b.txt", b"x"), held.root)


# -- a lock dies with its resource


def test_delete_and_put_starts_unlocked(files):
    held = lock(files, "a.txt")
    assert files.delete("a.txt", held.submit).status == 204
    assert rows(files.server, files.url) == 0
    assert files.put("a.txt", b"x").status == 201
    assert tokens_on(files, "a.txt") == set()
    assert files.put("a.txt", b"x").status == 204


def test_a_deleted_collection_s_locks_die(files):
    held = lock(files, "sub/")
    assert files.delete("sub/", held.submit).status == 204
    assert rows(files.server, files.url) == 0
    assert files.mkcol("sub/").status == 201
    assert tokens_on(files, "sub/") == set()
    assert files.put("sub/c.txt", b"x").status == 201


def test_a_deep_lock_outlives_its_members(files):
    held = lock(files, "sub/")
    assert files.delete("sub/c.txt", held.tagged()).status == 204
    assert tokens_on(files, "sub/") == {held.token}
    assert files.put("sub/c.txt", b"x").status == 423
    assert files.put("sub/c.txt", b"x", held.tagged()).status == 201


def test_a_file_that_was_replaced_behind_the_server_s_back(files):
    """A lock is on a URL: who writes the disk does not end it."""
    held = lock(files, "a.txt")
    files.file("a.txt", b"other")
    refused(files.put("a.txt", b"x"), held.root)


# -- 412 comes before 423, and other errors before both


def test_a_false_condition_is_412_whatever_is_locked(files):
    lock(files, "a.txt")
    assert files.put("a.txt", b"x", ("If-Match", '"other"')).status == 412
    assert files.put("a.txt", b"x", ("If", '(["other"])')).status == 412
    assert files.put("a.txt", b"x", ("If-None-Match", "*")).status == 412


def test_what_can_t_be_done_anyway_needs_no_token(files):
    lock(files, "sub/")
    assert files.put("sub/", b"x").status == 405
    assert files.mkcol("sub/").status in (405, 423)
    assert files.delete("sub/none.txt").status == 404
    assert files.put("sub/none/x.txt", b"x").status in (409, 423)
    assert files.copy("sub/c.txt", "sub/c.txt").status == 403
    assert files.copy("a.txt", "sub/c.txt", ("Overwrite", "F")).status == 412


def test_protected_properties_of_locks(files):
    for name in ("lockdiscovery", "supportedlock"):
        response = files.patched("a.txt", ("set", f"<D:{name} xmlns:D='DAV:'/>"))
        assert response.propstats[0].status == 403, name


def test_the_body_of_a_423_names_the_root_once(files):
    lock(files, "sub/")
    refused(files.delete("sub/c.txt"), files.url + "sub/")  # which covers file and parent
    refused(files.move("sub/c.txt", "sub/x.txt"), files.url + "sub/")


def test_a_refused_upload_is_drained(files):
    """The connection can be used for the next request."""
    held = lock(files, "a.txt")
    with files.server.connect() as connection:
        for _ in range(3):
            answer = connection.ask("PUT", files.url + "a.txt", [], b"x" * 300_000)
            refused(answer, held.root)
        assert connection.ask("PUT", files.url + "a.txt", [held.submit], b"x" * 300_000).status == 204


def test_expect_100_continue_is_refused_at_once(files):
    lock(files, "a.txt")
    with files.server.connect(timeout=5) as connection:  # nothing is sent until it has said what it wants
        connection.send_head("PUT", files.url + "a.txt", [("Content-Length", "1000000"), ("Expect", "100-continue")])
        answer = connection.read_head()
        assert answer.status == 423 and 100 not in answer.interim


# -- between the check and the act


def test_a_lock_that_comes_during_an_upload(files):
    with files.server.connect() as connection:
        connection.send_head("PUT", files.url + "a.txt", [("Content-Length", "10")])
        connection.socket.sendall(b"12345")
        time.sleep(0.2)
        held = lock(files, "a.txt")
        connection.socket.sendall(b"67890")
        refused(connection.read_answer("PUT"), held.root)
    assert files.get("a.txt").body == b"a"


def test_a_lock_that_goes_during_an_upload(files):
    held = lock(files, "a.txt")
    with files.server.connect() as connection:
        connection.send_head("PUT", files.url + "a.txt", [("Content-Length", "10"), held.submit])
        connection.socket.sendall(b"12345")
        time.sleep(0.2)
        unlock(files, "a.txt", held.token)
        connection.socket.sendall(b"67890")
        assert connection.read_answer("PUT").status == 412  # its condition is false by now
    assert files.get("a.txt").body == b"a"


def test_a_lock_on_the_parent_that_comes_during_an_upload(files):
    with files.server.connect() as connection:
        connection.send_head("PUT", files.url + "sub/new.txt", [("Content-Length", "10")])
        connection.socket.sendall(b"12345")
        time.sleep(0.2)
        held = lock(files, "sub/", depth="0")
        connection.socket.sendall(b"67890")
        refused(connection.read_answer("PUT"), held.root)
    assert not files.disk("sub/new.txt").exists()


FOLDERS, FILES = 4, 400


def fill(dav):
    for i in range(FOLDERS):
        folder = dav.folder(f"big/d{i}")
        for k in range(FILES):
            (folder / f"f{k:03}").touch()
    writing.give(dav.disk("big"))
    return dav


@pytest.fixture
def big(dav):
    """A folder whose removal or copy takes a while."""
    return fill(dav)


def in_background(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    return thread, results


def test_a_lock_granted_during_a_delete_protects(big):
    """Of any resource, a DELETE of the collection and a LOCK can't both win: who got a 200 finds the file there, and
    no lock is left on what has gone."""
    for attempt in range(2):
        if attempt:
            fill(big)
        thread, results = in_background(lambda: big.delete("big/"))
        granted = []
        with big.server.connect() as connection:
            for k in range(0, FILES, 16):
                for i in range(FOLDERS):
                    name = f"big/d{i}/f{k:03}"
                    if not big.disk(name).exists():
                        continue
                    answer = connection.ask("LOCK", big.url + name, [("Content-Type", "text/xml")], lock_body())
                    assert answer.status in (200, 201, 409, 423, 404, 403), answer
                    if answer.status in (200, 201):  # 201: it was just gone, and is there again
                        granted.append((name, answer.get("Lock-Token")))
        thread.join()
        (answer,) = results
        lost = [name for name, _ in granted if not big.disk(name).exists()]
        assert not lost, f"{len(lost)} of {len(granted)} locked files were deleted ({answer.status}): {lost[:3]}"
        if granted:
            assert set(all_statuses(answer, big).values()) == {423}
        for name, token in granted:
            assert unlock(big, name, token[1:-1]).status == 204
        big.delete("big/")
        assert rows(big.server, big.url) == 0


@pytest.mark.parametrize("depth", ["0", "infinity"])
def test_a_lock_on_a_collection_granted_during_a_delete_protects(big, depth):
    """Also one that the DELETE is in the midst of: no member goes from then on, nor the collection."""
    def members(name):
        return set(os.listdir(big.disk(name))) if big.disk(name).exists() else None

    thread, results = in_background(lambda: big.delete("big/"))
    granted = {}
    with big.server.connect() as connection:
        while thread.is_alive():
            for name in (f"big/d{i}/" for i in range(FOLDERS) if f"big/d{i}/" not in granted):
                if not big.disk(name).exists():
                    continue
                answer = connection.ask("LOCK", big.url + name, [("Content-Type", "text/xml"), ("Depth", depth)],
                                        lock_body())
                assert answer.status in (200, 404, 409, 423, 403), answer
                if answer.status == 200:
                    granted[name] = answer.get("Lock-Token")[1:-1], members(name)
    thread.join()
    for name, (token, before) in granted.items():
        assert before is not None and members(name) == before, (
            f"{name} was locked with {before and len(before)} members, and now it has {members(name)}: {results}")
        assert tokens_on(big, name) == {token}
    if granted:
        told = all_statuses(results[0], big)
        assert set(told.values()) == {423}
        assert all(any(href.startswith(name) for href in told) for name in granted), told


def test_no_lock_is_left_on_what_has_gone(big):
    thread, results = in_background(lambda: big.delete("big/"))
    while thread.is_alive():
        ask_lock(big, "big/", depth="0")
        ask_lock(big, "big/d0/", depth="0")
    thread.join()
    with database(big.server) as db:
        left = [uri for (uri,) in db.execute("SELECT uri FROM lock WHERE substr(uri, 1, ?) = ?", (len(big.url), big.url))]
    assert [uri for uri in left if not big.disk(uri[len(big.url):]).exists()] == [], results


def test_a_lock_granted_during_a_copy_over_it_protects(big):
    """The destination is asked again when the copy is put in place."""
    big.file("target/t.txt")
    thread, results = in_background(lambda: big.copy("big/", "target/"))
    time.sleep(0.02)
    answer = ask_lock(big, "target/t.txt")
    thread.join()
    if answer.status == 200 and results[0].status != 204:
        refused(results[0], big.url + "target/t.txt")
        assert big.tree("target") == {"t.txt": b"hello\n"}
        assert big.delete("target/", tagged((big.url + "target/t.txt", answer.get("Lock-Token")[1:-1]))).status == 204
    else:
        assert answer.status in (200, 404, 409, 201), answer
    assert [n for n in big.tree() if n.startswith(".dav-multistatus")] == []
