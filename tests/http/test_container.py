"""What a container runs, dist/container/serve: each variable does what it says, and nobody is let in by mistake."""

import base64
import contextlib
import os
import pathlib
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import harness
from harness import IS_ROOT

SERVE = harness.REPO / "dist/container/serve"
pytestmark = [pytest.mark.skipif(not shutil.which("htpasswd"), reason="no htpasswd"),
              pytest.mark.skipif(not os.path.exists("/etc/mime.types") or not harness.MODULES_DIR.startswith("/usr/lib"),
                                 reason="not Debian's httpd, which the container has"),
              pytest.mark.no_sanitizer]
UID = 12345  # which /etc/passwd does not know
PROPPATCH = b'<propertyupdate xmlns="DAV:"><set><prop><color xmlns="urn:x">red</color></prop></set></propertyupdate>'


def user(name="me", password="secret"):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def ask(url, method, body=None, headers=None):
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, body, headers if headers is not None else user(), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30, context=tls) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture
def root():
    folder = harness.new_dir("dms-container-")
    for name in ("files", "state"):
        (folder / name).mkdir()
    if IS_ROOT:
        os.chown(folder / "files", UID, UID)
    yield folder
    shutil.rmtree(folder)


def environment(root, **variables):
    given = {"DAV_USER": "me", "DAV_PASSWORD": "secret", "DAV_UID": UID, "DAV_PORT": harness.free_port(), "DAV_FILES": root / "files",
             "DAV_STATE": root / "state", "DAV_RUN": root / "run", "DAV_MODULE": harness.MODULE} | variables
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | {name: str(value) for name, value in given.items() if value is not None}


@contextlib.contextmanager
def served(root, **variables):
    """The URL of a server that has started."""
    env = environment(root, **variables)
    with open(root / "log", "wb") as log:
        process = subprocess.Popen([SERVE], env=env, stdout=log, stderr=log, preexec_fn=harness.in_child)
    url = f"http{'s' if 'DAV_TLS_KEY' in env else ''}://127.0.0.1:{env['DAV_PORT']}/"
    try:
        deadline = time.monotonic() + 30
        while "resuming normal operations" not in (root / "log").read_text():
            assert process.poll() is None and time.monotonic() < deadline, (root / "log").read_text()
            time.sleep(0.05)
        if IS_ROOT:
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            assert children
            assert {os.stat(f"/proc/{pid}").st_uid for pid in [process.pid, *children]} == {UID}
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_who_has_the_password_writes_and_nobody_else(root):
    with served(root) as url:
        assert ask(url, "PROPFIND", headers={}) == ask(url, "GET", headers=user(password="no")) == 401
        assert ask(url + "a", "PUT", b"x", headers={}) == 401
        assert ask(url + "a", "PUT", b"x") == 201 and ask(url + "a", "GET") == 200 and ask(url, "PROPFIND") == 207
        assert ask(url + ".htaccess", "PUT", b"x") == 403
        assert ask(url + "a", "PROPPATCH", PROPPATCH) == 207
    if IS_ROOT:
        made = (root / "files/a").stat()
        assert (made.st_uid, made.st_gid) == (UID, UID)
        assert {path.lstat().st_uid for path in (root / "state").rglob("*")} == {UID}
    assert "secret" not in (root / "log").read_text() + (root / "run/httpd.conf").read_text() + (root / "run/users").read_text()


def test_read_only(root):
    (root / "files/a").write_text("x")
    with served(root, DAV_READ_ONLY=1) as url:
        assert ask(url + "a", "GET") == 200 and ask(url, "PROPFIND") == 207 and ask(url, "GET", headers={}) == 401
        for method in ("PUT", "DELETE", "MKCOL", "LOCK", "PROPPATCH"):
            assert ask(url + "a", method) in (401, 403), method
    assert (root / "files/a").read_text() == "x"


def test_tls_and_a_password_in_a_file(root):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1", "-keyout",
                    root / "key", "-out", root / "certificate"], check=True, capture_output=True)
    (root / "password").write_text("of a file\n")
    with served(root, DAV_TLS_CERTIFICATE=root / "certificate", DAV_TLS_KEY=root / "key", DAV_PASSWORD=None,
                DAV_PASSWORD_FILE=root / "password") as url:
        assert ask(url + "a", "PUT", b"x", user(password="of a file")) == 201
        assert ask(url, "PROPFIND", headers=user()) == 401


@pytest.mark.parametrize("variables, told", [
    ({"DAV_USER": None}, "DAV_USER"), ({"DAV_PASSWORD": ""}, "DAV_PASSWORD"), ({"DAV_USER": "a:b"}, "DAV_USER"),
    ({"DAV_UID": "0"}, "DAV_UID"), ({"DAV_UID": "me"}, "DAV_UID"), ({"DAV_PORT": "80\nUser root"}, "DAV_PORT"),
    ({"DAV_READ_ONLY": "perhaps"}, "DAV_READ_ONLY"), ({"DAV_FILES": "/nonexistent"}, "/nonexistent"),
    ({"DAV_STATE": '/tmp/a"\nListen 1\n"'}, "DAV_STATE"), ({"DAV_TLS_KEY": "/dev/null"}, "DAV_TLS_CERTIFICATE")])
def test_what_can_not_be_is_said_and_nothing_is_served(root, variables, told):
    done = subprocess.run([SERVE], env=environment(root, **variables), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and told in done.stderr and not done.stdout
