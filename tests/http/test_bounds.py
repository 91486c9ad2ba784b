"""What one user may have of what all share: locks, properties, bytes of the store; and who may take a lock away."""


import pytest

import access
import harness
from locking import (DISCOVERY, USERS_CONF, actives, add_users, answered, ask_lock, basic, lock, refresh, refused, tokens_on,
                     unlock)
from writing import Dav, prop

ANNA, BEN, ADMIN = basic("anna"), basic("ben"), basic("admin")


def users_on(dav_on, *lines, conf=""):
    dav = dav_on(conf=USERS_CONF + conf, location="\n".join(lines))
    add_users(dav.server, "anna", "ben", "admin")
    return dav


# -- locks


def test_locks_of_a_user(dav_on):
    dav = users_on(dav_on, "DavMultistatusMaxLocks 3")
    for i in range(5):
        dav.file(f"{i}.txt")
    held = [lock(dav, f"{i}.txt", headers=[ANNA]) for i in range(3)]
    assert ask_lock(dav, "3.txt", headers=[ANNA]).status == 507
    assert ask_lock(dav, "new.txt", headers=[ANNA]).status == 507
    assert not dav.disk("new.txt").exists()
    assert ask_lock(dav, "0.txt", headers=[ANNA]).status == 423  # what is in the way is told first
    lock(dav, "3.txt", headers=[BEN])
    assert refresh(dav, "0.txt", held[0].token, headers=[ANNA]).status == 200
    assert unlock(dav, "0.txt", held[0].token, [ANNA]).status == 204
    lock(dav, "4.txt", headers=[ANNA])
    lock(dav, "0.txt", headers=[BEN])


def test_anonymous_clients_are_one_user(dav_on):
    dav = dav_on(location="DavMultistatusMaxLocks 1")
    dav.file("a.txt")
    held = lock(dav, "a.txt", "shared")
    assert ask_lock(dav, "a.txt", "shared").status == 507
    assert unlock(dav, "a.txt", held.token).status == 204
    lock(dav, "a.txt", "shared")


def test_locks_on_a_resource(dav_on):
    dav = dav_on(location="DavMultistatusMaxLocks 0")
    dav.file("sub/a.txt")
    for i in range(64):
        lock(dav, ("sub/", "sub/a.txt")[i % 2], "shared")
    assert ask_lock(dav, "sub/a.txt", "shared").status == 507
    lock(dav, "sub/", "shared")  # has half of them


def test_a_long_owner_is_not_repeated_for_each_member(dav):
    """15.8: what is told of a lock may be less than there is; it is whole at its root, and where a client asks for one."""
    owner = "x" * 4000
    dav.file("sub/deeper/a.txt")
    held = lock(dav, "sub/", owner=owner)
    assert answered(held.answer)[0].owner.text == owner
    for depth, is_whole in (("0", 1), ("1", 0), ("infinity", 0)):
        for response in dav.propfind("sub/", depth, DISCOVERY):
            (active,) = actives(response.prop("lockdiscovery"))
            assert active.token == held.token and active.root == held.root
            assert (active.owner is not None and active.owner.text == owner) == (
                is_whole or response.href == dav.url + "sub/"), response.href
    assert actives(dav.propfind("sub/deeper/a.txt", body=DISCOVERY)[0].prop("lockdiscovery"))[0].owner.text == owner
    assert answered(refresh(dav, "sub/deeper/a.txt", held.token))[0].owner.text == owner
    assert unlock(dav, "sub/", held.token).status == 204
    held = lock(dav, "sub/", owner="short")
    assert all(actives(r.prop("lockdiscovery"))[0].owner.text == "short" for r in dav.propfind("sub/", "1", DISCOVERY))


# -- properties


def quota(answer):
    assert answer.status == 507 and answer.precondition() == ["quota-not-exceeded"], answer
    return True


def set_as(dav, user, name, **properties):
    return dav.proppatch(name, *[("set", prop(n, text)) for n, text in properties.items()], headers=[user])


def remove_as(dav, user, name, *properties):
    return dav.proppatch(name, *[("remove", prop(n)) for n in properties], headers=[user])


def test_properties_of_a_collection(dav_on):
    dav = users_on(dav_on, "DavMultistatusMaxProperties 3")
    for name in ("sub/a", "sub/b", "sub/c", "other/a"):
        dav.file(name)
    assert set_as(dav, ANNA, "sub/a", x="1", y="1").status == 207
    assert set_as(dav, ANNA, "sub/b", x="1").status == 207
    assert set_as(dav, ANNA, "sub/b", x="2").status == 207
    assert quota(set_as(dav, ANNA, "sub/c", x="1"))
    assert quota(set_as(dav, BEN, "sub/a", z="1"))
    assert quota(dav.copy("sub/a", "sub/d", ANNA))
    assert not dav.disk("sub/d").exists()
    assert set_as(dav, ANNA, "other/a", x="1").status == 207
    assert remove_as(dav, ANNA, "sub/a", "x").status == 207
    assert set_as(dav, BEN, "sub/c", x="1").status == 207
    assert dav.delete("sub/a", ANNA).status == 204
    assert set_as(dav, BEN, "sub/c", y="1").status == 207
    assert dav.copy("other/a", "sub/e", ANNA).status == 507


def test_bytes_of_a_user(dav_on):
    dav = users_on(dav_on, "DavMultistatusMaxPropertyBytes 3000")
    for name in ("a", "b", "c", "d"):
        dav.file(name)
    assert set_as(dav, ANNA, "a", x="x" * 1000).status == 207
    assert set_as(dav, ANNA, "b", x="x" * 1000).status == 207
    assert quota(set_as(dav, ANNA, "c", x="x" * 1000))
    assert set_as(dav, BEN, "c", x="x" * 1000).status == 207
    assert dav.copy("a", "e", BEN).status == 201  # ben's, too
    assert quota(set_as(dav, BEN, "d", x="x" * 1000))
    assert dav.copy("a", "f", ANNA).status == 201
    assert quota(dav.copy("a", "g", ANNA))  # she has more than she may by now
    assert not dav.disk("g").exists()
    assert dav.move("a", "g", ANNA).status == 201
    assert remove_as(dav, ANNA, "b", "x").status == 207  # who has too much may have less
    assert dav.delete("f", BEN).status == 204
    assert set_as(dav, ANNA, "d", x="x" * 1000).status == 207


def test_bytes_of_a_resource(dav_on):
    dav = dav_on(location="LimitXMLRequestBody 0")
    dav.file("a")
    half = "x" * (600 << 10)
    assert dav.proppatch("a", ("set", prop("one", half))).status == 207
    assert quota(dav.proppatch("a", ("set", prop("two", half))))
    assert dav.proppatch("a", ("set", prop("one", "x"))).status == 207
    assert dav.proppatch("a", ("set", prop("two", half))).status == 207


# -- deep locks and what others alone may write


WHOLE = {"private": 'Require user ben', "limit": '<LimitExcept GET PROPFIND OPTIONS>\nRequire user ben\n</LimitExcept>',
         "put": '<Limit PUT>\nRequire user ben\n</Limit>', "lock": '<Limit LOCK>\nRequire user ben\n</Limit>'}


@pytest.fixture(scope="module")
def shared_tree():
    conf = "".join(f'<Location "/dav/{name}/top/mine">\n{lines}\n</Location>\n' for name, lines in WHOLE.items())
    server = harness.Server(conf=USERS_CONF + conf)
    add_users(server, "anna", "ben")
    server.expect_log(access.DENIED_LOG)
    server.start()
    yield server
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_deep_lock_is_whole_or_not_at_all(shared_tree, kind):
    """9.10.9. What may not be seen is not told of, either."""
    for name in ("top/mine/b.txt", "top/a.txt", "top/sub/.htaccess"):
        path = shared_tree.data / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    dav = Dav(shared_tree, shared_tree.data / kind, f"/dav/{kind}/")
    answer = ask_lock(dav, "top/", headers=[ANNA])
    if kind == "private":
        assert answer.status == 403 and b"mine" not in answer.body, answer
    else:
        assert {r.href: r.status for r in answer.multistatus()} == {dav.url + "top/mine/": 403, dav.url + "top/": 424}
    assert answer.get("Lock-Token") is None
    assert dav.put("top/mine/b.txt", b"x", BEN).status == 204
    lock(dav, "top/", depth="0", headers=[ANNA])
    held = lock(dav, "top/sub/", headers=[ANNA])
    assert dav.put("top/mine/b.txt", b"x", BEN).status == 204
    assert unlock(dav, "top/sub/", held.token, [ANNA]).status == 204
    lock(dav, "top/mine/", headers=[BEN])


# -- who may break a lock

UNLOCK_ANY = """
<Location "/dav/">
    DavMultistatusUnlockAny user admin
    DavMultistatusUnlockAny valid-user
</Location>
<Location "/dav/own/">
    DavMultistatusUnlockAny Off
</Location>
<Location "/dav/boss/">
    DavMultistatusUnlockAny user admin
</Location>
"""


def test_breaking_a_lock(dav_on):
    dav = users_on(dav_on, conf=UNLOCK_ANY)
    for name in ("all.txt", "own/a.txt", "boss/a.txt"):
        dav.file(name)
    held = {name: lock(dav, name, headers=[ANNA]) for name in ("all.txt", "own/a.txt", "boss/a.txt")}
    assert unlock(dav, "own/a.txt", held["own/a.txt"].token, [ADMIN]).status == 403
    assert unlock(dav, "boss/a.txt", held["boss/a.txt"].token, [BEN]).status == 403
    assert tokens_on(dav, "boss/a.txt", [BEN]) == {held["boss/a.txt"].token}
    refused(dav.put("boss/a.txt", b"x", ADMIN, held["boss/a.txt"].submit), held["boss/a.txt"].root)  # first to be broken
    assert "has broken" not in dav.server.log_text()
    assert unlock(dav, "boss/a.txt", held["boss/a.txt"].token, [ADMIN]).status == 204
    line = next(line for line in dav.server.new_log() if "has broken" in line)
    assert ":notice]" in line and "'admin' has broken the lock " + held["boss/a.txt"].token in line, line
    assert "of 'anna' on " + held["boss/a.txt"].root in line, line
    assert unlock(dav, "boss/a.txt", held["boss/a.txt"].token, [ADMIN]).status == 409
    assert dav.put("boss/a.txt", b"x", BEN).status == 204
    assert unlock(dav, "all.txt", held["all.txt"].token, [BEN]).status == 204
    own = lock(dav, "all.txt", headers=[ADMIN])
    dav.server.log_seen = len(dav.server.log_text())
    assert unlock(dav, "all.txt", own.token, [ADMIN]).status == 204
    assert not [line for line in dav.server.new_log() if "has broken" in line]


def test_nobody_is_no_breaker(dav_on):
    """Who has not said who it is breaks nobody's lock, whatever is written there."""
    conf = USERS_CONF.replace("Require valid-user", "<Limit UNLOCK>\nRequire all granted\n</Limit>\n<LimitExcept UNLOCK>\n"
                              "Require valid-user\n</LimitExcept>")
    dav = dav_on(conf=conf, location="DavMultistatusUnlockAny all granted")
    add_users(dav.server, "anna")
    dav.file("a.txt")
    held = lock(dav, "a.txt", headers=[ANNA])
    assert unlock(dav, "a.txt", held.token).status == 403
    assert tokens_on(dav, "a.txt", [ANNA]) == {held.token}


@pytest.mark.parametrize("line", ["DavMultistatusUnlockAny", "DavMultistatusUnlockAny jane", "DavMultistatusUnlockAny Off jane",
                                  "DavMultistatusUnlockAny all maybe", "DavMultistatusMaxLocks -1",
                                  "DavMultistatusMaxProperties many", "DavMultistatusMaxPropertyBytes 1G"])
def test_a_bad_value_is_refused(line):
    server = harness.Server(conf=f'<Location "/x">\n{line}\n</Location>')
    with pytest.raises(harness.StartError, match=line.split()[0]):
        server.start()
