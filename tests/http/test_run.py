"""tools/run.sh, which is `make run`: asks nothing, and shows what is done."""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import harness
from harness import RESOURCETYPE, WEB_USER

pytestmark = [
    pytest.mark.skipif(not all(map(shutil.which, ("apxs", "setsid", "setpriv"))), reason="no apxs or util-linux"),
    pytest.mark.skipif(bool(harness.PRELOAD), reason="its httpd has no sanitizer")]


def take_sigint():
    """Who was started in the background ignores it, and so would all that it starts: no shell can change that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run(harness.Server):
    """What tools/run.sh in a tree of its own serves."""

    def __init__(self, tree, dir="", as_user=None, host="127.0.0.1", **variables):
        self.port, self.host, self.tree = harness.free_port(), host, tree
        command = [str(tree / "tools/run.sh"), str(tree / "module.so"), str(self.port), str(dir)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
            preexec_fn=take_sigint, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables}, user=as_user, group=as_user, extra_groups=[] if as_user else None)
        self.told, self.deadline = "", time.monotonic() + 60

    def wait(self, regex):
        """The first match in what it says."""
        os.set_blocking(self.process.stdout.fileno(), False)
        while not (match := re.search(regex, self.told, re.M)):
            assert time.monotonic() < self.deadline, self.told
            piece = self.process.stdout.read()
            if piece:
                self.told += piece.decode()
            elif self.process.poll() is not None:
                raise AssertionError(self.told)
            else:
                time.sleep(0.02)
        return match

    def serving(self):
        self.wait("^Ctrl-C stops it")
        return self

    def end(self):
        self.process.send_signal(signal.SIGINT)
        rest = self.process.communicate(timeout=30)[0]
        assert b"Stopped." in rest and self.process.returncode == 0, self.told + rest.decode()


def make_tree(owner=None):
    root = harness.new_dir("dms-run-")
    (root / "tools").mkdir()
    shutil.copy(harness.REPO / "tools/run.sh", root / "tools")
    shutil.copy(harness.MODULE, root / "module.so")
    if owner:
        shutil.chown(root, owner, owner)
    return root


@pytest.fixture
def tree():
    root = make_tree()
    yield root
    shutil.rmtree(root)


@pytest.fixture
def run(tree):
    """run(...) serves; all ends with the test."""
    started = []

    def start(*args, **kw):
        started.append(Run(tree, *args, **kw))
        return started[-1].serving()
    yield start
    for each in started:
        if each.process.poll() is None:
            each.end()


def basic(login):
    return "Authorization", "Basic " + base64.b64encode(login.encode()).decode()


def is_writable(run, *headers):
    """All that a client does, properties and locks too."""
    put = run.ask("PUT", "/new.txt", headers, b"x")
    patch = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="urn:x"/></D:prop></D:set></D:propertyupdate>'
    return put.status in (201, 204) and run.ask("PROPPATCH", "/new.txt", headers, patch).status == 207


def test_each_request_is_a_line(run):
    served = run()
    assert is_writable(served) and "curl -T" in served.told
    assert "hello.txt" in served.propfind("/", "1", RESOURCETYPE).names()
    served.get("/nothing%1b%5b31m")
    assert int(served.wait(r"^207 PROPFIND /, (\d+) members, \d+ µs$")[1]) == 6
    served.wait(r"^201 PUT /new\.txt, \d+ µs$")
    served.wait(r"^404 GET /nothing\\x1b\[31m, \d+ µs$")


def test_more_than_a_gibibyte(run):
    """What httpd's default refuses before the first byte."""
    with run().connect() as connection:
        connection.send_head("PUT", "/large", [("Content-Length", str(3 << 29)), ("Expect", "100-continue")])
        assert connection.read_line() == b"HTTP/1.1 100 Continue"


def test_login(run):
    served = run(LOGIN="jane:it's a \"secret\":100% $HOME")
    right = basic("jane:it's a \"secret\":100% $HOME")
    assert is_writable(served, right)
    for headers in [], [basic("jane:wrong")], [basic("john:secret")]:
        assert served.ask("PROPFIND", "/", headers).status == 401
        assert served.ask("PUT", "/x", headers, b"x").status == 401


def test_a_folder_whose_name_means_something_to_httpd(run):
    """A pattern that does not match itself would let everybody in."""
    root = harness.new_dir("dms-run-")
    folder = root / 'a [1]* "q" ${HOME} $HOME \\'
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"a")
    if harness.IS_ROOT:
        shutil.chown(folder, WEB_USER)
    served = run(folder, LOGIN="jane:secret", HOME="/")
    assert served.get("/a.txt").status == 401
    assert served.ask("GET", "/a.txt", [basic("jane:secret")]).body == b"a"
    assert is_writable(served, basic("jane:secret")) and (folder / "new.txt").exists()
    shutil.rmtree(root)


def test_readonly(run):
    served = run(READONLY="1")
    assert "curl -X PROPFIND" in served.told and "curl -T" not in served.told
    assert served.get("/hello.txt").status == 200 and len(served.propfind("/", "1")) > 1
    for method in ("PUT", "DELETE", "MKCOL", "PROPPATCH", "LOCK", "MOVE"):
        assert served.ask(method, "/hello.txt", body=b"x").status == 403
    served.wait(r"Serving .* \(read-only\)$")
    assert "curl -X PROPFIND" in served.told and "curl -T" not in served.told


def test_readonly_and_login(run):
    served = run(READONLY="1", LOGIN="jane:secret")
    assert served.ask("PROPFIND", "/").status == 401
    assert served.ask("PROPFIND", "/", [basic("jane:secret")]).status == 207
    assert served.ask("PUT", "/x", [basic("jane:secret")], b"x").status in (401, 403)


def test_bind(run):
    served = run(BIND="0.0.0.0")
    served.wait("Everybody on the network is let in")
    for address in subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split():
        assert (f"http://{address}:{served.port}/" in served.told) == (":" not in address)
    assert served.get("/hello.txt").status == 200


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_bind_to_ipv6(run):
    served = run(BIND="::1")
    served.wait(r"Serving .* at http://\[::1\]:\d+/$")
    with socket.create_connection(("::1", served.port)) as s:
        s.sendall(b"GET /hello.txt HTTP/1.0\r\n\r\n")
        assert s.recv(15) == b"HTTP/1.1 200 OK"


def test_a_bad_login_is_told(tree):
    for login in ("jane", ":secret", "jane:"):
        served = Run(tree, LOGIN=login)
        assert b"is not user:password" in served.process.communicate(timeout=30)[0] and served.process.returncode == 1


@pytest.mark.parametrize("port", ["abc", "0", "65536", "80 80", "-1", "8080x"])
def test_a_bad_port_is_told(tree, port):
    done = subprocess.run([tree / "tools/run.sh", tree / "module.so", port], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and done.stderr == f"PORT={port} is no number from 1 to 65535.\n"


def test_make_hands_on_what_it_was_given(tree):
    """To the script, as it is: quotes, and what make or a shell would take for variables."""
    odd = """it's "o'dd" $HOME $$ `x` \\ end"""
    (tree / "tools/run.sh").write_text('#!/bin/sh\nprintf "%s\\n" "$2" "$3" "$LOGIN"\n')
    (tree / "tests/fuzz").mkdir(parents=True)
    for name in "Makefile", "tests/fuzz/fuzz.mk":
        shutil.copy(harness.REPO / name, tree / name)
    for given, environment in ([f"DIR={odd}", f"LOGIN=jane:{odd}", "PORT=81"], {}), ([], {"DIR": odd, "LOGIN": "jane:" + odd, "PORT": "81"}):
        said = subprocess.run(["make", "-s", "-o", "module.so", "-o", "packages", "run", "MODULE=module.so", "VERSION=1", *given], cwd=tree,
                              capture_output=True, text=True, env={"PATH": os.environ["PATH"], **environment})
        assert said.stdout.splitlines() == ["81", odd, "jane:" + odd], said


def test_it_leaves_nothing_running(run):
    served = run()
    served.end()
    with pytest.raises(ConnectionError):
        served.get("/")


@pytest.mark.root
@pytest.mark.parametrize("users", [("daemon", "bin"), ("daemon", None), (None, "daemon"), (None, WEB_USER)],
                         ids=lambda users: " then ".join(str(u or "root") for u in users))
def test_a_clone_that_several_users_run(users):
    """Each in turn on one port, in a clone of the first one's."""
    tree = make_tree(users[0])
    for user in (*users, users[0]):
        served = Run(tree, as_user=user).serving()
        assert is_writable(served), served.told
        served.end()
        assert not [folder for folder in re.findall(r"/tmp/mod_dav_multistatus-\w+\.\w+", served.told) if os.path.exists(folder)]
    shutil.rmtree(tree)


@pytest.mark.root
def test_a_folder_that_may_not_be_written_is_told(run):
    folder = harness.new_dir("dms-run-")
    served = run(folder)
    served.wait(rf"Serving .* \(read-only: {WEB_USER} may not write there\)$")
    assert "curl -X PROPFIND" in served.told and "curl -T" not in served.told
    shutil.rmtree(folder)


@pytest.mark.root
def test_a_folder_that_may_not_be_read_is_told(tree):
    folder = harness.new_dir("dms-run-")
    folder.chmod(0o700)
    told = Run(tree, folder).process.communicate(timeout=30)[0].decode()
    assert f"can't be read by {WEB_USER}" in told
    shutil.rmtree(folder)
