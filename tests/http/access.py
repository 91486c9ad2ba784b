"""What the tests of access share: users, and one server with a folder for each kind of section that can deny.

A *kind* is a way to deny a *secret* (a file, or a folder with a file in it) to all users but alice, in a folder of the
kind's own name. Beside the secret there are files and folders that all may see."""

import base64
import contextlib
import hashlib
import os
import shutil
import sqlite3

import harness
import writing
from writing import Dav

PASSWORDS = {"alice": "wonderland", "bob": "builder"}
DENIED_LOG = r"AH01630|AH01631|AH01797|AH01618|AH01617"  # what httpd says of a request that it refuses itself

AUTH = """\
AuthType Basic
AuthName "test"
AuthBasicProvider file
AuthUserFile "{root}/users"
"""


def as_user(user):
    """The headers of a user; None is nobody."""
    if user is None:
        return []
    pair = f"{user}:{PASSWORDS[user]}".encode()
    return [("Authorization", "Basic " + base64.b64encode(pair).decode())]


def users_file():
    """The lines of an AuthUserFile, with the cheapest hash that there is."""
    return "".join(f"{user}:{{SHA}}{base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()}\n"
                   for user, password in PASSWORDS.items())


class Kind:
    """One way to deny. `conf` is for the server, where @ is the kind's name; `files` are written into the folder."""

    def __init__(self, secret, conf="", **files):
        self.secret, self.conf = secret, conf
        self.files = {name.replace("__", "/").replace("_htaccess", ".htaccess"): text for name, text in files.items()}
        self.is_folder = secret.endswith("/")


ALICE = "Require user alice\n"
IN_DIRECTORY = '<Directory "{data}/@">\n%s\n</Directory>'
OVERRIDE = IN_DIRECTORY % "AllowOverride All"

KINDS = {
    "location-file": Kind("secret.txt", f'<Location "/dav/@/secret.txt">\n{ALICE}</Location>'),
    "location-folder": Kind("secret/", f'<Location "/dav/@/secret">\n{ALICE}</Location>'),
    "location-slash": Kind("secret/", f'<Location "/dav/@/secret/">\n{ALICE}</Location>'),
    "location-glob": Kind("secret.txt", f'<Location "/dav/*/sec*.t?t">\n{ALICE}</Location>'.replace("*/", "@/", 1)),
    "location-tilde": Kind("secret.txt", f'<Location ~ "^/dav/@/secret">\n{ALICE}</Location>'),
    "location-escaped": Kind("sec ret%.txt", f'<Location "/dav/@/sec ret%.txt">\n{ALICE}</Location>'),
    "locationmatch": Kind("secret.txt", f'<LocationMatch "/@/.*cret\\.txt$">\n{ALICE}</LocationMatch>'),
    "locationmatch-folder": Kind("secret/", f'<LocationMatch "^/dav/@/secret/">\n{ALICE}</LocationMatch>'),
    # The collection matches one pattern, and the member does not: what denies is for all else.
    "locationmatch-not": Kind("secret.txt", f'<LocationMatch "^/dav/@/(?!open|other|sub|$)">\n{ALICE}</LocationMatch>'),
    "locationmatch-takes-back": Kind(
        "secret.txt", f'<LocationMatch "^/dav/@/.">\n{ALICE}</LocationMatch>\n'
        '<LocationMatch "^/dav/@/(open|other|sub)">\nRequire all granted\n</LocationMatch>'),
    "directory": Kind("secret/", f'<Directory "{{data}}/@/secret">\n{ALICE}</Directory>'),
    "directory-glob": Kind("secret/", f'<Directory "{{data}}/@/sec*">\n{ALICE}</Directory>'),
    "directorymatch": Kind("secret/", f'<DirectoryMatch "/@/secret">\n{ALICE}</DirectoryMatch>'),
    "files": Kind("secret.txt", IN_DIRECTORY % f'<Files "secret.txt">\n{ALICE}</Files>'),
    "files-glob": Kind("secret.txt", IN_DIRECTORY % f'<Files "s?c*.txt">\n{ALICE}</Files>'),
    "files-server": Kind("secret-@.txt", f'<Files "secret-@.txt">\n{ALICE}</Files>'),
    "filesmatch": Kind("secret.txt", IN_DIRECTORY % f'<FilesMatch "^sec.*t$">\n{ALICE}</FilesMatch>'),
    "if-directory": Kind("secret.txt", IN_DIRECTORY % f'<If "%{{REQUEST_URI}} =~ m#/secret#">\n{ALICE}</If>'),
    "if-location": Kind("secret.txt", f'<Location "/dav/@">\n<If "%{{REQUEST_URI}} =~ m#/secret#">\n{ALICE}</If>\n'
                        '</Location>'),
    "if-folder": Kind("secret/", IN_DIRECTORY % f'<If "%{{REQUEST_URI}} =~ m#/secret#">\n{ALICE}</If>'),
    "if-in-files": Kind("secret.txt", IN_DIRECTORY % f'<Files "*.txt">\n<If "%{{REQUEST_URI}} =~ m#/secret#">\n{ALICE}'
                        '</If>\n</Files>'),
    "else": Kind("secret.txt", IN_DIRECTORY % f'<If "%{{REQUEST_URI}} !~ m#/secret#">\nRequire all granted\n</If>\n'
                 f'<Else>\n{ALICE}</Else>'),
    "htaccess-folder": Kind("secret/", OVERRIDE, secret___htaccess=ALICE),
    "htaccess-files": Kind("secret.txt", OVERRIDE, _htaccess=f'<Files "secret.txt">\n{ALICE}</Files>\n'),
    "htaccess-filesmatch": Kind("secret.txt", OVERRIDE, _htaccess=f'<FilesMatch "cret">\n{ALICE}</FilesMatch>\n'),
    "htaccess-if": Kind("secret.txt", OVERRIDE,
                        _htaccess=f'<If "%{{REQUEST_URI}} =~ m#/secret#">\n{ALICE}</If>\n'),
    "require-denied-folder": Kind("secret/", '<Location "/dav/@/secret">\nRequire all denied\n</Location>'),
    "require-denied-file": Kind("secret.txt", '<Location "/dav/@/secret.txt">\nRequire all denied\n</Location>'),
    "deny-from-all": Kind("secret.txt", IN_DIRECTORY % '<Files "secret.txt">\nOrder deny,allow\nDeny from all\n</Files>'),
    "limit-all": Kind("secret.txt", f'<Location "/dav/@/secret.txt">\n<LimitExcept OPTIONS>\n{ALICE}</LimitExcept>\n'
                      '</Location>'),
}
for name, kind in KINDS.items():
    kind.name = name
    kind.secret = kind.secret.replace("@", name)
    kind.conf = kind.conf.replace("@", name)
    kind.denies_all = name in ("require-denied-folder", "require-denied-file", "deny-from-all")

CONF = "\n".join(kind.conf for kind in KINDS.values())


class Guarded:
    """The server with users, and what is on its disk."""

    def __init__(self, conf=CONF, location="", **kw):
        self.server = harness.Server(conf=conf, location=AUTH + location, **kw)
        (self.server.root / "users").write_text(users_file())
        self.server.conf_parts = tuple(part.replace("{root}", str(self.server.root)).replace(
            "{data}", str(self.server.data)) if isinstance(part, str) else part for part in self.server.conf_parts)
        writing.give(self.server.data)
        self.server.start()
        self.dav = Dav(self.server, self.server.data, "/dav/")

    def begin(self):
        self.server.expected = []
        self.server.log_seen = len(self.server.log_text())

    def end(self):
        """What is wrong after a test: alarms in the log, leftovers on the disk; clears the disk."""
        wrong = self.server.new_alarms() + [str(p) for p in writing.leftovers(self.server.data)]
        self.clear()
        with contextlib.closing(sqlite3.connect(writing.store_path(self.server), timeout=10)) as db:
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if table in ("lock", "property", "collection"):
                    db.execute(f"DELETE FROM \"{table}\"")
            db.commit()
        return wrong

    def clear(self):
        for entry in os.scandir(self.server.data):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)

    def expect_refusals(self):
        """The test asks for what is denied, so httpd may say so in its log."""
        self.server.expect_log(DENIED_LOG)

    def make(self, files, top=""):
        """Files {path: content}; a path with a slash at its end is a folder."""
        for path, content in files.items():
            path = self.server.data / top / path
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        writing.give(self.server.data)

    def make_kind(self, kind, top=None):
        """The folder of a kind: returns the paths in it that only alice may see."""
        secret = {kind.secret + "in.txt": "classified\n"} if kind.is_folder else {kind.secret: "classified\n"}
        self.make({"open.txt": "public\n", "other.txt": "public\n", "sub/deep.txt": "public\n", **secret, **kind.files},
                  top or kind.name)
        return [kind.secret, *secret]

    def ask(self, user, method, name="", headers=(), body=None):
        return self.dav.ask(method, name, [*as_user(user), *headers], body)

    def propfind(self, user, name, depth="1", body=harness.RESOURCETYPE):
        return self.dav.propfind(name, depth, body, as_user(user))

    def transfer(self, user, method, name, to, *headers):
        return self.dav.transfer(method, name, to, *as_user(user), *headers)


def stop(guarded):
    wrong = guarded.server.stop()
    guarded.server.remove()
    assert not wrong, "\n".join(wrong)


def failures(answer, target):
    """{path below: status} of a 207 that tells of failures only."""
    result = answer.multistatus()
    base = os.fsencode(target)
    assert all(r.status is not None for r in result), result.responses
    for r in result:
        assert r.path.startswith(base), (r.path, base)
    return {os.fsdecode(r.path[len(base):]): r.status for r in result}
