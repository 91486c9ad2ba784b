"""Questions to httpd: none is asked twice for one request, and no password is checked twice."""

import base64

import pytest

import harness
import modules
import writing

FOLDERS = 30
LOAD = modules.load_line(modules.OWN / "mod_authn_counting.c", "authn_counting")
AUTH = 'AuthType Basic\nAuthName "test"\nAuthBasicProvider counting\nCountingPassword right\n'


def credentials(password="right", user="alice"):
    return [("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())]


class Counted:
    """A server with FOLDERS folders, each of which only alice may see, and a count of the passwords checked."""

    def __init__(self, conf="", location="", htaccess=()):
        self.server = harness.Server(conf=LOAD + 'CountingFile "{root}/checks"\n' + conf, location=location)
        self.file = self.server.root / "checks"
        self.file.touch()
        self.file.chmod(0o666)
        for i in range(FOLDERS):
            (self.server.data / f"f{i}").mkdir()
            (self.server.data / f"f{i}" / "in.txt").write_text("in")
        for name, text in htaccess:
            (self.server.data / name / ".htaccess").write_text(text)
        writing.give(self.server.data)
        self.server.start()

    def checks(self):
        count = len(self.file.read_text().splitlines())
        self.file.write_text("")
        return count

    def names(self, headers, depth="infinity"):
        return self.server.propfind("/dav/", depth, harness.RESOURCETYPE, headers).names()


@pytest.fixture
def counted():
    servers = []

    def make(**kw):
        servers.append(Counted(**kw))
        return servers[-1]

    yield make
    for each in servers:
        wrong = each.server.stop()
        each.server.remove()
        assert not wrong, "\n".join(wrong)


ALL = [f"f{i}/" for i in range(FOLDERS)]
PATCH = b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>'
PER_FOLDER = '<LocationMatch "^/dav/f">\n{auth}Require user alice\n</LocationMatch>\n'


def test_a_listing_checks_the_password_once(counted):
    c = counted(location=AUTH + "Require valid-user", conf='<LocationMatch "^/dav/f">\nRequire user alice\n</LocationMatch>')
    c.server.expect_log("AH01630")
    assert set(ALL) <= set(c.names(credentials()))
    assert c.checks() == 1
    assert not set(ALL) & set(c.names(credentials(user="bob")))  # the client is who it is: not alice
    assert c.checks() == 1


def test_where_only_the_folders_ask_for_a_password_it_is_checked_once(counted):
    c = counted(location="Require all granted", conf=PER_FOLDER.format(auth=AUTH))
    assert set(ALL) <= set(c.names(credentials()))
    assert c.checks() == 1
    assert not set(ALL) & set(c.names(credentials("wrong")))
    assert c.checks() == 1
    assert not set(ALL) & set(c.names([]))
    assert c.checks() == 0


def test_a_place_that_authenticates_by_other_means_is_asked(counted):
    c = counted(location=AUTH + "Require valid-user", conf="".join(
        f'<Location "/dav/f{i}">\nCountingPassword other\nRequire valid-user\n</Location>\n' for i in range(3)))
    c.server.expect_log("AH01617")
    found = c.names(credentials())
    assert not {"f0/", "f1/", "f2/"} & set(found) and "f3/" in found
    assert c.checks() == 1 + 3


def test_an_if_header_with_many_tags_checks_the_password_once(counted):
    c = counted(location=AUTH + "Require valid-user", conf=PER_FOLDER.format(auth=""))
    tags = " ".join(f'<http://127.0.0.1:{c.server.port}/dav/f{i % FOLDERS}/in.txt> (["no"])' for i in range(60))
    answer = c.server.ask("PROPPATCH", "/dav/f0/in.txt", [*credentials(), ("If", tags)],
                          PATCH)
    assert answer.status == 412, answer
    assert c.checks() == 1


def test_a_delete_checks_the_password_once(counted):
    c = counted(location=AUTH + "Require valid-user", conf=PER_FOLDER.format(auth=""))
    answer = c.server.ask("DELETE", "/dav/f1", credentials())
    assert answer.status == 204, answer
    assert c.checks() == 1


OVERRIDE = '<Directory "{data}">\nAllowOverride All\n</Directory>\n'


@pytest.mark.parametrize("top", [False, True])  # whether the request itself is ruled by an .htaccess file
def test_htaccess_files_that_only_require_are_no_reason_to_check_again(counted, top):
    rule = AUTH + "Require valid-user\n"
    c = counted(location="" if top else rule, conf=OVERRIDE, htaccess=[
        *((f"f{i}", "Require user alice\n") for i in range(5)), *([(".", rule)] if top else [])])
    assert set(ALL) <= set(c.names(credentials()))
    assert c.checks() == 1


def test_htaccess_files_that_authenticate_by_other_means_are_heeded(counted):
    c = counted(conf=f'<Directory "{{data}}">\nAllowOverride All\n{AUTH}Require valid-user\n</Directory>\n',
                htaccess=[("f1", "CountingPassword other\n"), ("f3", "CountingPassword other\nRequire user alice\n")])
    c.server.expect_log("AH01617")
    for _ in range(2):
        found = set(c.names(credentials()))
        assert {"f0/", "f2/"} <= found and not {"f1/", "f3/"} & found
        assert 1 + 2 <= c.checks() <= 1 + 4


def test_a_name_that_nobody_has_checked_is_nobody(counted):
    """Two places with one realm: what is the right password in one is none in the other."""
    c = counted(location="Require all granted", conf="".join(
        f'<Location "/dav/f{i}">\n{AUTH}CountingPassword {word}\nRequire valid-user\n</Location>\n'
        for i, word in enumerate(["right", "other", "right", "other"])))
    c.server.expect_log("AH01617")
    found = set(c.names(credentials()))
    assert {"f0/", "f2/", "f4/"} <= found and not {"f1/", "f3/"} & found
    found = set(c.names(credentials("other")))
    assert {"f1/", "f3/", "f4/"} <= found and not {"f0/", "f2/"} & found
