"""Real WebDAV servers behind the proxy, under another path, host and scheme: what clients do there goes as it does
with the server itself. Each backend has a folder of its own."""

import os
import random
import re
import shutil
import subprocess

import pytest

import clients

REMOTE = "/remote/dav/"

SABRE = """<?php
error_reporting(0);
require_once 'Sabre/autoload.php';
$server = new \\Sabre\\DAV\\Server(new \\Sabre\\DAV\\FSExt\\Directory('{data}'));
$server->setBaseUri('/remote/dav/');
$server->addPlugin(new \\Sabre\\DAV\\Locks\\Plugin(new \\Sabre\\DAV\\Locks\\Backend\\File('{state}/locks')));
$server->exec();
"""

LIGHTTPD = """\
server.modules = ( "mod_alias", "mod_webdav" )
server.document-root = "{state}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{state}/lighttpd.log"
server.upload-dirs = ( "{state}" )
alias.url = ( "/remote/dav/" => "{data}/" )
$HTTP["url"] =~ "^/remote/dav(?:/|$)" {{
    webdav.activate = "enable"
    webdav.sqlite-db-name = "{state}/lighttpd.db"
}}
"""


def sabredav(state, data, port):
    clients.needs("php")
    find = "exit((int) !stream_resolve_include_path('Sabre/autoload.php'));"
    if subprocess.run(["php", "-r", find]).returncode:
        pytest.skip("php-sabre-dav is not installed")
    (state / "server.php").write_text(SABRE.format(state=state, data=data))
    return ["php", "-S", f"127.0.0.1:{port}", state / "server.php"]


def rclone_serve(state, data, port):
    # (With no time at all, 1.75 takes seconds of CPU for each folder.)
    return ["rclone", "--config", os.devnull, "serve", "webdav", "--addr", f"127.0.0.1:{port}", "--baseurl", REMOTE,
            "--cache-dir", state / "cache", "--dir-cache-time", "1ms", data]


def lighttpd(state, data, port):
    (state / "lighttpd.conf").write_text(LIGHTTPD.format(state=state, data=data, port=port))
    return ["/usr/sbin/lighttpd", "-D", "-f", state / "lighttpd.conf"]


BACKENDS = {"sabredav": sabredav, "rclone": rclone_serve, "lighttpd": lighttpd}

CONF = """\
SSLEngine On
SSLCertificateFile "{{root}}/cert.pem"
SSLCertificateKeyFile "{{root}}/key.pem"
ProxyPass "/files/" "{remote}"
<Location "/files/">
    DavMultistatusReverse "/files/" "{remote}"
</Location>
"""


def make_certificate(folder):
    clients.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
                "-out", folder / "cert.pem", cwd=folder)


class Proxy(clients.harness.Server):
    """An httpd with TLS on its port."""

    def write_conf(self):
        make_certificate(self.root)
        super().write_conf()


class Remote:
    def __init__(self, name):
        self.state = clients.harness.new_dir("dms-remote-")
        self.data = self.state / "data"
        self.data.mkdir()
        self.port = clients.harness.free_port()
        command = BACKENDS[name](self.state, self.data, self.port)
        clients.needs(str(command[0]))
        self.log = open(self.state / "log", "wb")
        self.process = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.state,
            preexec_fn=clients.harness.in_child, env={**os.environ, "PHP_CLI_SERVER_WORKERS": "4", "HOME": str(self.state)},
            start_new_session=True)
        clients.wait_for_port(self.port, self.process, self.state / "log")
        self.url = f"http://127.0.0.1:{self.port}{REMOTE}"
        self.proxy = Proxy(modules=["proxy", "proxy_http", "ssl"], conf=CONF.format(remote=self.url)).start()
        self.public = f"https://127.0.0.1:{self.proxy.port}/files/"

    def stop(self):
        wrong = self.proxy.stop()
        self.proxy.remove()
        os.killpg(self.process.pid, 15)
        self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.state, ignore_errors=True)
        assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module", params=list(BACKENDS))
def remote(request):
    remote = Remote(request.param)
    yield remote
    remote.stop()


def litmus(url, cwd):
    """What each test of each suite says: {(suite, test): verdict}. (The fifth, http, tests nothing over TLS.)"""
    clients.needs("litmus")
    cwd.mkdir()
    # Before 0.14 it took any certificate.
    trust = ["-i"] if "--insecure" in clients.run("litmus", "--help", cwd=cwd, status=None) else []
    told = clients.run("env", "TESTS=basic copymove props locks", "litmus", "-k", *trust, url, cwd=cwd, status=None)
    results, suite = {}, None
    for line in told.splitlines():
        if match := re.match(r"-> running `(\w+)'", line):
            suite = match.group(1)
        elif match := re.match(r"(?:.*\r)? *\d+\. (\w+)\.+ (pass|FAIL|SKIPPED|WARNING)", line):
            results[suite, match.group(1)] = match.group(2)
    return results


def test_litmus(remote, tmp_path):
    remote.proxy.expect_log("AH0")
    direct, proxied = litmus(remote.url, tmp_path / "direct"), litmus(remote.public, tmp_path / "proxied")
    assert len(direct) > 60 and list(direct.values()).count("pass") > 50, direct
    assert proxied == direct


def make_tree(root):
    dice = random.Random(4918)
    names = ["plain.txt", "sp ace.txt", "ümläut €.txt", "100%.txt", "a+b&c=d.txt", "hash#tag.txt", "ques?tion.txt",
             "apo'strophe.txt", "(brackets) [x].txt", "%41.txt", "日本語.txt", "~tilde.txt"]
    for folder in ("a", "a/deep er", "b & c", "files", "remote/dav"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (root / folder / name).write_bytes(dice.randbytes(dice.choice([1, 100, 30_000])))


def test_rclone(remote, tmp_path):
    """A tree goes up, changes, comes down; and is moved and copied on the server."""
    direct = f":webdav,url='{remote.url}',vendor=other:none"
    if "415" in clients.run("rclone", "--config", os.devnull, "lsf", direct, cwd=tmp_path, status=None):
        pytest.skip("this rclone sends no type of its XML, which this lighttpd wants")

    def rclone(command, *arguments):
        place = f":webdav,url='{remote.public}',vendor=other:"
        return clients.run("rclone", "--config", os.devnull, "--no-check-certificate", "--transfers", "4", "--checkers", "4",
                           "--retries", "1", "--stats", "0", command,
                           *[place + a[1:] if a.startswith("@") else a for a in arguments], cwd=tmp_path, seconds=100)

    up = tmp_path / "up"
    up.mkdir()
    make_tree(up)
    rclone("sync", "up", "@tree")
    rclone("sync", "@tree", "down")
    assert clients.tree(up) == clients.tree(tmp_path / "down")
    assert sorted(rclone("lsf", "-R", "--files-only", "@tree").splitlines()) == sorted(
        p for p, content in clients.tree(up).items() if content is not None)
    for i, path in enumerate(sorted(p for p in up.rglob("*") if p.is_file())):
        if i % 3 == 0:
            path.unlink()
        elif i % 3 == 1:
            path.write_bytes(path.read_bytes() + b"more")
    (up / "new").mkdir()
    (up / "new/new.txt").write_text("new")
    rclone("sync", "up", "@tree")
    rclone("sync", "@tree", "down")
    assert clients.tree(up) == clients.tree(tmp_path / "down")
    rclone("moveto", "@tree/new/new.txt", "@tree/moved é.txt")
    rclone("copyto", "@tree/moved é.txt", "@tree/a/copied.txt")
    assert rclone("cat", "@tree/a/copied.txt") == "new"
    assert clients.tree(remote.data)["tree/moved é.txt"] == b"new"
    rclone("purge", "@tree")
    assert not (remote.data / "tree").exists()
