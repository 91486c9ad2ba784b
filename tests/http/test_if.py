"""The If header as a condition (412, 400) and as what submits tokens (RFC 4918 sections 7.5, 10.4)."""

import pytest

from locking import ask_lock, lock, refused, submit, tagged, tokens_on, unlock

STRANGER = "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.fixture
def files(dav):
    dav.file("a.txt", b"a")
    dav.file("b.txt", b"b")
    dav.file("sub/c.txt", b"c")
    return dav


def put(files, value, name="a.txt"):
    """The status of a PUT with this If header, with names in it: {a} and {b} are URLs, {A} and {B} entity tags, {at}
    and {bt} the tokens of locks on them, {x} a token of none."""
    return files.put(name, b"new", ("If", value)).status


@pytest.fixture
def fill(files):
    """A format function for If headers: see `put`."""
    values = {"a": files.url + "a.txt", "b": files.url + "b.txt", "c": files.url + "sub/c.txt", "x": STRANGER,
              "none": files.url + "none.txt", "host": f"http://127.0.0.1:{files.server.port}",
              "A": files.etag("a.txt"), "B": files.etag("b.txt"), "sub": files.url + "sub/", "SUB": files.etag("sub/")}

    def filled(text, **more):
        text = text.replace("<<", "\x01").replace(">>", "\x02")
        for key, value in {**values, **more}.items():
            text = text.replace("{" + key + "}", str(value))
        return text
    return filled


# -- no locks: a condition only


TRUE = ["([{A}])", "([{A}] [{A}])", '(["x"]) ([{A}])', '([{A}]) (["x"])', "(Not <{x}>)", '(Not ["x"])',
        "(Not <DAV:no-lock>)", "(<DAV:no-lock>) (Not <DAV:no-lock>)", "([{A}] Not <{x}>)", "(not <{x}>)", "(NOT <{x}>)",
        "<{a}> ([{A}])", "<{b}> ([{B}])", "<{host}{b}> ([{B}])", "<{b}> ([{A}]) ([{B}])", "<{b}> ([{A}]) <{a}> ([{A}])",
        "<{a}> (<{x}>) <{b}> ([{B}])", "<{none}> (Not <{x}>)", '<{none}> (Not ["x"])', "<http://other.example/y> (Not <{x}>)",
        "<{sub}> (Not <{x}>)", "([{A}])([{A}])", " \t([{A}]) ", '(Not [W/"x"])', "(Not [{B}])", "<{c}> (Not [{A}])",
        "([{A}]\t[{A}])"]

FALSE = ['(["x"])', "(Not [{A}])", "(<{x}>)", "(<DAV:no-lock>)", "([{A}] <{x}>)", "(<{x}> [{A}])", "([{A}] Not [{A}])",
         "([{B}])", "<{a}> ([{B}])", "<{b}> ([{A}])", '<{none}> (["x"])', "<{none}> ([{A}])", "<{none}> (<{x}>)",
         "<http://other.example/y> ([{A}])", "<http://other.example/y> (<{x}>)", "([W/{A}])", "<{b}> ([W/{B}])",
         '(["x"]) (["y"]) (["z"])', "<{a}> (<{x}>) <{b}> (<{x}>)", "(Not <{x}> <{x}>)", "(<http://example.org/token>)",
         "([{A}] [{B}])", "(<opaquelocktoken:nothing>)", "<{b}> (<DAV:no-lock>)", "<{c}?q=1> ([{A}])"]

MALFORMED = ["", "()", "(", ")", "([{A}]", "[{A}]", "<{x}>", "([{A}]) <{a}> ([{A}])", "<{a}> ([{A}]) <{b}>", "<{a}>",
             "(Not)", "(Not Not <{x}>)", "([x])", "([{A})", "(<{x})", "(<>)", "([])", "({x})", "([{A}]) x", "x ([{A}])",
             "([{A}]), ([{A}])", "<> ([{A}])", "<relative.txt> ([{A}])", "(<no uri>)", "([w/{A}])", "([\"x])",
             "([{A}] ,)", "((<{x}>))", "<{a}> <{b}> ([{A}])", "(<{x}> or <{x}>)", "(<relative>)", "(Nots <{x}>)"]


@pytest.mark.parametrize("value", TRUE)
def test_true(files, fill, value):
    assert put(files, fill(value)) == 204
    assert files.get("a.txt").body == b"new"


@pytest.mark.parametrize("value", FALSE)
def test_false_is_412(files, fill, value):
    assert put(files, fill(value)) == 412
    assert files.get("a.txt").body == b"a"


@pytest.mark.parametrize("value", MALFORMED)
def test_malformed_is_400(files, fill, value):
    assert put(files, fill(value)) == 400
    assert files.get("a.txt").body == b"a"


METHODS = {
    "PUT": lambda d, *h: d.put("a.txt", b"x", *h), "DELETE": lambda d, *h: d.delete("a.txt", *h),
    "PROPPATCH": lambda d, *h: d.proppatch("a.txt", ("set", "<p xmlns='urn:p'>1</p>"), headers=h),
    "COPY": lambda d, *h: d.copy("a.txt", "n.txt", *h), "MOVE": lambda d, *h: d.move("a.txt", "n.txt", *h),
    "LOCK": lambda d, *h: ask_lock(d, "a.txt", headers=h), "MKCOL": lambda d, *h: d.mkcol("n/", *h),
    "PUT new": lambda d, *h: d.put("n.txt", b"x", *h), "LOCK new": lambda d, *h: ask_lock(d, "n.txt", headers=h),
    "DELETE collection": lambda d, *h: d.delete("sub/", *h), "MOVE collection": lambda d, *h: d.move("sub/", "n", *h),
    "COPY collection": lambda d, *h: d.copy("sub/", "n", *h),
}


@pytest.mark.parametrize("method", METHODS)
def test_every_writing_method_minds_it(files, fill, method):
    before = files.tree()
    ask = METHODS[method]
    assert ask(files, ("If", fill("(<{x}>)"))).status == 412
    assert ask(files, ("If", fill("<{b}> ([{A}])"))).status == 412
    assert ask(files, ("If", "(")).status == 400
    assert files.tree() == before
    assert tokens_on(files, "a.txt") == set() and files.dead("a.txt") == {}
    assert ask(files, ("If", fill("<{b}> ([{B}])"))).status // 100 == 2


@pytest.mark.parametrize("method, name", [("GET", "a.txt"), ("HEAD", "a.txt"), ("PROPFIND", "a.txt"), ("PROPFIND", "sub/")])
def test_reading_minds_it_too(files, fill, method, name):
    """Section 10.4.1: where it is evaluated and no list holds, the request must fail with a 412."""
    own = files.etag(name)

    def status(value):
        return files.ask(method, name, [("Depth", "1"), ("If", fill(value, own=own))]).status
    assert [status(false) for false in ("(<{x}>)", "([{B}])", "<{b}> ([{A}])", "(Not [{own}])")] == [412] * 4
    assert status("(") == 400
    for true in ("([{own}])", "(Not <{x}>)", "<{b}> ([{B}])"):
        assert status(true) == (207 if method == "PROPFIND" else 200), true
    token = lock(files, name).token
    assert status(f"(<{token}>)") // 100 == 2 and status(f"(Not <{token}>)") == 412


def test_a_complaint_names_the_header_once(files, fill):
    for value in MALFORMED:
        body = files.put("a.txt", b"x", ("If", fill(value))).body
        assert body.count(b"If:") == 1, (value, body)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND", "OPTIONS"])
def test_reading_needs_no_token(files, method):
    lock(files, "a.txt")
    assert files.ask(method, "a.txt", [("Depth", "0")]).status // 100 == 2


def test_an_unmapped_url_has_no_state(files, fill):
    assert put(files, "(Not <DAV:no-lock>)", "new.txt") == 201
    files.delete("new.txt")
    assert put(files, '(["x"])', "new.txt") == 412
    assert put(files, fill("(<{x}>)"), "new.txt") == 412
    assert put(files, fill("([{A}])"), "new.txt") == 412
    assert not files.disk("new.txt").exists()


def test_an_etag_of_a_put_before(files):
    for i in range(3):
        answer = files.put("a.txt", b"%d" % i)
        assert put(files, f"([{answer.get('ETag')}])") == 204
        assert put(files, f"([{answer.get('ETag')}])") == 412


def test_escapes_in_a_tag_do_not_matter(files, fill):
    files.file("d%20e.txt")
    etag = files.etag("d%20e.txt")
    for name in ("d%20e.txt", "%64%20e.txt", "d%20e%2Etxt"):
        assert put(files, f"<{files.url}{name}> ([{etag}])") == 204, name
    assert put(files, fill("<{host}:1{a}> ([{A}])")) in (400, 412)


def test_a_tag_that_the_client_may_not_see_has_no_state(dav_on):
    dav = dav_on(conf='<Location "/dav/secret/">\nRequire all denied\n</Location>\n')
    dav.server.expect_log("AH01630: client denied by server configuration")
    dav.file("secret/s.txt")
    dav.file("a.txt")
    etag = dav.put("a.txt", b"x").get("ETag")
    assert put(dav, f"<{dav.url}a.txt> ([{etag}])") == 204
    assert put(dav, f"<{dav.url}secret/s.txt> (Not [\"x\"])") == 204
    # Nobody can find out an entity tag by asking.
    stat = dav.disk("secret/s.txt").stat()
    dav.disk("t.txt").hardlink_to(dav.disk("secret/s.txt"))
    etag = dav.etag("t.txt")
    assert stat.st_nlink == 1
    assert put(dav, f"<{dav.url}t.txt> ([{etag}])") == 204
    assert put(dav, f"<{dav.url}secret/s.txt> ([{etag}])") == 412


def test_many_conditions(files, fill):
    # Up to httpd's limit of a header line, 8,190 bytes.
    value = " ".join(['(["x"])'] * 900)
    assert put(files, value) == 412
    assert put(files, value + fill(" ([{A}])")) == 204


def test_two_if_headers_are_400(files, fill):
    value = ("If", fill("([{A}])"))
    assert files.put("a.txt", b"new", value, value).status == 400


# -- with locks


def test_an_unsubmitted_lock_is_423(files):
    held = lock(files, "a.txt")
    answer = files.put("a.txt", b"x")
    refused(answer, files.url + "a.txt")
    refused(files.put("a.txt", b"x", ("If", "(Not <DAV:no-lock>)")), held.root)
    refused(files.put("a.txt", b"x", submit_nothing(files)), held.root)
    assert files.get("a.txt").body == b"a"


def submit_nothing(files):
    return "If", f"([{files.etag('a.txt')}])"


def test_a_deep_lock_s_href_is_its_root(files):
    held = lock(files, "sub/")
    refused(files.put("sub/c.txt", b"x"), files.url + "sub/")
    assert held.root == files.url + "sub/"


OPENS = ["(<{at}>)", "(<{at}> [{A}])", '(<{at}> ["x"]) (<{at}>)', "<{a}> (<{at}>)", "<{host}{a}> (<{at}>)",
         "(<{at}>) (Not <DAV:no-lock>)", '(<{at}> ["x"]) (Not <DAV:no-lock>)', "(Not <{at}>) (Not <DAV:no-lock>)",
         "(<{x}>) (<{at}>)", "(Not <{x}> <{at}>)", "<{b}> (Not <{at}>)", "<{b}> (<{at}>) <{a}> (<{at}>)",
         "(<{at}> Not <DAV:no-lock>)", "<{none}> (Not <{at}>)"]

CLOSED = [("(Not <{at}>)", 412), ("(<{at}> <{x}>)", 412), ('(<{at}> ["x"])', 412), ("(<{at}> <DAV:no-lock>)", 412),
          ("<{b}> (<{at}>)", 412), ("(<{x}>)", 412), ("(Not <{x}>)", 423), ("([{A}])", 423), ("(<DAV:no-lock>)", 412),
          ("(Not <DAV:no-lock>)", 423), ("<{b}> ([{B}])", 423), ("<{b}> (<{x}>)", 412), ("(<{at}>", 400)]


@pytest.mark.parametrize("value", OPENS)
def test_a_token_submitted_anywhere_opens(files, fill, value):
    held = lock(files, "a.txt")
    assert put(files, fill(value, at=held.token)) == 204


@pytest.mark.parametrize("value, status", CLOSED)
def test_what_does_not_open(files, fill, value, status):
    held = lock(files, "a.txt")
    assert put(files, fill(value, at=held.token)) == status
    assert files.get("a.txt").body == b"a"


def test_a_false_list_is_412_even_where_nothing_is_locked(files, fill):
    held = lock(files, "b.txt")
    assert put(files, fill("(<{bt}>)", bt=held.token)) == 412
    assert put(files, fill("<{b}> (<{bt}>)", bt=held.token)) == 204
    assert put(files, fill("<{b}> (Not <{bt}>)", bt=held.token)) == 412
    assert put(files, fill("<{b}> (<{bt}> [{B}])", bt=held.token)) == 204
    unlock(files, "b.txt", held.token)
    assert put(files, fill("<{b}> (<{bt}>)", bt=held.token)) == 412


def test_a_deep_lock_s_token_is_a_state_of_every_member(files, fill):
    held = lock(files, "sub/")
    for value in ("(<{t}>)", "<{c}> (<{t}>)", "<{sub}> (<{t}>)", "<{host}{sub}> (<{t}>)"):
        assert put(files, fill(value, t=held.token), "sub/c.txt") == 204, value
    assert put(files, fill("<{a}> (<{t}>)", t=held.token), "sub/c.txt") == 412
    # An unmapped URL in a deep lock's scope.
    assert put(files, fill("<{sub}> (<{t}>)", t=held.token), "sub/new.txt") == 201
    assert put(files, fill("<{sub}none.txt> (<{t}>)", t=held.token), "sub/new.txt") in (204, 412)


def test_a_shallow_lock_s_token_is_not_a_state_of_members(files, fill):
    held = lock(files, "sub/", depth="0")
    assert put(files, fill("(<{t}>)", t=held.token), "sub/c.txt") == 412
    assert put(files, fill("<{sub}> (<{t}>)", t=held.token), "sub/new.txt") == 201


def test_two_locks_need_both_tokens(files, fill):
    parent, member = lock(files, "sub/", depth="0"), lock(files, "sub/c.txt")
    both = tagged((parent.root, parent.token), (member.root, member.token))
    refused(files.delete("sub/c.txt", member.submit), parent.root)
    refused(files.delete("sub/c.txt", parent.tagged()), member.root)
    assert files.delete("sub/c.txt", both).status == 204


def test_weak_and_strong(files, fill):
    assert put(files, fill("([W/{A}]) ([{A}])")) == 204
    assert put(files, '([W/"x"])') == 412


def test_rfc_example_10_4_8(files, fill):
    """(<locktoken>) (Not <DAV:no-lock>): write, whether the lock is still there or not."""
    held = lock(files, "a.txt")
    value = fill("(<{t}>) (Not <DAV:no-lock>)", t=held.token)
    assert put(files, value) == 204
    assert unlock(files, "a.txt", held.token).status == 204
    assert put(files, value) == 204
    lock(files, "a.txt")
    assert put(files, value) == 423


def test_submit_helper_is_what_it_says():
    assert submit("a:b", "c:d") == ("If", "(<a:b> <c:d>)")
    assert tagged(("/x", "a:b"), ("/y", "c:d")) == ("If", "</x> (<a:b>) </y> (<c:d>)")
