"""What the tests of locks share: requests that lock, what they answer, users, and the rows of the store."""

import base64
import contextlib
import hashlib
import re
import sqlite3

from lxml import etree

import harness
import writing
from harness import prop_body

DISCOVERY = prop_body("lockdiscovery", "supportedlock")
TOKEN = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
LOCK_TIME = re.compile(r"Second-(\d+)|Infinite")


def lock_body(scope="exclusive", owner="<D:href>http://example.org/~ejw/</D:href>"):
    """A lockinfo; `owner` is the content of DAV:owner as XML, None for no such element."""
    owner = "" if owner is None else f"<D:owner>{owner}</D:owner>"
    return (f'<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{scope}/></D:lockscope>'
            f"<D:locktype><D:write/></D:locktype>{owner}</D:lockinfo>")


def submit(*tokens):
    """An If header that is true where the request's own resource has all of them."""
    return "If", "(" + " ".join(f"<{t}>" for t in tokens) + ")"


def tagged(*pairs):
    """An If header of (URL, token) pairs."""
    return "If", " ".join(f"<{url}> (<{token}>)" for url, token in pairs)


class Active:
    """14.1: <!ELEMENT activelock (lockscope, locktype, depth, owner?, timeout?, locktoken?, lockroot) >"""

    def __init__(self, element):
        children = harness.names(element)
        assert re.fullmatch("lockscope locktype depth( owner)? timeout locktoken lockroot", " ".join(children)), children
        assert harness.names(element.find("{DAV:}locktype")) == ["write"]
        (self.scope,) = harness.names(element.find("{DAV:}lockscope"))
        self.depth = element.findtext("{DAV:}depth")
        self.owner = element.find("{DAV:}owner")
        self.timeout = element.findtext("{DAV:}timeout")
        match = LOCK_TIME.fullmatch(self.timeout)
        assert match, self.timeout
        self.seconds = None if self.timeout == "Infinite" else int(match.group(1))
        (self.token,) = [e.text for e in element.find("{DAV:}locktoken")]
        (self.root,) = [e.text for e in element.find("{DAV:}lockroot")]
        assert self.scope in ("exclusive", "shared") and self.depth in ("0", "infinity"), children
        assert TOKEN.fullmatch(self.token), self.token
        assert harness.URI_PATH.fullmatch(self.root), self.root

    def __repr__(self):
        return f"<Active {self.scope} {self.depth} {self.root} {self.timeout}>"


def actives(discovery):
    """The Actives of a DAV:lockdiscovery element."""
    assert set(harness.names(discovery)) <= {"activelock"}, harness.names(discovery)
    return [Active(e) for e in discovery]


def answered(answer):
    """The Actives in the body of a LOCK that went well."""
    assert "xml" in answer.get("Content-Type", ""), answer
    root = etree.fromstring(answer.body)
    assert root.tag == "{DAV:}prop" and harness.names(root) == ["lockdiscovery"], answer
    harness.check_prefixes(root)
    return actives(root[0])


class Lock:
    """A new lock: its token, its Active as the answer showed it, and the answer."""

    def __init__(self, answer):
        self.answer = answer
        header = answer.get("Lock-Token")
        assert header and header[0] == "<" and header[-1] == ">", answer
        self.token = header[1:-1]
        assert TOKEN.fullmatch(self.token), header
        (self.active,) = [a for a in answered(answer) if a.token == self.token]
        self.root = self.active.root

    @property
    def submit(self):
        return submit(self.token)

    def tagged(self, url=None):
        return tagged((url or self.root, self.token))


def ask_lock(dav, name="", scope="exclusive", depth=None, timeout=None, headers=(), **kw):
    """A LOCK for a new lock: returns the Answer."""
    headers = [("Content-Type", 'application/xml; charset="utf-8"'), *headers]
    if depth is not None:
        headers.append(("Depth", depth))
    if timeout is not None:
        headers.append(("Timeout", timeout))
    return dav.ask("LOCK", name, headers, lock_body(scope, **kw))


def lock(dav, name="", scope="exclusive", depth=None, timeout=None, headers=(), status=(200, 201), **kw):
    """A LOCK that must go well: returns the Lock."""
    answer = ask_lock(dav, name, scope, depth, timeout, headers, **kw)
    assert answer.status in ((status,) if isinstance(status, int) else status), answer
    return Lock(answer)


def refresh(dav, name, *tokens, timeout=None, headers=()):
    """A LOCK without body: returns the Answer."""
    headers = [submit(*tokens), *headers]
    if timeout is not None:
        headers.append(("Timeout", timeout))
    return dav.ask("LOCK", name, headers)


def unlock(dav, name, token, headers=()):
    return dav.ask("UNLOCK", name, [("Lock-Token", f"<{token}>"), *headers])


def locks_on(dav, name="", headers=()):
    """The Actives that a PROPFIND shows on a resource."""
    return actives(dav.propfind(name, body=DISCOVERY, headers=headers)[0].prop("lockdiscovery"))


def tokens_on(dav, name="", headers=()):
    return {a.token for a in locks_on(dav, name, headers)}


def error_hrefs(answer, condition, status=423):
    """The hrefs in the precondition that an answer names, which must be this one."""
    assert answer.status == status, answer
    assert answer.precondition() == [condition], answer
    (element,) = etree.fromstring(answer.body).findall("{DAV:}" + condition)
    assert set(harness.names(element)) <= {"href"}, answer
    return [e.text for e in element]


def refused(answer, *roots):
    """A write was refused because of the locks with these roots."""
    hrefs = error_hrefs(answer, "lock-token-submitted")
    assert sorted(hrefs) == sorted(roots), answer


# -- users


def basic(user):
    """The Authorization header of a user of `users_conf`."""
    return "Authorization", "Basic " + base64.b64encode(f"{user}:secret of {user}".encode()).decode()


USERS_CONF = """
<Location "/dav/">
    AuthType Basic
    AuthName dms
    AuthBasicProvider file
    AuthUserFile "{root}/users"
    Require valid-user
</Location>
"""


def add_users(server, *users):
    lines = []
    for user in users:
        digest = base64.b64encode(hashlib.sha1(f"secret of {user}".encode()).digest()).decode()
        lines.append(f"{user}:{{SHA}}{digest}\n")
    (server.root / "users").write_text("".join(lines))


# -- the server and its store


def start_again(server):
    """Starts a server that has been stopped or killed; its log goes on."""
    before = server.log_text().count("resuming normal operations")
    server.start_once()
    writing.wait_until(lambda: server.log_text().count("resuming normal operations") > before, 20, "it did not start")


@contextlib.contextmanager
def database(server):
    with contextlib.closing(sqlite3.connect(writing.store_path(server), timeout=10)) as db, db:
        yield db


def rows(server, below=""):
    """How many locks the store holds, expired ones too, on URLs that begin so."""
    with database(server) as db:
        return db.execute("SELECT count(*) FROM lock WHERE substr(uri, 1, ?) = ?", (len(below), below)).fetchone()[0]
