"""What the configuration denies to a user, no method of that user touches, whatever its parent's are (issue 5)."""

import urllib.parse

import pytest

import access
import locking
import modules
from access import ALICE, KINDS, as_user, failures
from harness import ALLPROP, RESOURCETYPE
from writing import prop, update_body

TARGETS = """
<Location "/dav/dst/secret">
    Require all denied
</Location>
<Location "/dav/dst/secret.txt">
    Require all denied
</Location>
<Location "/dav/off">
    DavMultistatus Off
</Location>
<LocationMatch "/only-read">
    <LimitExcept GET HEAD PROPFIND OPTIONS>
        Require user alice
    </LimitExcept>
</LocationMatch>
<LocationMatch "/no-delete">
    <Limit DELETE>
        Require user alice
    </Limit>
</LocationMatch>
<LocationMatch "/no-put">
    <Limit PUT>
        Require user alice
    </Limit>
</LocationMatch>
<LocationMatch "/no-get">
    <Limit GET>
        Require user alice
    </Limit>
</LocationMatch>
<Location "/dav/hidden">
    Require user alice
</Location>
<Location "/dav/half/in/denied">
    Require user alice
</Location>
"""


@pytest.fixture(scope="module")
def started():
    guarded = access.Guarded(conf=access.CONF + TARGETS)
    yield guarded
    access.stop(guarded)


@pytest.fixture
def guarded(started):
    started.begin()
    yield started
    wrong = started.end()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def guarded_with():
    made = []

    def start(**kw):
        made.append(access.Guarded(**kw))
        made[-1].begin()
        return made[-1]
    yield start
    wrong = []
    for guarded in made:
        wrong += guarded.end() + guarded.server.stop()
        guarded.server.remove()
    assert not wrong, "\n".join(wrong)


every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
both = pytest.mark.parametrize("method", ["COPY", "MOVE"])
PUBLIC = {"open.txt": b"public\n", "other.txt": b"public\n", "sub": None, "sub/deep.txt": b"public\n"}


def kept(kind):
    """What of a kind's folder has to survive bob: {path: content}."""
    left = {}
    secret = kind.secret.rstrip("/")
    left.update({secret: None, secret + "/in.txt": b"classified\n"} if kind.is_folder else {secret: b"classified\n"})
    left.update({name: text.encode() for name, text in kind.files.items()})
    return left


def refused(kind):
    """The 403s that a method on a kind's folder has for bob: what is hidden from bob is not named."""
    return {"": 403}


# -- the members of what a method is for


@every_kind
@pytest.mark.parametrize("user", ["bob", None])
def test_delete_does_not_touch_what_is_denied(guarded, kind, user):
    guarded.make_kind(kind)
    answer = guarded.ask(user, "DELETE", kind.name + "/")
    assert failures(answer, f"/dav/{kind.name}/") == refused(kind)
    assert guarded.dav.tree(kind.name) == kept(kind)


@every_kind
def test_delete_from_further_up_keeps_the_ancestors(guarded, kind):
    guarded.make_kind(kind)
    answer = guarded.ask("bob", "DELETE", kind.name)  # without the slash
    assert failures(answer, f"/dav/{kind.name}/") == refused(kind)
    assert guarded.dav.tree(kind.name) == kept(kind)


@every_kind
def test_alice_deletes_all_that_she_may(guarded, kind):
    guarded.make_kind(kind)
    answer = guarded.ask("alice", "DELETE", kind.name + "/")
    if kind.denies_all:
        assert failures(answer, f"/dav/{kind.name}/") == refused(kind)
    elif kind.files:  # an .htaccess is denied to all
        assert answer.status == 207
        assert set(guarded.dav.tree(kind.name)) == set(kind.files) | ({"secret"} if kind.is_folder else set())
    else:
        assert answer.status == 204
        assert not (guarded.server.data / kind.name).exists()


@every_kind
def test_copy_leaves_out_what_is_denied(guarded, kind):
    guarded.make_kind(kind)
    before = guarded.dav.tree(kind.name)
    answer = guarded.transfer("bob", "COPY", kind.name + "/", "copy/")
    assert failures(answer, f"/dav/{kind.name}/") == refused(kind)
    assert guarded.dav.tree(kind.name) == before
    assert guarded.dav.tree("copy") == PUBLIC


@every_kind
def test_move_leaves_what_is_denied_where_it_is(guarded, kind):
    guarded.make_kind(kind)
    answer = guarded.transfer("bob", "MOVE", kind.name + "/", "moved/")
    assert failures(answer, f"/dav/{kind.name}/") == refused(kind)
    assert guarded.dav.tree(kind.name) == kept(kind)
    assert guarded.dav.tree("moved") == PUBLIC


@every_kind
@both
def test_overwriting_what_holds_something_denied_changes_nothing(guarded, kind, method):
    guarded.make_kind(kind)
    guarded.make({"source/new.txt": "new\n"})
    before = guarded.dav.tree()
    answer = guarded.transfer("bob", method, "source/", kind.name + "/")
    assert answer.status == 403, answer
    assert b"cret" not in answer.body.replace(kind.name.encode(), b"")
    assert guarded.dav.tree() == before


@every_kind
@both
def test_a_file_over_a_collection_that_holds_something_denied(guarded, kind, method):
    guarded.make_kind(kind)
    guarded.make({"file.txt": "new\n"})
    before = guarded.dav.tree()
    assert guarded.transfer("bob", method, "file.txt", kind.name).status == 403
    assert guarded.dav.tree() == before


@every_kind
def test_no_method_on_what_is_denied_itself(guarded, kind):
    guarded.expect_refusals()
    guarded.make_kind(kind)
    guarded.make({"source.txt": "mine\n"})
    name = f"{kind.name}/" + urllib.parse.quote(kind.secret)
    inside = name + "in.txt" if kind.is_folder else name
    before = guarded.dav.tree()
    for user in ("bob", None):
        requests = [("PUT", inside, [], b"mine"), ("DELETE", inside, [], None), ("DELETE", name, [], None),
                    ("PROPPATCH", inside, [], update_body(("set", prop("p", "v")))),
                    ("PROPPATCH", name, [], update_body(("set", prop("p", "v")))),
                    ("LOCK", inside, [], locking.lock_body()), ("LOCK", name, [], locking.lock_body()),
                    ("COPY", inside, [("Destination", "/dav/stolen.txt")], None),
                    ("MOVE", inside, [("Destination", "/dav/stolen.txt")], None),
                    ("COPY", name, [("Destination", "/dav/stolen")], None),
                    ("MOVE", name, [("Destination", "/dav/stolen")], None),
                    ("COPY", "source.txt", [("Destination", "/dav/" + inside)], None),
                    ("MOVE", "source.txt", [("Destination", "/dav/" + inside)], None)]
        if kind.is_folder:
            requests += [("MKCOL", name + "new/", [], None), ("PUT", name + "new.txt", [], b"x"),
                         ("LOCK", name + "new.txt", [], locking.lock_body()),
                         ("COPY", "source.txt", [("Destination", "/dav/" + name + "new.txt")], None)]
        for method, path, headers, body in requests:
            answer = guarded.ask(user, method, path, headers, body)
            assert answer.status in (401, 403), (user, method, path, answer)
            assert b"classified" not in answer.body
            assert guarded.dav.tree() == before, (user, method, path)


# -- where things would be


@both
def test_a_destination_member_that_is_denied_is_not_made(guarded, method):
    guarded.make({"src/secret/in.txt": "a", "src/secret.txt": "b", "src/open.txt": "c", "src/deep/secret.txt": "d"})
    answer = guarded.transfer("alice", method, "src/", "dst/")
    assert failures(answer, "/dav/src/") == {"secret/": 403, "secret.txt": 403}
    assert guarded.dav.tree("dst") == {"open.txt": b"c", "deep": None, "deep/secret.txt": b"d"}
    left = {"secret": None, "secret/in.txt": b"a", "secret.txt": b"b"}
    assert guarded.dav.tree("src") == ({**left, "open.txt": b"c", "deep": None, "deep/secret.txt": b"d"}
                                       if method == "COPY" else left)


@both
def test_a_destination_below_something_denied(guarded, method):
    guarded.make({"src.txt": "a", "dst/secret/in.txt": "b"})
    before = guarded.dav.tree()
    assert guarded.transfer("alice", method, "src.txt", "dst/secret/x.txt").status == 403
    assert guarded.transfer("bob", method, "src.txt", "dst/secret").status == 403
    assert guarded.dav.tree() == before


@both
def test_overwriting_one_denied_member_far_below(guarded, method):
    guarded.make({"src/a.txt": "a", "half/in/denied/x.txt": "x", "half/other.txt": "y"})
    before = guarded.dav.tree()
    assert guarded.transfer("bob", method, "src/", "half/").status == 403
    assert guarded.dav.tree() == before
    assert guarded.transfer("alice", method, "src/", "half/").status == 204
    assert guarded.dav.tree("half") == {"a.txt": b"a"}


@both
def test_overwriting_two_levels_up_with_depth_0(guarded, method):
    guarded.make({"src/a.txt": "a", "half/in/denied/x.txt": "x"})
    before = guarded.dav.tree()
    answer = guarded.transfer("bob", method, "src/", "half/", ("Depth", "0"))
    assert answer.status == (403 if method == "COPY" else 400)
    assert guarded.dav.tree() == before


# -- methods that differ


def test_what_may_be_read_only_is_not_deleted(guarded):
    guarded.make({"d/only-read.txt": "a", "d/no-delete.txt": "b", "d/no-put.txt": "c", "d/x.txt": "d"})
    assert set(guarded.propfind("bob", "d/").below()) == {"only-read.txt", "no-delete.txt", "no-put.txt", "x.txt"}
    answer = guarded.ask("bob", "DELETE", "d/")
    assert failures(answer, "/dav/d/") == {"only-read.txt": 403, "no-delete.txt": 403}
    assert set(guarded.dav.tree("d")) == {"only-read.txt", "no-delete.txt"}


def test_a_copy_reads_its_source_and_writes_its_destination(guarded):
    guarded.make({"d/no-get.txt": "a", "d/no-delete.txt": "b", "d/no-put.txt": "c", "d/x.txt": "d"})
    answer = guarded.transfer("bob", "COPY", "d/", "e/")
    assert failures(answer, "/dav/d/") == {"no-get.txt": 403, "no-put.txt": 403}
    assert set(guarded.dav.tree("e")) == {"no-delete.txt", "x.txt"}


def test_a_move_deletes_its_source_and_writes_its_destination(guarded):
    guarded.make({"d/no-delete.txt": "b", "d/no-put.txt": "c", "d/x.txt": "d"})
    answer = guarded.transfer("bob", "MOVE", "d/", "e/")
    assert failures(answer, "/dav/d/") == {"no-delete.txt": 403, "no-put.txt": 403}
    assert set(guarded.dav.tree("e")) == {"x.txt"}
    assert set(guarded.dav.tree("d")) == {"no-delete.txt", "no-put.txt"}


@pytest.mark.parametrize("method, denied", [("MOVE", "DELETE"), ("MOVE", "PUT"), ("COPY", "PUT")])
def test_a_method_that_one_place_denies_is_denied_by_another_methods_name_too(guarded_with, method, denied):
    """One <Limit> for the whole place, so that every member's configuration is the request's own: httpd then skips the
    questions of a subrequest, which must not pass for a yes."""
    guarded = guarded_with(location=f"<Limit {denied}>\n{ALICE}</Limit>\n")
    guarded.expect_refusals()
    guarded.make({"d/x.txt": "d", "d/sub/y.txt": "d"})
    path = "d/x.txt" if denied == "DELETE" else "d/new.txt"
    assert guarded.ask("bob", denied, path, body=b"x" if denied == "PUT" else None).status == 401
    before = guarded.dav.tree("d")
    for source, target in (("d/x.txt", "new.txt"), ("d/", "e/")):
        answer = guarded.transfer("bob", method, source, target)
        assert not (guarded.server.data / target).exists() or guarded.dav.tree(target) == {}, (source, answer)
        assert guarded.dav.tree("d") == before, (source, answer)


# -- DavMultistatus Off


def test_a_place_that_is_off_is_not_deleted(guarded):
    guarded.make({"off/in.txt": "a", "on/in.txt": "b"})
    assert guarded.ask("bob", "DELETE", "off/").status in (403, 405)
    assert guarded.ask("bob", "PUT", "off/new.txt", body=b"x").status in (403, 405)
    assert guarded.dav.tree("off") == {"in.txt": b"a"}
    for method in ("COPY", "MOVE"):
        assert guarded.transfer("bob", method, "on/", "off/").status in (403, 502)
        assert guarded.transfer("bob", method, "on/in.txt", "off/x.txt").status in (403, 502)
    assert guarded.dav.tree() == {"off": None, "off/in.txt": b"a", "on": None, "on/in.txt": b"b"}


def test_a_place_that_is_off_further_down_stays(guarded_with):
    guarded = guarded_with(conf='<Location "/dav/d/off">\nDavMultistatus Off\n</Location>')
    guarded.make({"d/off/in.txt": "a", "d/on.txt": "b"})
    answer = guarded.transfer("bob", "MOVE", "d/", "e/")
    assert failures(answer, "/dav/d/") == {"off/": 403}
    assert guarded.dav.tree() == {"d": None, "d/off": None, "d/off/in.txt": b"a", "e": None, "e/on.txt": b"b"}
    guarded.make({"d/on.txt": "b"})
    assert failures(guarded.ask("bob", "DELETE", "d/"), "/dav/d/") == {"off/": 403}
    assert guarded.dav.tree("d") == {"off": None, "off/in.txt": b"a"}


# -- properties and locks of what is denied


def set_color(guarded, name):
    answer = guarded.ask("alice", "PROPPATCH", name, [("Content-Type", "application/xml")],
                         update_body(("set", prop("color", "red"))))
    assert answer.status == 207 and b"200 OK" in answer.body, answer


def color(guarded, name):
    response = guarded.dav.propfind(name, "0", ALLPROP, as_user("alice"))[0]
    return response.text("color", access.writing.NS)


@pytest.mark.parametrize("name", ["files", "location-folder", "directory", "if-directory"])
@pytest.mark.parametrize("method", ["COPY", "MOVE", "DELETE"])
def test_properties_of_what_is_denied_stay_with_it(guarded, name, method):
    kind = KINDS[name]
    inner = kind.secret + "in.txt" if kind.is_folder else kind.secret
    guarded.make_kind(kind)
    for path in {kind.secret, inner, "open.txt", ""}:
        set_color(guarded, f"{kind.name}/{path}")
    if method == "DELETE":
        answer = guarded.ask("bob", "DELETE", kind.name + "/")
    else:
        answer = guarded.transfer("bob", method, kind.name + "/", "there/")
    assert failures(answer, f"/dav/{kind.name}/") == refused(kind)
    for path in (kind.secret, inner):
        assert color(guarded, f"{kind.name}/{path}") == "red", path
    if method != "DELETE":
        assert color(guarded, "there/open.txt") == "red"
        assert color(guarded, "there/") == "red"
        # Made past the server, it must not be found with the other's properties.
        guarded.make({f"there/{inner}": "mine\n"})
        assert color(guarded, f"there/{inner}") is None


def test_a_lock_on_what_is_denied_outlives_a_move_and_a_delete_of_its_folder(guarded):
    kind = KINDS["files"]
    guarded.make_kind(kind)
    lock = locking.lock(guarded.dav, f"{kind.name}/{kind.secret}", headers=as_user("alice"))
    token = lock.token.encode()
    answer = guarded.transfer("bob", "MOVE", kind.name + "/", "there/")
    assert token not in answer.body, answer
    answer = guarded.ask("bob", "DELETE", kind.name + "/")
    assert token not in answer.body
    assert guarded.dav.tree(kind.name)["secret.txt"] == b"classified\n"
    found = guarded.dav.propfind(f"{kind.name}/{kind.secret}", "0", locking.DISCOVERY, as_user("alice"))
    assert token in found.body


@pytest.mark.parametrize("name", ["files", "location-folder"])
def test_a_deep_lock_over_something_denied_tells_nothing_of_it(guarded, name):
    """It may be granted or refused, but the answer is the same whether the secret is locked by someone else or what."""
    kind = KINDS[name]
    guarded.make_kind(kind)
    answer = locking.ask_lock(guarded.dav, kind.name + "/", depth="infinity", headers=as_user("bob"))
    assert answer.status in (200, 207, 403) and kind.secret.rstrip("/").encode() not in answer.body, answer
    if answer.status == 200:  # it covers the members that bob may not touch, but opens none of them for him
        lock = locking.Lock(answer)
        guarded.expect_refusals()
        inner = kind.secret + "in.txt" if kind.is_folder else kind.secret
        assert guarded.ask("bob", "PUT", f"{kind.name}/{inner}", [lock.submit], b"x").status in (401, 403)
        assert guarded.ask("bob", "UNLOCK", kind.name + "/", [("Lock-Token", f"<{lock.token}>")]).status == 204


@pytest.mark.parametrize("name", ["files", "location-folder"])
def test_a_deep_lock_that_meets_a_lock_on_something_denied(guarded, name):
    kind = KINDS[name]
    guarded.make_kind(kind)
    inner = kind.secret + "in.txt" if kind.is_folder else kind.secret
    theirs = locking.lock(guarded.dav, f"{kind.name}/{inner}", headers=as_user("alice"), owner="alice-owns-this")
    answer = locking.ask_lock(guarded.dav, kind.name + "/", depth="infinity", headers=as_user("bob"))
    assert answer.status != 500
    for said in (theirs.token.encode(), b"alice-owns-this"):
        assert said not in answer.body, answer


def test_lockdiscovery_of_a_listing_leaves_out_what_is_denied(guarded):
    kind = KINDS["files"]
    guarded.make_kind(kind)
    theirs = locking.lock(guarded.dav, f"{kind.name}/{kind.secret}", headers=as_user("alice"))
    listing = guarded.dav.propfind(kind.name + "/", "infinity", locking.DISCOVERY, as_user("bob"))
    assert theirs.token.encode() not in listing.body


# -- the If header


@pytest.mark.parametrize("name", ["hidden/x.txt", "hidden/none.txt", "hidden/", "hidden/deeper/y.txt"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PROPPATCH", "MOVE"])
def test_a_tagged_if_about_something_denied_reveals_nothing(guarded, name, method):
    """An entity tag or token that is true there is answered as one that is not: it has no state."""
    guarded.make({"hidden/x.txt": "classified", "hidden/deeper/y.txt": "classified", "mine.txt": "mine"})
    url = f"http://127.0.0.1:{guarded.server.port}/dav/{name}"
    exists = (guarded.server.data / name).exists()
    tag = guarded.dav.propfind(name, "0", ALLPROP, as_user("alice"))[0].text("getetag") if exists else '"1-2-3"'
    token = locking.lock(guarded.dav, name, headers=as_user("alice"), depth="0").token if exists else "urn:uuid:x"
    body = {"PUT": b"new", "PROPPATCH": update_body(("set", prop("p", "v")))}.get(method)
    conditions = [f"([{tag}])" if tag else None, f"(<{token}>)", '(["no-such"])', "(<urn:uuid:no-such>)"]
    answers = []
    for condition in filter(None, conditions):
        headers = [("If", f"<{url}> {condition}"), ("Destination", "/dav/other.txt")]
        answers.append(guarded.ask("bob", method, "mine.txt", headers, body))
    assert {a.status for a in answers} == {412}, answers
    assert len({a.body for a in answers}) == 1
    assert guarded.dav.tree("mine.txt") == {} and (guarded.server.data / "mine.txt").read_bytes() == b"mine"


def test_a_tagged_if_asks_whether_the_resource_may_be_listed(guarded_with):
    guarded = guarded_with(location=f"<Limit PROPFIND>\n{ALICE}</Limit>\n")
    guarded.make({"x.txt": "classified", "mine.txt": "mine"})
    tag = guarded.dav.propfind("x.txt", "0", ALLPROP, as_user("alice"))[0].text("getetag")
    answer = guarded.ask("bob", "PUT", "mine.txt", [("If", f"</dav/x.txt> ([{tag}])")], b"new")
    assert answer.status == 412, "bob may not PROPFIND x.txt, but has its entity tag confirmed"


# -- what no section shows


@pytest.fixture(scope="module")
def hook():
    return modules.load_line(modules.OWN / "mod_deny_uri.c", "deny_uri")


def test_each_asks_for_each_member_of_a_tree(guarded_with, hook):
    guarded = guarded_with(conf=hook, location="DavMultistatusAuthz each\n")
    files = {"d/hook-denied.txt": "a", "d/hook-read-only.txt": "b", "d/open.txt": "c", "d/s/hook-denied.txt": "d"}
    guarded.make(files)
    answer = guarded.transfer("bob", "COPY", "d/", "e/")
    assert failures(answer, "/dav/d/") == {"": 403, "hook-read-only.txt": 403, "s/": 403}
    assert guarded.dav.tree("e") == {"open.txt": b"c", "s": None}
    answer = guarded.transfer("bob", "MOVE", "d/", "f/")
    assert set(failures(answer, "/dav/d/")) == {"", "hook-read-only.txt", "s/"}
    assert guarded.dav.tree("f") == {"open.txt": b"c", "s": None}
    left = {"hook-denied.txt": b"a", "hook-read-only.txt": b"b", "s": None, "s/hook-denied.txt": b"d"}
    assert guarded.dav.tree("d") == left
    answer = guarded.ask("bob", "DELETE", "d/")
    assert set(failures(answer, "/dav/d/")) == {"", "hook-read-only.txt", "s/"}
    assert guarded.dav.tree("d") == left


# -- sections for all below a collection, and other spellings of it


@pytest.mark.parametrize("section", ['<Location "/dav/top/">\n%s</Location>', '<LocationMatch "^/dav/top/">\n%s</LocationMatch>',
                                     '<LocationMatch "^/dav/top/.">\n%s</LocationMatch>'],
                         ids=["location-slash", "locationmatch-slash", "locationmatch-any"])
@pytest.mark.parametrize("method", ["DELETE", "MOVE", "COPY"])
@pytest.mark.parametrize("name", ["top", "top/"])
def test_a_section_for_all_below_a_collection(guarded_with, section, method, name):
    guarded = guarded_with(conf=section % ALICE)
    guarded.expect_refusals()
    guarded.make({"top/file.txt": "classified", "top/sub/in.txt": "classified"})
    before = guarded.dav.tree("top")
    answer = guarded.transfer("bob", method, name, "stolen")
    assert answer.status in (207, 401), answer
    assert guarded.dav.tree("top") == before
    assert b"classified" not in guarded.dav.tree("stolen").values()


@pytest.mark.parametrize("section", ['<Location "/dav/top/">\n%s</Location>', '<LocationMatch "^/dav/top/">\n%s</LocationMatch>'],
                         ids=["location-slash", "locationmatch-slash"])
@both
def test_a_destination_without_its_slash_does_not_go_past_a_section(guarded_with, section, method):
    guarded = guarded_with(conf=section % ALICE)
    guarded.expect_refusals()
    guarded.make({"src/file.txt": "mine", "src/sub/in.txt": "mine"})
    assert guarded.ask("bob", "PUT", "top/file.txt", body=b"x").status == 401
    guarded.transfer("bob", method, "src", "top")
    assert b"mine" not in guarded.dav.tree("top").values(), guarded.dav.tree("top")


@pytest.mark.parametrize("method", ["DELETE", "MOVE", "COPY"])
@pytest.mark.parametrize("name", ["/dav//top/", "/dav/top//"])
def test_doubled_slashes_do_not_go_past_a_section(guarded_with, method, name):
    guarded = guarded_with(conf=f'MergeSlashes Off\n<Location "/dav/top/file.txt">\n{ALICE}</Location>')
    guarded.expect_refusals()
    guarded.make({"top/file.txt": "classified", "top/open.txt": "public"})
    assert guarded.server.ask("DELETE", name + "file.txt", as_user("bob")).status == 401
    guarded.server.ask(method, name, [*as_user("bob"), ("Destination", "/dav/stolen/")])
    assert guarded.dav.tree("top").get("file.txt") == b"classified"
    assert b"classified" not in guarded.dav.tree("stolen").values()


@pytest.mark.parametrize("section", ['<Directory "{data}/dir/secret.txt">\n%s</Directory>',
                                     '<DirectoryMatch "/dir/secret\\.txt$">\n%s</DirectoryMatch>'], ids=["literal", "match"])
@pytest.mark.parametrize("method", ["DELETE", "MOVE", "COPY"])
def test_a_directory_section_that_names_a_file(guarded_with, section, method):
    guarded = guarded_with(conf=section % ALICE)
    guarded.expect_refusals()
    guarded.make({"dir/secret.txt": "classified", "dir/open.txt": "x"})
    if guarded.ask("bob", "GET", "dir/secret.txt").status == 200:
        pytest.skip("httpd does not take such a section to be for files")
    guarded.transfer("bob", method, "dir/", "stolen/")
    assert guarded.dav.tree("dir").get("secret.txt") == b"classified"
    assert "secret.txt" not in guarded.dav.tree("stolen")


def test_the_log_is_silent_about_htaccess_files_in_a_tree(guarded):
    """Nobody has asked for them. The fixture fails on any line in the log."""
    guarded.make({"d/.htaccess": "", "d/.htpasswd": "", "d/s/.htgroup": "", "d/a.txt": ""})
    answer = guarded.transfer("bob", "COPY", "d/", "e/")
    assert failures(answer, "/dav/d/") == {"": 403, "s/": 403}
    assert guarded.transfer("bob", "MOVE", "e/", "f/").status == 201
    assert failures(guarded.ask("bob", "DELETE", "d/"), "/dav/d/") == {"": 403, "s/": 403}
    assert guarded.propfind("bob", "d/", "infinity", RESOURCETYPE).below() == ["s/"]
