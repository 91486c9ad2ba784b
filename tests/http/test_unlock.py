"""UNLOCK (RFC 4918 section 9.11), and whose lock it is."""

import pytest

from locking import (USERS_CONF, add_users, ask_lock, basic, error_hrefs, lock, locks_on, refresh, refused, rows, submit,
                     tagged, tokens_on, unlock)

STRANGER = "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.fixture
def files(dav):
    dav.file("a.txt")
    dav.file("sub/b.txt")
    dav.file("sub/deeper/c.txt")
    return dav


def wrong(answer):
    return error_hrefs(answer, "lock-token-matches-request-uri", 409) == []


def test_unlock(files):
    held = lock(files, "a.txt")
    answer = unlock(files, "a.txt", held.token)
    assert (answer.status, answer.body) == (204, b"")
    assert tokens_on(files, "a.txt") == set()
    assert rows(files.server, files.url) == 0
    assert files.put("a.txt", b"x").status == 204


def test_without_brackets(files):
    held = lock(files, "a.txt")
    assert files.ask("UNLOCK", "a.txt", [("Lock-Token", held.token)]).status == 204
    assert tokens_on(files, "a.txt") == set()


def test_twice(files):
    held = lock(files, "a.txt")
    assert unlock(files, "a.txt", held.token).status == 204
    assert wrong(unlock(files, "a.txt", held.token))


def test_a_wrong_token(files):
    held = lock(files, "a.txt")
    other = lock(files, "sub/b.txt")
    for token in (STRANGER, other.token, held.token[:-1], held.token + "0", held.token.upper(), "http://example.org/"):
        assert wrong(unlock(files, "a.txt", token)), token
    assert tokens_on(files, "a.txt") == {held.token} and tokens_on(files, "sub/b.txt") == {other.token}


def test_what_is_not_locked(files):
    assert wrong(unlock(files, "a.txt", STRANGER))
    assert unlock(files, "none.txt", STRANGER).status in (404, 409)


def test_outside_the_lock(files):
    held = lock(files, "sub/", depth="0")
    for name in ("", "sub/b.txt", "a.txt"):
        assert wrong(unlock(files, name, held.token)), name
    assert tokens_on(files, "sub/") == {held.token}


@pytest.mark.parametrize("through", ["sub/", "sub", "sub/b.txt", "sub/deeper/", "sub/deeper/c.txt"])
def test_through_a_member_of_a_deep_lock(files, through):
    held = lock(files, "sub/")
    assert unlock(files, through, held.token).status == 204
    for name in ("sub/", "sub/b.txt", "sub/deeper/c.txt"):
        assert tokens_on(files, name) == set()
    lock(files, "sub/deeper/c.txt")


def test_one_of_two_shared(files):
    one, two = lock(files, "a.txt", "shared"), lock(files, "a.txt", "shared")
    assert unlock(files, "a.txt", one.token).status == 204
    assert tokens_on(files, "a.txt") == {two.token}


@pytest.mark.parametrize("value", [None, "", "<>", "< >", "no uri", "<no uri>"])
def test_a_missing_or_malformed_token_is_400(files, value):
    held = lock(files, "a.txt")
    assert files.ask("UNLOCK", "a.txt", [] if value is None else [("Lock-Token", value)]).status == 400
    assert tokens_on(files, "a.txt") == {held.token}


def test_conditions_hold_for_unlock(files):
    held = lock(files, "a.txt")
    assert unlock(files, "a.txt", held.token, [("If", '(["other"])')]).status == 412
    assert unlock(files, "a.txt", held.token, [submit(STRANGER)]).status == 412
    assert tokens_on(files, "a.txt") == {held.token}
    assert unlock(files, "a.txt", held.token, [held.submit]).status == 204


def test_depth_does_not_matter(files):
    held = lock(files, "sub/")
    answer = files.ask("UNLOCK", "sub/", [("Lock-Token", f"<{held.token}>"), ("Depth", "0")])
    assert answer.status == 204
    assert tokens_on(files, "sub/b.txt") == set()


# -- two users


@pytest.fixture
def two(dav_on):
    dav = dav_on(conf=USERS_CONF)
    add_users(dav.server, "anna", "ben")
    dav.file("a.txt")
    dav.file("sub/b.txt")
    return dav


ANNA, BEN = basic("anna"), basic("ben")


def test_another_user_s_lock_is_403(two):
    held = lock(two, "a.txt", headers=[ANNA])
    deep = lock(two, "sub/", headers=[ANNA])
    assert unlock(two, "a.txt", held.token).status == 401
    assert unlock(two, "a.txt", held.token, [BEN]).status == 403
    assert unlock(two, "sub/b.txt", deep.token, [BEN]).status == 403
    assert tokens_on(two, "a.txt", [BEN]) == {held.token}
    assert tokens_on(two, "sub/", [BEN]) == {deep.token}
    assert wrong(unlock(two, "a.txt", STRANGER, [BEN]))
    assert unlock(two, "a.txt", held.token, [ANNA]).status == 204
    assert unlock(two, "sub/b.txt", deep.token, [ANNA]).status == 204


def test_another_user_s_token_opens_nothing(two):
    held = lock(two, "a.txt", headers=[ANNA])
    deep = lock(two, "sub/", headers=[ANNA])
    refused(two.put("a.txt", b"x", BEN, held.submit), held.root)
    refused(two.put("sub/b.txt", b"x", BEN, deep.submit), deep.root)
    refused(two.put("sub/new.txt", b"x", BEN, deep.tagged()), deep.root)
    refused(two.delete("a.txt", BEN, held.submit), held.root)
    refused(two.mkcol("sub/new/", BEN, deep.tagged()), deep.root)
    refused(two.proppatch("a.txt", ("set", "<x xmlns='urn:x'>1</x>"), headers=[BEN, held.submit]), held.root)
    refused(two.move("a.txt", "c.txt", BEN, held.submit), held.root)
    two.file("mine.txt")
    refused(two.copy("mine.txt", "a.txt", BEN, tagged((held.root, held.token))), held.root)
    assert two.disk("a.txt").read_bytes() == b"hello\n" == two.disk("sub/b.txt").read_bytes()
    assert two.put("a.txt", b"x", ANNA, held.submit).status == 204
    assert two.put("sub/new.txt", b"x", ANNA, deep.tagged()).status == 201


def test_another_user_can_t_refresh(two):
    held = lock(two, "a.txt", timeout="Second-100", headers=[ANNA])
    assert refresh(two, "a.txt", held.token, timeout="Second-3000", headers=[BEN]).status in (403, 412)
    assert locks_on(two, "a.txt", [ANNA])[0].seconds <= 100
    assert refresh(two, "a.txt", held.token, timeout="Second-3000", headers=[ANNA]).status == 200


def test_a_true_condition_about_another_user_s_lock_is_true(two):
    held = lock(two, "a.txt", headers=[ANNA])
    two.file("mine.txt")
    # Ben's file may depend on Anna's lock: the list is true, and his file isn't locked.
    assert two.put("mine.txt", b"x", BEN, tagged((held.root, held.token))).status == 204
    assert two.put("mine.txt", b"x", BEN, tagged((held.root, STRANGER))).status == 412


def test_shared_locks_of_two_users(two):
    anna, ben = [lock(two, "a.txt", "shared", headers=[u]) for u in (ANNA, BEN)]
    assert two.put("a.txt", b"1", ANNA, anna.submit).status == 204
    assert two.put("a.txt", b"2", BEN, ben.submit).status == 204
    assert two.put("a.txt", b"3", BEN, anna.submit).status == 423
    assert two.put("a.txt", b"4", BEN).status == 423
    assert ask_lock(two, "a.txt", headers=[BEN]).status == 423
    assert two.disk("a.txt").read_bytes() == b"2"
    assert unlock(two, "a.txt", anna.token, [BEN]).status == 403
    assert unlock(two, "a.txt", anna.token, [ANNA]).status == 204
    assert two.put("a.txt", b"5", ANNA).status == 423


def test_the_owner_element_is_no_proof(two):
    held = lock(two, "a.txt", owner="anna", headers=[ANNA])
    assert ask_lock(two, "a.txt", owner="anna", headers=[BEN]).status == 423
    assert unlock(two, "a.txt", held.token, [BEN]).status == 403


def test_a_lock_made_with_a_name_is_not_an_anonymous_client_s(dav_on):
    dav = dav_on(conf='<Location "/dav/">\nAuthType Basic\nAuthName dms\nAuthBasicProvider file\n'
                      'AuthUserFile "{root}/users"\n<RequireAny>\nRequire valid-user\nRequire expr "-z %{HTTP:Authorization}"\n'
                      '</RequireAny>\n</Location>\n')
    add_users(dav.server, "anna")
    dav.file("a.txt")
    held = lock(dav, "a.txt", headers=[ANNA])
    refused(dav.put("a.txt", b"x", held.submit), held.root)
    assert unlock(dav, "a.txt", held.token).status == 403
    assert unlock(dav, "a.txt", held.token, [ANNA]).status == 204
    nobody_s = lock(dav, "a.txt")
    refused(dav.put("a.txt", b"x", ANNA, nobody_s.submit), nobody_s.root)
    assert dav.put("a.txt", b"x", nobody_s.submit).status == 204
