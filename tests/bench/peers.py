"""The servers that are measured: how each is configured, started and stopped.

A peer serves the folder that it is started with at its "/", as an administrator would have it:
what Debian's stock configuration says, WebDAV with properties and locks kept, started by root to
run as www-data. To add one, write a subclass of Server, and name one of it in PEERS.
"""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
USER = "www-data"
MODULE = os.environ.get("DMS_MODULE", REPO / "build/mod_dav_multistatus.so")

# One core for the server, the other for the client: neither takes the other's time.
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]


def pinned_to(core):
    """Popen's preexec_fn that keeps the child on that core."""
    return lambda: os.sched_setaffinity(0, {core})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    """Whether a server serves there, and not only listens."""
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", port)) != 0:
            return False
        s.sendall(b"OPTIONS / HTTP/1.0\r\n\r\n")
        return len(s.recv(1)) == 1


class Server:
    """One server: `conf` is its configuration, where {folder}, {state}, {port} and {user} stand
    for what it is started with. Its state and logs are in ROOT/state/NAME, made anew each time."""

    is_ours = False

    def __init__(self, name, conf):
        self.name = name
        self.conf = conf

    def fields(self):
        return {"folder": self.folder, "state": self.state, "port": self.port,
                "user": self.user_lines() if os.getuid() == 0 else ""}

    def user_lines(self):
        return f"User {USER}\nGroup {USER}"

    def command(self, conf):
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def start(self, root, folder):
        self.folder, self.state, self.port = folder, root / "state" / self.name, free_port()
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(self.state, USER)
        conf = self.state / "server.conf"
        conf.write_text(self.conf.format(**self.fields()))
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM",  # not to outlive this program
             *map(str, self.command(conf))],
            preexec_fn=pinned_to(SERVER_CORE), start_new_session=True)
        while not answers(self.port):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} did not start, see {self.state}/error.log")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def worker(self):
        """The process that answers requests: there is but one, so that its memory is all."""
        parent = self.process.pid
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return int(children[-1]) if children else parent

    def anonymous_memory(self):
        """Of the worker, in bytes."""
        with open(f"/proc/{self.worker()}/status") as status:
            line = next(line for line in status if line.startswith("RssAnon:"))
        return int(line.split()[1]) * 1024

    def descriptors(self):
        """How many the worker has open."""
        return len(os.listdir(f"/proc/{self.worker()}/fd"))

    def cpu_seconds(self):
        """What the worker's threads have taken so far; schedstat counts nanoseconds."""
        return sum(int(path.read_text().split()[0]) for path in
                   pathlib.Path(f"/proc/{self.worker()}/task").glob("*/schedstat")) / 1e9


def told_version(*command):
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return (answer.stdout + answer.stderr).split("\n")[0].rpartition(": ")[2].strip()


# --- httpd ---

# What Debian's httpd loads and says out of the box, as far as it concerns a request for a file.
HTTPD_CONF = """\
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {state}/httpd.pid
ErrorLog {state}/error.log
DefaultRuntimeDir {state}
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule access_compat_module {modules}/mod_access_compat.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_host_module {modules}/mod_authz_host.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule autoindex_module {modules}/mod_autoindex.so
LoadModule deflate_module {modules}/mod_deflate.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule env_module {modules}/mod_env.so
LoadModule filter_module {modules}/mod_filter.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule negotiation_module {modules}/mod_negotiation.so
LoadModule reqtimeout_module {modules}/mod_reqtimeout.so
LoadModule setenvif_module {modules}/mod_setenvif.so

StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8

TypesConfig /etc/mime.types
AddLanguage de .de
AddLanguage en .en
AddCharset UTF-8 .utf8
AddOutputFilterByType DEFLATE text/html text/plain text/xml text/css
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
LogFormat "%h %l %u %t \\"%r\\" %>s %O" common
CustomLog {state}/access.log common

DocumentRoot {folder}
"""

STOCK_SECTIONS = """\
<Directory />
    Options FollowSymLinks
    AllowOverride None
    Require all denied
</Directory>
<FilesMatch "^\\.ht">
    Require all denied
</FilesMatch>
<Directory {folder}>
    Options Indexes FollowSymLinks
    AllowOverride None
    Require all granted
</Directory>
"""


class Httpd(Server):
    """Debian's httpd, with one WebDAV implementation (or none) for everything it serves."""

    def __init__(self, name, dav, sections=STOCK_SECTIONS):
        super().__init__(name, HTTPD_CONF + sections + dav)

    def fields(self):
        modules = subprocess.check_output(["apxs", "-q", "LIBEXECDIR"], text=True).strip()
        return {**super().fields(), "module": MODULE, "modules": modules}

    def command(self, conf):
        return ["apache2", "-DFOREGROUND", "-d", self.state, "-f", conf]

    def version(self):
        return told_version("apache2", "-v")


def ours(name, location="", more="", sections=STOCK_SECTIONS):
    """This module, with further lines in its <Location>, and further ones for the server."""
    peer = Httpd(name, f"""\
LoadModule dav_multistatus_module {{module}}
DavMultistatusStore sqlite3 {{state}}/store/store.db
<Location "/">
    DavMultistatus On
    {location}
</Location>
{more}
""", sections)
    peer.is_ours = True
    return peer


OURS = ours("mod_dav_multistatus")
OURS_UNSYNCED = ours("mod_dav_multistatus-sync-off", "DavMultistatusSync Off")
INCUMBENT = Httpd("mod_dav_fs", """\
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
DavLockDB {state}/lockdb
<Location "/">
    Dav On
    DavDepthInfinity On
</Location>
""")
# The same httpd with no WebDAV at all.
STATIC = Httpd("httpd-alone", "")


# --- nginx ---

NGINX_CONF = """\
{user}
daemon off;
worker_processes 1;
pid {state}/nginx.pid;
error_log {state}/error.log;
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
events {{
    worker_connections 768;
}}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log {state}/access.log;
    gzip on;
    client_max_body_size 0;
    client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    dav_ext_lock_zone zone=locks:10m;
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        location / {{
            dav_methods PUT DELETE MKCOL COPY MOVE;
            dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
            dav_ext_lock zone=locks;
        }}
    }}
}}
"""


class Nginx(Server):
    def user_lines(self):
        return f"user {USER};"

    def command(self, conf):
        return ["nginx", "-p", self.state, "-e", self.state / "error.log", "-c", conf]

    def version(self):
        return told_version("nginx", "-v")


NGINX = Nginx("nginx", NGINX_CONF)


# --- lighttpd ---

LIGHTTPD_CONF = """\
server.modules = ("mod_indexfile", "mod_access", "mod_alias", "mod_redirect", "mod_webdav",
                  "mod_dirlisting", "mod_staticfile")
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{folder}"
server.upload-dirs = ("{state}")
server.errorlog = "{state}/error.log"
server.pid-file = "{state}/lighttpd.pid"
{user}
server.feature-flags += ("server.h2proto" => "enable", "server.h2c" => "enable")
server.http-parseopts = (
    "header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",
    "url-normalize-unreserved" => "enable", "url-normalize-required" => "enable",
    "url-ctrls-reject" => "enable", "url-path-2f-decode" => "enable",
    "url-path-dotseg-remove" => "enable"
)
index-file.names = ("index.php", "index.html")
url.access-deny = ("~", ".inc")
static-file.exclude-extensions = (".php", ".pl", ".fcgi")
include_shell "/usr/share/lighttpd/create-mime.conf.pl"
webdav.sqlite-db-name = "{state}/webdav.db"
webdav.activate = "enable"
webdav.opts = ("propfind-depth-infinity" => "enable")
"""


class Lighttpd(Server):
    def user_lines(self):
        return f'server.username = "{USER}"\nserver.groupname = "{USER}"'

    def command(self, conf):
        return ["lighttpd", "-D", "-f", conf]

    def version(self):
        return told_version("lighttpd", "-v").partition(" ")[0]


LIGHTTPD = Lighttpd("lighttpd", LIGHTTPD_CONF)

PEERS = [OURS, INCUMBENT, NGINX, LIGHTTPD]


def server_user():
    """Popen's arguments that make the child the servers' user, where we may."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(USER)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def readable_by_servers(path):
    """Whether the user that servers run as gets to this place."""
    return subprocess.run(["test", "-x", path], check=False, **server_user()).returncode == 0
