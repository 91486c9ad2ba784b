"""What the tests of real clients share: a server with a folder of its own, and programs that are run until they end."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

for folder in "http", "browser":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import harness  # noqa: E402
import writing  # noqa: E402

os.umask(0o022)

PATH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


@contextlib.contextmanager
def running(**kw):
    """A server of one's own; fails the test when its log shows a fault."""
    server = harness.Server(**kw)
    if harness.IS_ROOT:
        shutil.chown(server.data, harness.WEB_USER, harness.WEB_USER)
    server.start()
    try:
        yield server
    finally:
        wrong = server.stop()
        left = writing.leftovers(server.data)
        server.remove()
    assert not wrong, "\n".join(wrong)
    assert not left, left


# The place as README shows it: the folder's URL without its slash is of it.
WITHOUT_SLASH = '<Location "/dav">\nDavMultistatus On\n</Location>\n'

# As people paste it: without proxy_set_header, the Host that nginx sends is the name that follows proxy_pass.
NGINX = """\
daemon off;
worker_processes 1;
pid {root}/pid;
error_log {root}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    upstream backend {{ server 127.0.0.1:{backend}; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://backend; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(server):
    """The port of an nginx in front of `server`."""
    needs("nginx")
    root, port = harness.new_dir("dms-nginx-"), harness.free_port()
    (root / "nginx.conf").write_text(NGINX.format(root=root, port=port, backend=server.port))
    process = subprocess.Popen(["nginx", "-c", root / "nginx.conf", "-e", root / "error.log"], env={**os.environ, "PATH": PATH},
                               stdin=subprocess.DEVNULL, preexec_fn=harness.in_child)
    try:
        wait_for_port(port, process, root / "error.log")
        yield port
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(root, ignore_errors=True)


def wait_for_port(port, process, log):
    """Waits until `process` listens there; where it doesn't, its log tells why."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def url(server, path="", port=None):
    return f"http://127.0.0.1:{port or server.port}/dav/{path}"


def needs(program):
    """Not each release has each client."""
    if not shutil.which(program, path=PATH):
        pytest.skip(f"{pathlib.Path(program).name} is not installed")


def run(*command, cwd, stdin="", status=0, seconds=60, both=True):
    """Runs a program with a HOME of its own in `cwd`; returns what it says (`both`: on stderr, too). `status` None: any."""
    needs(command[0])
    env = {"PATH": PATH, "HOME": str(cwd), "LC_ALL": "C.UTF-8", "TZ": "UTC",
           "EDITOR": os.environ.get("EDITOR", "false")}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, input=stdin, capture_output=True, text=True, errors="replace",
                          timeout=seconds)
    told = done.stdout + (done.stderr if both else "")
    assert status is None or done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return told


def tree(path):
    """{path below: content of a file, None for a folder}."""
    path = pathlib.Path(path)
    return {str(p.relative_to(path)): p.read_bytes() if p.is_file() else None for p in sorted(path.rglob("*"))}


def times(path):
    """{path below: modification time in whole seconds} of all files."""
    path = pathlib.Path(path)
    return {str(p.relative_to(path)): int(p.stat().st_mtime) for p in path.rglob("*") if p.is_file()}


def requests(server):
    """(method, path, status) of all requests so far."""
    server.wait_idle(3)  # a request is logged when it has been answered
    result = []
    for line in (server.root / "logs/access.log").read_text().splitlines():
        _, request, rest = line.split('"')
        method, path, _ = request.split(" ")
        result.append((method, path, int(rest.split()[0])))
    return result
