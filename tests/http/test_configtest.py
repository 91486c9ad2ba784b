"""`httpd -t`, as "apachectl configtest" runs it: what a start, or a graceful restart, would refuse or complain of."""

import os
import re
import shutil
import subprocess

import pytest

import harness
import modules
from harness import IS_ROOT, WEB_USER, Server


@pytest.fixture
def configtest():
    """configtest(conf) is what `httpd -t` says of it, and how it ends; it leaves nothing behind."""
    made = []

    def run(conf="", mode=(), **kw):
        server = Server(conf, **kw)
        made.append(server)
        server.port = harness.free_port()
        server.write_conf()
        return test(server, mode)

    def test(server, mode=()):
        before = sorted(server.root.rglob("*"))
        env = {"PATH": os.environ["PATH"], "LD_PRELOAD": harness.PRELOAD} if harness.PRELOAD else None
        done = subprocess.run([harness.HTTPD, "-t", *mode, "-d", server.root, "-f", server.root / "httpd.conf"],
                              capture_output=True, text=True, timeout=60, env=env)
        assert sorted(server.root.rglob("*")) == before, "configtest has written something"
        return done.returncode, done.stdout + done.stderr

    run.test = test
    run.server = lambda: made[-1]
    yield run
    for server in made:
        server.remove()


def test_what_is_right_passes(configtest):
    status, said = configtest()
    assert status == 0 and said.strip() == "Syntax OK"


# -- where a directive may stand

LINES = {  # of each directive that is for a place
    "On": "", "AccessFiles": "On", "AllowOrigin": "*", "Authz": "each", "DepthInfinity": "Off", "Litter": "refuse", "LockTimeout": "60", "MaxLocks": "1",
    "MaxProperties": "1", "MaxPropertyBytes": "1", "MaxResponses": "1", "Names": "exact", "Quota": "1G", "Reverse": "Off",
    "SetModified": "On", "ShowForbidden": "On", "Sync": "Off", "UnlockAny": "valid-user"}
SECTIONS = {
    "files": '<Directory "{data}">\n<Files "x">\n%s\n</Files>\n</Directory>',
    "filesmatch": '<FilesMatch "x">\n%s\n</FilesMatch>',
    "if": '<Location "/dav/">\n<If "true">\n%s\n</If>\n</Location>',
    "else": '<Location "/dav/">\n<If "true">\n</If>\n<Else>\n%s\n</Else>\n</Location>',
}


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_for_a_place_is_for_no_file_or_condition(configtest, section):
    for name, value in LINES.items():
        line = f"DavMultistatus{name} {value}" if value else "DavMultistatus On"
        status, said = configtest(SECTIONS[section] % line)
        assert status != 0 and line.split()[0] in said and "cannot occur within" in said, (line, said)


# -- with mod_dav

BOTH = {
    "one section": '<Location "/x">\nDav On\nDavMultistatus On\n</Location>',
    "inherited": '<Location "/x">\nDav On\n</Location>\n<Location "/x/y">\nDavMultistatus On\n</Location>',
    "by a pattern": '<LocationMatch "^/x">\nDav On\n</LocationMatch>\n<Location "/x/y">\nDavMultistatus On\n</Location>',
    "by a wildcard": '<Directory "/srv/*">\nDav On\n</Directory>\n<Directory "/srv/x">\nDavMultistatus On\n</Directory>',
    "files": '<Directory "/srv/x">\nDavMultistatus On\n<Files "a">\nDav On\n</Files>\n</Directory>',
    "if": '<Location "/x">\nDavMultistatus On\n<If "true">\nDav On\n</If>\n</Location>',
    "a virtual host": '<Location "/x">\nDav On\n</Location>\n'
                      '<VirtualHost *:80>\n<Location "/x">\nDavMultistatus On\n</Location>\n</VirtualHost>',
}


@pytest.mark.parametrize("conf", BOTH.values(), ids=BOTH.keys())
def test_both_for_one_place(configtest, conf):
    status, said = configtest("DavLockDB {root}/run/lock\n" + conf, modules=["dav", "dav_fs"])
    assert status != 0 and "both Dav and DavMultistatus are on in <" in said


APART = {
    "off again": '<Location "/x">\nDavMultistatus On\n</Location>\n<Location "/x/y">\nDavMultistatus Off\nDav On\n</Location>',
    "the inner one first": '<Directory "/srv/x/y">\nDavMultistatus Off\nDav On\n</Directory>\n'
                           '<Directory "/srv/x">\nDavMultistatus On\n</Directory>',
    "a pattern of others": '<LocationMatch "^/z">\nDav On\n</LocationMatch>\n<Location "/x/y">\nDavMultistatus On\n</Location>',
    "a name that begins alike": '<Location "/x">\nDav On\n</Location>\n<Location "/xy">\nDavMultistatus On\n</Location>',
    "files of others": '<Directory "/srv/x">\n<Files "a">\nDav On\n</Files>\n</Directory>\n'
                       '<Directory "/srv/y">\nDavMultistatus On\n</Directory>',
    "two virtual hosts": '<VirtualHost *:80>\n<Location "/x">\nDav On\n</Location>\n</VirtualHost>\n'
                         '<VirtualHost *:81>\n<Location "/x">\nDavMultistatus On\n</Location>\n</VirtualHost>',
    "a location upon a folder": '<Directory "/srv/x">\nDav On\nDavMultistatus On\n</Directory>\n'
                                '<Location "/">\nDavMultistatus Off\n</Location>',
}


@pytest.mark.parametrize("conf", APART.values(), ids=APART.keys())
def test_each_in_its_own_place(configtest, conf):
    status, said = configtest("DavLockDB {root}/run/lock\n" + conf, modules=["dav", "dav_fs"])
    assert status == 0, said


# -- directives


@pytest.mark.parametrize("line", ['DavMultistatusStore sqlite3 ""', "DavMultistatusStore mysql /x",
                                  '<Location "/x">\nDavMultistatusNames both\n</Location>',
                                  '<Location "/x">\nDavMultistatus nothing-like-it\n</Location>'])
def test_what_the_reading_refuses(configtest, line):
    status, said = configtest(line)
    assert status != 0 and re.search("DavMultistatus(Store|Names)?", line).group() in said


def test_what_is_no_folder_has_a_location(configtest):
    tar = modules.load_line(modules.EXAMPLES / "mod_dav_tar.c", "dav_tar")
    assert configtest(tar + '\n<Location "/x">\nDavMultistatus tar\n</Location>')[0] == 0
    status, said = configtest(tar + '\n<Directory "/x">\nDavMultistatus tar\n</Directory>')
    assert status != 0 and "DavMultistatus tar belongs into a <Location>" in said


# -- the store: a start works without, so configtest tells of it and passes


def complaint(configtest, store, prepare=lambda root: None, **kw):
    configtest("", **kw)
    server = configtest.server()
    prepare(server.root)
    text = (server.root / "httpd.conf").read_text()
    (server.root / "httpd.conf").write_text(text.replace(f'"{server.root}/state/store.db"', f'"{server.root}/{store}"'))
    status, said = configtest.test(server)
    assert status == 0 and said.rstrip().endswith("Syntax OK")
    return said


@pytest.mark.parametrize("store, prepare, fault", [
    ("file/none/store.db", lambda root: (root / "file").write_text(""), "its folder can't be reached, or made"),
    ("file/store.db", lambda root: (root / "file").write_text(""), "is a file"),
    ("state", lambda root: None, "it is no file"),
], ids=["no folder", "a file for a folder", "a folder for a file"])
def test_a_store_that_no_start_can_make(configtest, store, prepare, fault):
    said = complaint(configtest, store, prepare)
    assert fault in said and store in said and "DavMultistatusStore" in said


@pytest.mark.parametrize("store", ["new/store.db", "new/deep/er/store.db"])
def test_a_store_that_a_start_makes(configtest, store):
    assert complaint(configtest, store).strip() == "Syntax OK"


@pytest.mark.root
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_store_that_the_user_may_not_write(configtest, what):
    """Not root's own, which a start mends."""
    def close(root):
        (root / "state/store.db").write_text("")
        for name, mode in {"state": 0o755, "state/store.db": 0o600}.items():
            is_closed = name.endswith(".db") == (what == "file")
            shutil.chown(root / name, "daemon" if is_closed else WEB_USER)
            (root / name).chmod(mode)
    said = complaint(configtest, "state/store.db", close)
    assert "the server's User may not write " + {"folder": "its folder", "file": "it:"}[what] in said


@pytest.mark.root
def test_a_store_of_roots_is_mended_by_a_start(configtest):
    def restore(root):
        (root / "state/store.db").write_text("")
        shutil.chown(root / "state", "root", "root")
    assert complaint(configtest, "state/store.db", restore).strip() == "Syntax OK"


@pytest.mark.skipif(not IS_ROOT, reason="hides a file of the system's from a process of its own, as root")
def test_a_driver_that_is_missing(configtest):
    configtest()
    server = configtest.server()
    drivers = next(iter(sorted(harness.pathlib.Path("/usr/lib").glob("*/apr-util-1"))), None)
    if drivers is None:
        pytest.skip("no folder of apr_dbd's drivers")
    command = f'mount -t tmpfs none {drivers} && exec {harness.HTTPD} -t -d {server.root} -f {server.root}/httpd.conf'
    done = subprocess.run(["unshare", "-m", "sh", "-c", command], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "LD_PRELOAD": harness.PRELOAD})
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip("no mounts of one's own here")
    assert done.returncode == 0 and "there is no apr_dbd driver for it" in done.stderr


def test_only_configtest_tells(configtest):
    _, said = configtest(mode=["-D", "DUMP_VHOSTS"])
    assert "the store" not in said


# -- a proxy that is none

REVERSE = '<Location "/c/">\nDavMultistatusReverse "/c/" "http://127.0.0.1:1/"\n</Location>'


@pytest.mark.parametrize("loaded, told", [([], 1), (["proxy"], 1), (["proxy", "proxy_http"], 0)])
def test_a_proxy_that_is_not_loaded(configtest, loaded, told):
    status, said = configtest(REVERSE, modules=loaded)
    assert status == 0 and said.count("mod_proxy_http is not loaded") == told


def test_no_proxy_is_missed_where_none_is_used(configtest):
    assert "mod_proxy_http" not in configtest('<Location "/c/">\nDavMultistatusReverse Off\n</Location>')[1]
