"""LOCK: new locks, their conflicts, their refresh (RFC 4918 sections 6, 7.3, 9.10, 10.7)."""

import time

import pytest

import writing
from harness import ALLPROP, RESOURCETYPE
from locking import (DISCOVERY, answered, ask_lock, error_hrefs, lock, lock_body, locks_on, refresh, refused, rows,
                     start_again, tokens_on, unlock)


@pytest.fixture
def files(dav):
    dav.file("a.txt")
    dav.file("sub/b.txt")
    dav.file("sub/deeper/c.txt")
    return dav


# -- a new lock


def test_lock_of_a_file(files):
    held = lock(files, "a.txt", status=200)
    active = held.active
    assert (active.scope, active.root) == ("exclusive", files.url + "a.txt")
    assert locks_on(files, "a.txt")[0].token == held.token
    assert tokens_on(files, "sub/") == set() == tokens_on(files)
    assert files.get("a.txt").body == b"hello\n"


@pytest.mark.parametrize("scope", ["exclusive", "shared"])
@pytest.mark.parametrize("depth", ["0", "infinity", "Infinity", None])
@pytest.mark.parametrize("name", ["a.txt", "sub/"])
def test_scope_and_depth_are_kept(files, scope, depth, name):
    held = lock(files, name, scope, depth, status=200)
    for active in (held.active, *locks_on(files, name)):
        assert active.scope == scope
        assert active.depth == ("0" if depth == "0" else "infinity")  # absent is infinity
        assert active.root == files.url + name


@pytest.mark.parametrize("depth", ["1", "2", "", "0,infinity", "infinite", "-1"])
def test_other_depths_are_400(files, depth):
    assert ask_lock(files, "sub/", depth=depth).status == 400
    assert tokens_on(files, "sub/") == set()


def test_a_deep_lock_is_on_everything_below(files):
    held = lock(files, "sub/")
    for name in ("sub/", "sub/b.txt", "sub/deeper/", "sub/deeper/c.txt"):
        (active,) = locks_on(files, name)
        assert (active.token, active.depth, active.root) == (held.token, "infinity", files.url + "sub/")
    files.put("sub/new.txt", b"x", held.tagged())
    assert tokens_on(files, "sub/new.txt") == {held.token}  # what comes into it, too
    assert tokens_on(files, "a.txt") == set() == tokens_on(files)


def test_a_shallow_lock_is_on_the_collection_alone(files):
    held = lock(files, "sub/", depth="0")
    assert tokens_on(files, "sub/") == {held.token}
    assert tokens_on(files, "sub/b.txt") == set() == tokens_on(files, "sub/deeper/c.txt")


def test_a_name_that_only_begins_like_the_locked_one_is_free(files):
    files.file("sub2/x.txt")
    files.file("sub.txt")
    lock(files, "sub/")
    for name in ("sub2/", "sub2/x.txt", "sub.txt"):
        assert tokens_on(files, name) == set()
    lock(files, "sub2/")


def test_the_collection_s_url_without_its_slash(files):
    held = lock(files, "sub", status=200)
    assert held.root == files.url + "sub/"
    assert tokens_on(files, "sub/") == {held.token}


@pytest.mark.parametrize("name, root", [("a%20b.txt", "a%20b.txt"), ("%C3%A4%E2%82%AC.txt", "%C3%A4%E2%82%AC.txt"),
                                        ("%41.txt", "A.txt"), ("a%25b%26c;d.txt", None), ("x%3Fy%23z.txt", None),
                                        ("%FF%FE.txt", "%FF%FE.txt"), ("don't%3Cdo%3E.txt", None)])
def test_names_that_need_escapes(files, name, root):
    files.file(name)
    held = lock(files, name, status=200)
    if root:
        assert held.root.upper() == (files.url + root).upper()  # %e4 is as good as %E4
    assert tokens_on(files, name) == {held.token} == {a.token for a in locks_on(files, held.root[len(files.url):])}
    refused(files.put(name, b"x"), held.root)
    assert files.put(name, b"x", held.tagged()).status == 204
    assert unlock(files, name, held.token).status == 204


def test_the_token_is_random(files):
    tokens = [lock(files, "a.txt", "shared").token for _ in range(50)]
    assert len(set(tokens)) == 50
    # Each of the 122 random bits is seen in both states.
    numbers = [int(t[9:].replace("-", ""), 16) for t in tokens]
    fixed = 0xF << 76 | 0x3 << 62
    mask = (1 << 128) - 1 ^ fixed
    ones = zeros = 0
    for n in numbers:
        ones, zeros = ones | n, zeros | ~n
    assert ones & mask == mask and zeros & mask == mask
    assert tokens_on(files, "a.txt") == set(tokens)


def test_lock_token_is_there_for_a_new_lock_only(files):
    held = lock(files, "a.txt")
    again = refresh(files, "a.txt", held.token)
    assert again.status == 200 and again.get("Lock-Token") is None


OWNERS = ["<D:href>mailto:a@example.org</D:href>", "plain text", "", "<x:a xmlns:x='urn:x' b='1'>two <x:c/> three</x:a>",
          "Öwner &amp; &lt;sons&gt; \U0001f512", "  spaces  kept  ", "<a xmlns=''>no namespace</a>",
          "<y xmlns='urn:y' xml:lang='de'>z</y>"]


@pytest.mark.parametrize("owner", OWNERS)
def test_the_owner_is_kept_as_it_came(files, owner):
    expected = writing.shape(writing.parse(f"<D:owner xmlns:D='DAV:'>{owner}</D:owner>".encode()))
    held = lock(files, "a.txt", owner=owner)
    assert writing.shape(held.active.owner) == expected
    (active,) = locks_on(files, "a.txt")
    assert writing.shape(active.owner) == expected
    (active,) = answered(refresh(files, "a.txt", held.token))
    assert writing.shape(active.owner) == expected


def test_an_owner_with_attributes_and_prefixes_from_outside(files):
    body = ('<D:lockinfo xmlns:D="DAV:" xmlns:o="urn:outside"><D:lockscope><D:exclusive/></D:lockscope><D:locktype>'
            '<D:write/></D:locktype><D:owner o:kind="robot"><o:name>R2</o:name></D:owner></D:lockinfo>')
    assert files.ask("LOCK", "a.txt", [("Content-Type", "text/xml")], body).status == 200
    (active,) = locks_on(files, "a.txt")
    assert writing.shape(active.owner) == writing.shape(writing.parse(
        b'<D:owner xmlns:D="DAV:" xmlns:o="urn:outside" o:kind="robot"><o:name>R2</o:name></D:owner>'))


def test_no_owner(files):
    assert lock(files, "a.txt", owner=None).active.owner is None
    assert locks_on(files, "a.txt")[0].owner is None


def test_a_long_owner(files):
    text = "long " * 800
    lock(files, "a.txt", owner=text)
    assert locks_on(files, "a.txt")[0].owner.text == text
    assert ask_lock(files, "sub/b.txt", owner=text + "long " * 20).status == 413
    assert locks_on(files, "sub/b.txt") == []


@pytest.mark.parametrize("body", [
    "<D:lockinfo xmlns:D='DAV:'/>",
    "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo>",
    "<D:lockinfo xmlns:D='DAV:'><D:locktype><D:write/></D:locktype></D:lockinfo>",
    "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:odd/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>",
    "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:shared/></D:lockscope><D:locktype><D:read/></D:locktype></D:lockinfo>",
    "<D:propfind xmlns:D='DAV:'><D:allprop/></D:propfind>", "<D:lockinfo xmlns:D='DAV:'>", "not xml",
    "<lockinfo><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>"])
def test_a_malformed_body_is_400_and_makes_nothing(files, body):
    for name in ("a.txt", "new.txt"):
        assert files.ask("LOCK", name, [("Content-Type", "application/xml")], body).status == 400, name
    assert files.get("new.txt").status == 404
    assert tokens_on(files, "a.txt") == set()


def test_elements_that_are_unknown_are_ignored(files):
    body = ("<lockinfo xmlns='DAV:'><x xmlns='urn:x'/><locktype><write/></locktype><lockscope><shared/></lockscope>"
            "<future>yes</future></lockinfo>")
    assert files.ask("LOCK", "a.txt", [("Content-Type", "text/xml")], body).status == 200
    assert locks_on(files, "a.txt")[0].scope == "shared"


def test_lock_of_a_page_that_has_conditions(files):
    etag = files.etag("a.txt")
    assert ask_lock(files, "a.txt", headers=[("If-Match", '"other"')]).status == 412
    assert ask_lock(files, "a.txt", headers=[("If", '(["other"])')]).status == 412
    assert ask_lock(files, "new.txt", headers=[("If-Match", "*")]).status == 412
    assert files.get("new.txt").status == 404
    assert tokens_on(files, "a.txt") == set()
    lock(files, "a.txt", headers=[("If-Match", etag)])


# -- a name that is not there


@pytest.mark.parametrize("depth", ["0", "infinity", None])
def test_an_unmapped_url_becomes_an_empty_file(files, depth):
    held = lock(files, "new.txt", depth=depth, status=201)
    assert files.disk("new.txt").read_bytes() == b""
    answer = files.get("new.txt")
    assert (answer.status, answer.body) == (200, b"")
    listing = files.propfind("", "1", RESOURCETYPE)
    assert "new.txt" in listing.names() and not listing["new.txt"].is_collection
    refused(files.put("new.txt", b"x"), held.root)
    assert files.put("new.txt", b"content", held.submit).status == 204
    assert unlock(files, "new.txt", held.token).status == 204
    assert files.get("new.txt").body == b"content"  # no lock-null: it stays
    assert files.delete("new.txt").status == 204


def test_an_unmapped_url_s_lock_may_simply_go(files):
    held = lock(files, "new.txt", status=201)
    assert unlock(files, "new.txt", held.token).status == 204
    assert (files.get("new.txt").status, files.get("new.txt").body) == (200, b"")


def test_a_missing_parent_is_409(files):
    assert ask_lock(files, "nowhere/new.txt").status == 409
    assert ask_lock(files, "a.txt/new.txt").status in (403, 404, 409)
    assert not files.disk("nowhere").exists()
    assert rows(files.server, files.url) == 0


def test_an_unmapped_url_with_a_slash_makes_nothing(files):
    assert ask_lock(files, "newfolder/").status in (403, 404, 405, 409)
    assert not files.disk("newfolder").exists()
    assert rows(files.server, files.url) == 0


def test_an_unmapped_url_has_none_of_the_properties_of_one_that_was_there(files):
    files.file("old.txt")
    files.set("old.txt", color="red")
    files.disk("old.txt").unlink()  # behind the server's back
    lock(files, "old.txt", status=201)
    assert files.dead("old.txt") == {}


def test_a_name_in_a_shallowly_locked_collection_needs_its_token(files):
    held = lock(files, "sub/", depth="0")
    refused(ask_lock(files, "sub/new.txt"), files.url + "sub/")
    assert not files.disk("sub/new.txt").exists()
    lock(files, "sub/new.txt", headers=[held.tagged()], status=201)
    lock(files, "sub/b.txt", status=200)  # no member is added


def test_a_refused_lock_makes_nothing(files):
    lock(files, "sub/")
    answer = ask_lock(files, "sub/new.txt")
    assert error_hrefs(answer, "no-conflicting-lock") == [files.url + "sub/"]
    assert not files.disk("sub/new.txt").exists()


# -- timeouts


@pytest.mark.parametrize("wanted, seconds", [
    (None, 600), ("Second-1800", 1800), ("Second-4100000000", 86400), ("Infinite", 86400),
    ("Infinite, Second-4100000000", 86400), ("Second-600", 600), ("Second-100, Infinite", 100),
    ("Infinite,Second-100", 86400), ("second-77", 77), ("SECOND-77", 77), ("infinite", 86400), ("Second-86401", 86400),
    ("Second-99999999999999999999999", 86400), ("Extended-7, Second-55", 55), ("nonsense", 600), ("Second-", 600),
    ("Second-x", 600), ("", 600), ("Second-4294967296", 86400)])
def test_timeout(files, wanted, seconds):
    held = lock(files, "a.txt", timeout=wanted)
    assert seconds - 5 <= held.active.seconds <= seconds
    (active,) = locks_on(files, "a.txt")
    assert seconds - 5 <= active.seconds <= seconds


def test_a_timeout_of_no_time(files):
    held = lock(files, "a.txt", timeout="Second-0")  # what is a lock that has gone? it lives a second at least
    assert held.active.seconds is not None and held.active.seconds <= 5


def test_the_timeout_shown_is_what_remains(files):
    lock(files, "a.txt", timeout="Second-100")
    time.sleep(2.1)
    (active,) = locks_on(files, "a.txt")
    assert 93 <= active.seconds <= 98


@pytest.mark.parametrize("directive, expected", [
    ("1200", {None: 1200, "Infinite": 86400, "Second-100000": 86400, "Second-7": 7}),
    ("100 200", {None: 100, "Infinite": 200, "Second-150": 150, "Second-999": 200}),
    ("300 300", {None: 300, "Infinite": 300, "Second-301": 300}),
    ("0 0", {None: None, "Infinite": None, "Second-60": 60}),
    ("60 0", {None: 60, "Infinite": None, "Second-4100000000": 4100000000}),
    ("200000", {None: 200000, "Infinite": 200000})])
def test_configured_timeouts(dav_on, directive, expected):
    dav = dav_on(location=f"DavMultistatusLockTimeout {directive}")
    for i, (wanted, seconds) in enumerate(expected.items()):
        held = lock(dav, f"{i}.txt", timeout=wanted, status=201)
        (shown,) = locks_on(dav, f"{i}.txt")
        for active in (held.active, shown):
            if seconds is None:
                assert active.timeout == "Infinite"
            else:
                assert seconds - 5 <= active.seconds <= seconds, (wanted, active)


def test_timeouts_are_a_section_s_own(dav_on):
    dav = dav_on(conf='<Location "/dav/short/">\nDavMultistatusLockTimeout 10 20\n</Location>\n')
    dav.folder("short")
    assert lock(dav, "short/a.txt").active.seconds <= 10
    assert lock(dav, "b.txt").active.seconds > 500


# -- expiry


def test_an_expired_lock_is_as_if_it_never_was(files):
    held = lock(files, "a.txt", timeout="Second-1")
    deep = lock(files, "sub/", timeout="Second-1")
    refused(files.put("a.txt", b"1"), held.root)
    writing.wait_until(lambda: not locks_on(files, "a.txt"), what="it did not expire")
    writing.wait_until(lambda: not locks_on(files, "sub/b.txt"), what="it did not expire")
    assert files.put("a.txt", b"2").status == 204
    assert files.put("sub/new.txt", b"2").status == 201
    assert files.put("a.txt", b"3", held.submit).status == 412
    assert refresh(files, "a.txt", held.token).status == 412
    assert unlock(files, "a.txt", held.token).status == 409
    answer = unlock(files, "sub/b.txt", deep.token)
    assert answer.status == 409
    lock(files, "a.txt")
    lock(files, "sub/")


def test_a_lock_lives_as_long_as_was_said(files):
    """Not up to a second less: the answer promised it."""
    time.sleep(0.85 - time.time() % 1 + (time.time() % 1 > 0.85))
    held = lock(files, "a.txt", timeout="Second-1")
    began = time.monotonic()
    time.sleep(0.5)
    answer = files.put("a.txt", b"x")
    assert time.monotonic() - began > 0.95 or answer.status == 423, (answer, held.active)


def test_the_rows_of_expired_locks_go_away(files):
    for i in range(5):
        lock(files, f"{i}.txt", timeout="Second-1")
    assert rows(files.server, files.url) == 5
    time.sleep(2)
    lock(files, "a.txt")
    assert rows(files.server, files.url) == 1


def test_a_refresh_keeps_it_alive(files):
    held = lock(files, "a.txt", timeout="Second-2")
    for _ in range(3):
        time.sleep(1)
        assert refresh(files, "a.txt", held.token, timeout="Second-2").status == 200
    refused(files.put("a.txt", b"1"), held.root)


# -- refresh


def test_refresh(files):
    held = lock(files, "a.txt", timeout="Second-10")
    answer = refresh(files, "a.txt", held.token, timeout="Second-3000")
    assert answer.status == 200
    (active,) = answered(answer)
    assert (active.token, active.scope, active.depth, active.root) == (
        held.token, "exclusive", "infinity", files.url + "a.txt")
    assert 2995 <= active.seconds <= 3000
    (shown,) = locks_on(files, "a.txt")
    assert 2990 <= shown.seconds <= 3000


def test_refresh_may_shorten_and_without_timeout_means_the_default(files):
    held = lock(files, "a.txt", timeout="Second-3000")
    assert answered(refresh(files, "a.txt", held.token, timeout="Second-20"))[0].seconds <= 20
    assert 595 <= answered(refresh(files, "a.txt", held.token))[0].seconds <= 600
    assert answered(refresh(files, "a.txt", held.token, timeout="Infinite"))[0].seconds > 80000


@pytest.mark.parametrize("depth", [None, "0", "infinity", "1"])
def test_depth_is_ignored_on_a_refresh(files, depth):
    held = lock(files, "sub/", depth="0")
    headers = [("Depth", depth)] if depth else []
    (active,) = answered(refresh(files, "sub/", held.token, headers=headers))
    assert active.depth == "0"


@pytest.mark.parametrize("through", ["sub/", "sub", "sub/b.txt", "sub/deeper/", "sub/deeper/c.txt"])
def test_refresh_through_a_member_is_for_the_whole_deep_lock(files, through):
    held = lock(files, "sub/", timeout="Second-10")
    answer = refresh(files, through, held.token, timeout="Second-3000")
    assert answer.status == 200
    assert answered(answer)[0].root == files.url + "sub/"
    for name in ("sub/", "sub/b.txt", "sub/deeper/c.txt"):
        (active,) = locks_on(files, name)
        assert active.seconds > 2900, name


def test_refresh_outside_the_lock(files):
    held = lock(files, "sub/", depth="0", timeout="Second-100")
    for name in ("a.txt", "sub/b.txt", ""):
        answer = refresh(files, name, held.token, timeout="Second-3000")
        assert answer.status == 412, name
    assert locks_on(files, "sub/")[0].seconds <= 100


def test_refresh_with_a_wrong_token(files):
    held = lock(files, "a.txt", timeout="Second-100")
    for token in ("urn:uuid:00000000-0000-4000-8000-000000000000", held.token[:-1], held.token.upper(), "DAV:no-lock"):
        answer = refresh(files, "a.txt", token, timeout="Second-3000")
        assert answer.status == 412, token
    assert refresh(files, "sub/b.txt", held.token).status == 412
    assert locks_on(files, "a.txt")[0].seconds <= 100


def test_refresh_of_what_is_not_there(files):
    assert refresh(files, "none.txt", "urn:uuid:00000000-0000-4000-8000-000000000000").status in (404, 412)
    assert not files.disk("none.txt").exists()


def test_neither_body_nor_if(files):
    for name in ("a.txt", "new.txt"):
        assert files.ask("LOCK", name).status == 400
    assert files.get("new.txt").status == 404


def test_refresh_of_one_shared_lock_leaves_the_other(files):
    one = lock(files, "a.txt", "shared", timeout="Second-100")
    two = lock(files, "a.txt", "shared", timeout="Second-100")
    assert refresh(files, "a.txt", two.token, timeout="Second-3000").status == 200
    shown = {a.token: a.seconds for a in locks_on(files, "a.txt")}
    assert shown[one.token] <= 100 and shown[two.token] > 2900


# -- conflicts


@pytest.mark.parametrize("first, second", [("exclusive", "exclusive"), ("exclusive", "shared"), ("shared", "exclusive")])
def test_conflict(files, first, second):
    held = lock(files, "a.txt", first)
    answer = ask_lock(files, "a.txt", second)
    assert error_hrefs(answer, "no-conflicting-lock") == [files.url + "a.txt"]
    assert answer.get("Lock-Token") is None
    assert tokens_on(files, "a.txt") == {held.token}


def test_shared_beside_shared(files):
    one, two, three = [lock(files, "a.txt", "shared", depth=d, status=200) for d in ("0", "infinity", None)]
    assert tokens_on(files, "a.txt") == {one.token, two.token, three.token}
    for held in (one, two, three):
        assert files.put("a.txt", b"x", held.submit).status == 204  # any of them opens it
    refused_by = files.put("a.txt", b"x")
    assert refused_by.status == 423
    assert set(error_hrefs(refused_by, "lock-token-submitted")) == {files.url + "a.txt"}
    assert unlock(files, "a.txt", two.token).status == 204
    assert tokens_on(files, "a.txt") == {one.token, three.token}
    assert ask_lock(files, "a.txt").status == 423
    for held in (one, three):
        assert unlock(files, "a.txt", held.token).status == 204
    lock(files, "a.txt")


def test_the_answer_to_a_second_shared_lock_shows_it(files):
    lock(files, "a.txt", "shared")
    two = lock(files, "a.txt", "shared")
    assert two.active.token == two.token


@pytest.mark.parametrize("first, second", [("exclusive", "exclusive"), ("exclusive", "shared"), ("shared", "exclusive")])
@pytest.mark.parametrize("name", ["sub/b.txt", "sub/deeper/", "sub/deeper/c.txt"])
def test_below_a_deep_lock(files, first, second, name):
    lock(files, "sub/", first)
    for depth in ("0", "infinity"):
        answer = ask_lock(files, name, second, depth)
        assert error_hrefs(answer, "no-conflicting-lock") == [files.url + "sub/"]


def test_the_token_does_not_help_against_a_conflict(files):
    held = lock(files, "a.txt")
    answer = ask_lock(files, "a.txt", headers=[held.submit])
    assert error_hrefs(answer, "no-conflicting-lock") == [files.url + "a.txt"]


def test_shared_below_a_deep_shared_lock(files):
    deep = lock(files, "sub/", "shared")
    one = lock(files, "sub/b.txt", "shared")
    assert tokens_on(files, "sub/b.txt") == {deep.token, one.token}
    assert tokens_on(files, "sub/deeper/c.txt") == {deep.token}
    again = lock(files, "sub/", "shared")  # and above
    assert tokens_on(files, "sub/b.txt") == {deep.token, one.token, again.token}


def test_all_the_roots_that_conflict(files):
    lock(files, "sub/", "shared")
    lock(files, "sub/b.txt", "shared")
    hrefs = error_hrefs(ask_lock(files, "sub/b.txt"), "no-conflicting-lock")
    assert sorted(hrefs) == [files.url + "sub/", files.url + "sub/b.txt"]


def test_a_shallow_lock_does_not_bar_members(files):
    lock(files, "sub/", depth="0")
    lock(files, "sub/b.txt", status=200)
    lock(files, "sub/deeper/", status=200)


def statuses(answer, dav):
    """{path below the test's folder: status} of a 207 of failures."""
    result = answer.multistatus()
    assert all(r.status for r in result), result.responses
    return {href[len(dav.url):]: r.status for r in result for href in r.hrefs}


def test_a_deep_lock_over_a_locked_member(files):
    held = lock(files, "sub/deeper/c.txt")
    answer = ask_lock(files, "sub/")
    assert statuses(answer, files) == {"sub/deeper/c.txt": 423, "sub/": 424}
    assert answer.get("Lock-Token") is None
    assert tokens_on(files, "sub/") == set() and tokens_on(files, "sub/deeper/c.txt") == {held.token}
    assert files.put("sub/b.txt", b"x").status == 204
    assert rows(files.server, files.url) == 1


def test_a_deep_lock_over_several(files):
    lock(files, "sub/b.txt", "shared")
    lock(files, "sub/deeper/", depth="0")
    assert statuses(ask_lock(files, "sub/"), files) == {"sub/b.txt": 423, "sub/deeper/": 423, "sub/": 424}
    # A shared one minds only the exclusive one.
    assert statuses(ask_lock(files, "sub/", "shared"), files) == {"sub/deeper/": 423, "sub/": 424}
    lock(files, "sub/", depth="0")  # and a shallow one none


def test_a_deep_lock_over_a_member_with_two_shared_locks(files):
    lock(files, "sub/b.txt", "shared")
    lock(files, "sub/b.txt", "shared")
    assert statuses(ask_lock(files, "sub/"), files) == {"sub/b.txt": 423, "sub/": 424}


def test_own_conflict_comes_before_the_members(files):
    lock(files, "sub/b.txt")
    lock(files, "sub/", depth="0")
    assert error_hrefs(ask_lock(files, "sub/"), "no-conflicting-lock") == [files.url + "sub/"]


def test_locks_of_neighbours_do_not_conflict(files):
    lock(files, "a.txt")
    lock(files, "sub/")
    files.file("sub.x/y.txt")
    files.file("sub0/y.txt")
    lock(files, "sub.x/", status=200)
    lock(files, "sub0/y.txt", status=200)


def test_many_locked_members(files):
    """The 207 is streamed: a member each, and the collection last or first."""
    locked = {f"sub/m{i:03}.txt" for i in range(300)}
    for name in locked:
        lock(files, name, status=201)
    expected = dict.fromkeys(locked, 423)
    assert statuses(ask_lock(files, "sub/"), files) == expected | {"sub/": 424}


# -- life


def test_locks_outlive_restarts(dav_on):
    dav = dav_on()
    dav.file("a.txt")
    dav.file("sub/b.txt")
    held, deep = lock(dav, "a.txt", timeout="Second-3000", owner="<x xmlns='urn:x'>me</x>"), lock(dav, "sub/")
    dav.server.graceful_restart()
    refused(dav.put("a.txt", b"1"), held.root)
    assert dav.server.stop() == []
    start_again(dav.server)
    (active,) = locks_on(dav, "a.txt")
    assert active.token == held.token and 2900 < active.seconds <= 3000
    assert active.owner[0].text == "me"
    refused(dav.put("a.txt", b"1"), held.root)
    refused(dav.put("sub/b.txt", b"1"), deep.root)
    assert dav.put("a.txt", b"1", held.submit).status == 204
    dav.server.kill()
    start_again(dav.server)
    refused(dav.put("sub/b.txt", b"1"), deep.root)
    assert unlock(dav, "sub/b.txt", deep.token).status == 204


def test_the_repository_s_root(dav_on):
    dav = dav_on()
    dav.file("sub/a.txt")
    held = lock(dav, "", status=200)
    assert held.root == "/dav/"
    assert tokens_on(dav, "sub/a.txt") == {held.token}
    refused(dav.put("sub/a.txt", b"x"), "/dav/")
    refused(dav.put("new.txt", b"x"), "/dav/")
    refused(dav.mkcol("new/"), "/dav/")
    assert error_hrefs(ask_lock(dav, "sub/a.txt"), "no-conflicting-lock") == ["/dav/"]
    assert dav.put("new.txt", b"x", held.tagged()).status == 201
    assert unlock(dav, "sub/a.txt", held.token).status == 204
    lock(dav, "sub/a.txt")
    assert statuses(ask_lock(dav, ""), dav) == {"sub/a.txt": 423, "": 424}


def test_deep_below(files):
    """Many collections between the lock and the resource."""
    path = "/".join(f"d{i}" for i in range(40)) + "/"
    files.file(path + "x.txt")
    for n in (1, 14, 15, 16, 17, 30, 31, 32, 39, 40):
        root = "/".join(path.split("/")[:n]) + "/"
        held = lock(files, root)
        (active,) = locks_on(files, path + "x.txt")
        assert active.root == files.url + root
        refused(files.put(path + "x.txt", b"x"), files.url + root)
        assert error_hrefs(ask_lock(files, path + "x.txt"), "no-conflicting-lock") == [files.url + root]
        assert unlock(files, path + "x.txt", held.token).status == 204


@pytest.mark.parametrize("name", ["", "a.txt", "sub/", "unmapped.txt"])
def test_options(files, name):
    answer = files.ask("OPTIONS", name)
    assert [c.strip() for c in answer.get("DAV").split(",")] == ["1", "2", "3", "extended-mkcol", "sabredav-partialupdate"]
    allowed = answer.tokens("Allow")
    assert "LOCK" in allowed
    assert name == "unmapped.txt" or "UNLOCK" in allowed


def test_lock_of_a_hidden_name(files):
    assert ask_lock(files, ".dav-multistatus-x").status in (403, 404)
    assert not files.disk(".dav-multistatus-x").exists()
    files.server.expect_log("AH01630: client denied by server configuration")
    assert ask_lock(files, ".htaccess").status == 403
    assert not files.disk(".htaccess").exists()


def test_properties_can_be_read_while_locked(files):
    lock(files, "sub/")
    assert files.propfind("sub/", "infinity", ALLPROP).below() == ["b.txt", "deeper/", "deeper/c.txt"]
    assert files.get("sub/b.txt").status == 200
    assert "lockdiscovery" in files.propfind("sub/", body=DISCOVERY)[0].locals()


def test_a_lock_body_may_be_chunked(files):
    answer = files.ask("LOCK", "a.txt", [("Content-Type", "text/xml")], chunks=[lock_body().encode()])
    assert answer.status == 200
    # A chunked body of no bytes is none: a refresh.
    token = answer.get("Lock-Token")
    assert files.ask("LOCK", "a.txt", [("If", f"({token})")], chunks=[]).status == 200
