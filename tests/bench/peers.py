"""The servers that are measured: how each is configured, started and stopped.

A peer serves ROOT/data at its "/", or the folder that it is started with. To add one, write a
class with start(), stop(), worker() and version(), and name it in PEERS.
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


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


# What Debian's httpd loads and says out of the box, as far as it concerns a request for a file;
# one process, so that its memory is all the memory there is.
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

<Directory />
    Options FollowSymLinks
    AllowOverride None
    Require all denied
</Directory>
<FilesMatch "^\\.ht">
    Require all denied
</FilesMatch>

DocumentRoot {data}
<Directory {data}>
    Options Indexes FollowSymLinks
    AllowOverride None
    Require all granted
</Directory>
{extra}
"""


class Httpd:
    """Debian's httpd with one WebDAV implementation switched on for everything it serves."""

    def __init__(self, name, extra):
        self.name = name
        self.extra = extra

    def version(self):
        answer = subprocess.run(["apache2", "-v"], capture_output=True, text=True, check=True)
        return answer.stdout.split("\n")[0].removeprefix("Server version: ")

    def start(self, root, data=None):
        self.port = free_port()
        state = root / "state" / self.name
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(parents=True)
        user = ""
        if os.getuid() == 0:
            user = f"User {USER}\nGroup {USER}"
            shutil.chown(state, USER)
        fields = {
            "data": data or root / "data",
            "module": MODULE,
            "modules": subprocess.check_output(["apxs", "-q", "LIBEXECDIR"], text=True).strip(),
            "port": self.port,
            "state": state,
            "user": user,
        }
        conf = state / "httpd.conf"
        conf.write_text(HTTPD_CONF.format(extra=self.extra.format(**fields), **fields))
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM",  # not to outlive this program
             "apache2", "-DFOREGROUND", "-d", str(state), "-f", str(conf)],
            preexec_fn=pinned_to(SERVER_CORE), start_new_session=True)
        while not listening(self.port):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} did not start, see {state}/error.log")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def worker(self):
        """The process that answers requests."""
        parent = self.process.pid
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return int(children.split()[-1])


OURS_CONF = """\
LoadModule dav_multistatus_module {module}
DavMultistatusStore sqlite3 {state}/store/store.db
<Location "/">
    DavMultistatus On
    {more}
</Location>
"""

OURS = Httpd("mod_dav_multistatus", OURS_CONF.replace("    {more}\n", ""))
OURS_UNSYNCED = Httpd("mod_dav_multistatus-sync-off",
                      OURS_CONF.replace("{more}", "DavMultistatusSync Off"))
INCUMBENT = Httpd("mod_dav_fs", """\
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
DavLockDB {state}/lockdb
<Location "/">
    Dav On
</Location>
""")
# The same httpd with no WebDAV at all.
STATIC = Httpd("httpd-alone", "")

PEERS = [OURS, INCUMBENT]


def readable_by_servers(path):
    """Whether the user that servers run as gets to this place."""
    if os.getuid() != 0:
        return True
    entry = pwd.getpwnam(USER)
    probe = subprocess.run(["test", "-x", str(path)], user=entry.pw_uid, group=entry.pw_gid,
                           extra_groups=[], check=False)
    return probe.returncode == 0
