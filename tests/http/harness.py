"""A real httpd for each test that needs one, and a client that sends exactly what it is told.

Terms: a *server* is one httpd with a ServerRoot, a configuration, a port and logs of its own; a *place* is a folder
that a server serves, with its URL; an *answer* is what the client got; a *multistatus* is a 207 body that has been
checked against RFC 4918 section 14, so that every test that reads one checks the grammar too.
"""

import contextlib
import ctypes
import email.utils
import io
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse
import xml.parsers.expat

from lxml import etree

DAV = "DAV:"
XML = "http://www.w3.org/XML/1998/namespace"
APACHE = "http://apache.org/dav/props/"
REPO = pathlib.Path(__file__).resolve().parents[2]
MODULE = pathlib.Path(os.environ.get("DMS_MODULE", REPO / "build" / "mod_dav_multistatus.so")).resolve()
PRELOAD = os.environ.get("DMS_LD_PRELOAD", "")
HTTPD = os.environ.get("DMS_HTTPD", "/usr/sbin/apache2")
IS_ROOT = os.geteuid() == 0
WEB_USER = "www-data"

# Loaded besides the MPM: what Debian's stock configuration loads, and headers, which tests want.
STOCK_MODULES = """access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user autoindex
                   deflate dir env filter headers mime negotiation reqtimeout setenvif status""".split()

CONFIG = """\
ServerRoot "{root}"
DefaultRuntimeDir "{root}/run"
PidFile "{root}/run/httpd.pid"
Mutex file:{root}/run default
CoreDumpDirectory "{root}/cores"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
{load}
{user}
StartServers 1
ServerLimit {servers}
{mpm_limits}
Timeout 20
KeepAlive On
KeepAliveTimeout 5
RequestReadTimeout header=20-40,minrate=500 body=20,minrate=500
ErrorLog "{root}/logs/error.log"
LogLevel warn {module_level}
{store}
LogFormat "%h \\"%r\\" %>s %O" short
CustomLog "{root}/logs/access.log" short
{mime}
DirectoryIndex index.html
<Directory />
    Options FollowSymLinks
    AllowOverride None
    Require all denied
</Directory>
<FilesMatch "^\\.ht">
    Require all denied
</FilesMatch>
{conf}
"""

MPM_LIMITS = {
    "event": "ThreadsPerChild {threads}\nMaxRequestWorkers {workers}\nMinSpareThreads 1\nMaxSpareThreads 256",
    "worker": "ThreadsPerChild {threads}\nMaxRequestWorkers {workers}\nMinSpareThreads 1\nMaxSpareThreads 256",
    "prefork": "MaxRequestWorkers {servers}\nMinSpareServers 1\nMaxSpareServers {servers}",
}

LOG_LEVEL = re.compile(r"^\[[^\]]*\] \[([\w-]*):(\w+)\]")
LOG_ALARM = re.compile(r"exit signal|AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|[Ss]egmentation|[Aa]ssertion .*fail"
                       r"|terminate called|stack smashing|double free|corrupted")


class StartError(Exception):
    """httpd did not start; `text` is all that it said, on its console and in its error log."""

    def __init__(self, text):
        super().__init__("httpd did not start:\n" + text)
        self.text = text


class Truncated(Exception):
    """The connection ended before the answer did; `body` is what came."""

    def __init__(self, why, body=b""):
        super().__init__(why)
        self.body = body


# ---------------------------------------------------------------------------------------------- the server


def modules_dir():
    apxs = shutil.which("apxs") or shutil.which("apxs2")
    if apxs:
        return subprocess.run([apxs, "-q", "LIBEXECDIR"], capture_output=True, text=True, check=True).stdout.strip()
    return "/usr/lib/apache2/modules"


MODULES_DIR = modules_dir()
# Debian's httpd has these inside, others beside it.
STOCK_MODULES = [name for name in ("unixd", "log_config", "logio") if os.path.exists(f"{MODULES_DIR}/mod_{name}.so")
                 ] + STOCK_MODULES


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def new_dir(prefix):
    """A new directory that the server's User can reach, which pytest's tmp_path is not."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    path.chmod(0o755)
    return path


class Server:
    """One httpd. `conf` goes at server level and may use {root}, {data} and {port}; by default /dav is `data` with
    the module on, and `location` adds lines to its <Location>, `directory` to the <Directory> of the data."""

    def __init__(self, conf="", location="", directory="Options Indexes FollowSymLinks", mpm="event", modules=(),
                 data=None, dav=True, load_first=False, with_module=True, servers=4, threads=16, preload="", env=()):
        self.root = new_dir("dms-http-")
        self.own_data = data is None
        self.data = pathlib.Path(data) if data else self.root / "data"
        self.mpm, self.modules, self.servers, self.threads = mpm, tuple(modules), servers, threads
        self.load_first, self.with_module = load_first, with_module
        self.conf_parts = (conf, location, directory, dav)
        self.preload, self.env = preload, dict(env)  # beside the sanitizers' libraries and the usual variables
        self.expected = []
        self.log_seen = 0
        self.process = None
        for name in ("run", "logs", "cores", "data", "state"):
            (self.root / name).mkdir()
        if IS_ROOT:
            shutil.chown(self.root / "state", WEB_USER, WEB_USER)
        (self.root / "cores").chmod(0o777)
        (self.root / "data").chmod(0o755)

    # -- configuration

    def load_lines(self):
        names = ["mpm_" + self.mpm] + STOCK_MODULES + list(self.modules)
        lines = [f'LoadModule {n}_module "{MODULES_DIR}/mod_{n}.so"' for n in names]
        if self.with_module:
            lines.insert(0 if self.load_first else len(lines),
                         f'LoadModule dav_multistatus_module "{MODULE}"')
        return "\n".join(lines)

    def own_conf(self):
        conf, location, directory, dav = self.conf_parts
        parts = [f'<Directory "{self.data}">\n{directory}\nAllowOverride None\nRequire all granted\n</Directory>',
                 f'Alias "/dav" "{self.data}"', f'Alias "/plain" "{self.data}"']
        if dav:
            parts.append(f'<Location "/dav/">\nDavMultistatus On\n{location}\n</Location>')
        parts.append(conf.replace("{root}", str(self.root)).replace("{data}", str(self.data))
                     .replace("{port}", str(self.port)))
        return "\n".join(parts)

    def write_conf(self):
        if os.path.exists("/etc/mime.types"):
            mime = "TypesConfig /etc/mime.types"
        else:
            (self.root / "mime.types").write_text("text/plain txt\ntext/html html htm\nimage/png png\n")
            mime = f'TypesConfig "{self.root}/mime.types"'
        limits = MPM_LIMITS[self.mpm].format(threads=self.threads, workers=self.threads * self.servers,
                                             servers=self.servers)
        text = CONFIG.format(root=self.root, port=self.port, load=self.load_lines(), servers=self.servers,
                             user=f"User {WEB_USER}\nGroup {WEB_USER}" if IS_ROOT else "",
                             mpm_limits=limits, mime=mime,
                             store=f'DavMultistatusStore sqlite3 "{self.root}/state/store.db"'
                             if self.with_module else "",  # never the system's
                             module_level="dav_multistatus:debug" if self.with_module else "", conf=self.own_conf())
        (self.root / "httpd.conf").write_text(text)

    # -- life

    def start(self):
        for attempt in range(5):
            self.port = free_port()
            self.write_conf()
            try:
                self.start_once()
                return self
            except StartError as e:
                if "Address already in use" not in e.text or attempt == 4:
                    self.remove()
                    raise
                (self.root / "logs/error.log").unlink(missing_ok=True)
        raise AssertionError("unreachable")

    def command(self):
        return [HTTPD, "-DFOREGROUND", "-d", str(self.root), "-f", str(self.root / "httpd.conf")]

    def start_once(self):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C", "TZ": "UTC"}
        for name, default in (("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1"),
                              ("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1"),
                              ("TSAN_OPTIONS", "halt_on_error=1:abort_on_error=1")):
            env[name] = os.environ.get(name, default)
        env.update(self.env)
        if PRELOAD or self.preload:
            env["LD_PRELOAD"] = f"{PRELOAD} {self.preload}".strip()
        console = open(self.root / "logs/console.log", "ab")
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=env, cwd=self.root,
            start_new_session=True, preexec_fn=in_child)
        console.close()
        self.wait_ready("resuming normal operations", 0)

    def wait_ready(self, phrase, offset, timeout=30):
        """Waits until the error log says `phrase` past `offset`; notices are always logged to a file."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if phrase in self.log_text()[offset:]:
                return
            if self.process.poll() is not None:
                raise StartError(self.console_text() + self.log_text())
            time.sleep(0.01)
        self.kill()
        raise StartError("timed out\n" + self.console_text() + self.log_text())

    def graceful_restart(self):
        offset = len(self.log_text())
        os.kill(self.process.pid, signal.SIGUSR1)
        self.wait_ready("resuming normal operations", offset)

    def kill(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """Ends httpd and returns what is wrong with its logs (a list of lines, empty when all is well)."""
        wrong = []
        if self.process and self.process.poll() is None:
            # At a SIGTERM the event MPM races with its own lingering closes, and closes the connections that its
            # threads are just freeing: without this pause it now and then logs AH03092 or even crashes, with or
            # without any module of ours.
            self.wait_idle(3)
            self.process.terminate()
            if not self.has_ended(20):
                wrong.append("httpd did not stop within 20 s of SIGTERM")
                self.kill()
        if self.process:
            wrong += self.new_alarms()
        return wrong

    def wait_idle(self, seconds):
        """Waits until no thread of the children runs; an answer is out before its memory is free."""
        deadline, states = time.monotonic() + seconds, ["R"]
        while time.monotonic() < deadline and any(state in "RD" for state in states):
            time.sleep(0.05)
            try:
                stats = [stat.read_text() for pid in self.workers() for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
            except OSError:
                continue  # one has just ended
            states = [stat.rsplit(")", 1)[1].split()[0] for stat in stats]

    def has_ended(self, seconds):
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def workers(self):
        """Process ids of the children."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(p) for p in children]

    def rss_anon(self):
        """Anonymous memory of all the children, in KiB."""
        total = 0
        for pid in self.workers():
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"^RssAnon:\s+(\d+)", text, re.M).group(1))
        return total

    def descriptors(self):
        """What all the children have open, each by the name that /proc has for it."""
        links = [link for pid in self.workers() for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        found = []
        for link in links:
            with contextlib.suppress(FileNotFoundError):  # it has been closed meanwhile
                found.append(os.readlink(link))
        return found

    def cpu_seconds(self):
        """CPU time of all the children so far."""
        ticks = 0
        for pid in self.workers():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    # -- logs

    def log_text(self):
        try:
            return (self.root / "logs/error.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def console_text(self):
        return (self.root / "logs/console.log").read_text(errors="replace")

    def expect_log(self, regex):
        """Lines that match `regex` are no fault: for this test on the shared server, else for this server's life."""
        self.expected.append(re.compile(regex))

    def new_log(self):
        """The lines logged since the test began (or since the last `new_alarms`)."""
        return self.log_text()[self.log_seen:].splitlines()

    def wait_log(self, regex, timeout=10):
        """The first match of `regex` in the lines since the test began, waiting for it."""
        deadline = time.monotonic() + timeout
        while True:
            for line in self.new_log():
                match = re.search(regex, line)
                if match:
                    return match
            if time.monotonic() > deadline:
                raise AssertionError(f"no log line matches {regex!r}; there are:\n" + "\n".join(self.new_log()))
            time.sleep(0.02)

    def new_alarms(self):
        text = self.log_text()
        lines, self.log_seen = text[self.log_seen:].splitlines() + self.console_text().splitlines(), len(text)
        wrong = [line for line in lines if is_alarm(line) and not any(e.search(line) for e in self.expected)]
        wrong = wrong[:20] + [f"and {len(wrong) - 20} lines more"] * (len(wrong) > 20)
        return wrong + [f"core file {c}" for c in (self.root / "cores").iterdir()]

    # -- asking

    def connect(self, **kw):
        return Connection(self.port, **kw)

    def ask(self, method, target, headers=(), body=None, **kw):
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.ask(method, target, [("Connection", "close"), *headers], body, **kw)

    def get(self, target, *headers):
        return self.ask("GET", target, headers)

    def head(self, target, *headers):
        return self.ask("HEAD", target, headers)

    def propfind(self, target, depth="0", body=None, headers=(), **kw):
        """A PROPFIND that must succeed: returns the checked Multistatus."""
        answer = self.try_propfind(target, depth, body, headers, **kw)
        return answer.multistatus(target)

    def try_propfind(self, target, depth="0", body=None, headers=(), **kw):
        """A PROPFIND that may fail: returns the Answer. `depth` None sends no Depth."""
        headers = list(headers)
        if depth is not None:
            headers.insert(0, ("Depth", depth))
        if body is not None and not any(n.lower() == "content-type" for n, _ in headers):
            headers.append(("Content-Type", "application/xml; charset=utf-8"))
        return self.ask("PROPFIND", target, headers, body, **kw)


def is_alarm(line):
    match = LOG_LEVEL.match(line)
    return bool(LOG_ALARM.search(line)) or bool(match and match.group(2) in ("emerg", "alert", "crit", "error"))


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def in_child():
    """Cores are allowed, and httpd ends when the tests are killed."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


# ---------------------------------------------------------------------------------------------- the client


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


class Connection:
    """A TCP connection that sends requests as they are given: any method, target, header, framing."""

    def __init__(self, port, timeout=60, rcvbuf=None):
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.port = port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def reset(self):
        """Leaves as a client that has crashed: RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send_head(self, method, target, headers=(), version="HTTP/1.1"):
        lines = [as_bytes(method) + b" " + as_bytes(target) + b" " + version.encode()]
        if not any(n.lower() == "host" for n, _ in headers):
            lines.append(b"Host: 127.0.0.1:%d" % self.port)
        lines += [as_bytes(n) + b": " + as_bytes(v) for n, v in headers]
        self.socket.sendall(b"\r\n".join(lines) + b"\r\n\r\n")

    def send(self, method, target, headers=(), body=None, chunks=None, version="HTTP/1.1"):
        """Sends a whole request. `body` goes with a Content-Length; `chunks`, a list of bytes, goes chunked."""
        headers = list(headers)
        if chunks is not None:
            headers.append(("Transfer-Encoding", "chunked"))
        elif body is not None:
            body = as_bytes(body)
            if not any(n.lower() == "content-length" for n, _ in headers):
                headers.append(("Content-Length", str(len(body))))
        self.send_head(method, target, headers, version)
        try:
            if chunks is not None:
                self.socket.sendall(b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks if c) + b"0\r\n\r\n")
            elif body:
                self.socket.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server answered and left before it had read all; its answer is still to be read

    def ask(self, method, target, headers=(), body=None, **kw):
        self.send(method, target, headers, body, **kw)
        return self.read_answer(method)

    def read_answer(self, method="GET"):
        answer = self.read_head()
        answer.body = b"".join(self.pieces(answer, method))
        return answer

    def read_line(self):
        line = self.file.readline(65537)
        if not line.endswith(b"\r\n"):
            raise Truncated(f"the connection ended inside a line: {line!r}")
        return line[:-2]

    def read_head(self):
        """The head of the next answer that is no 1xx; those are kept in its `interim`."""
        interim = []
        while True:
            version, _, rest = self.read_line().decode("latin-1").partition(" ")
            status, _, reason = rest.partition(" ")
            headers = []
            while True:
                line = self.read_line()
                if not line:
                    break
                name, colon, value = line.decode("latin-1").partition(":")
                assert colon, f"not a header: {line!r}"
                headers.append((name, value.strip()))
            if status.startswith("1"):
                interim.append(int(status))
                continue
            return Answer(version, int(status), reason, headers, interim)

    def pieces(self, answer, method="GET"):
        """The body piece by piece as it comes, decoded; raises Truncated when it stops short."""
        if method == "HEAD" or answer.status in (204, 304):
            return
        if answer.get("Transfer-Encoding", "").lower() == "chunked":
            yield from self.chunked_pieces()
        elif answer.get("Content-Length") is not None:
            left = int(answer.get("Content-Length"))
            while left:
                piece = self.file.read1(min(left, 65536))
                if not piece:
                    raise Truncated(f"{left} bytes of the body are missing")
                left -= len(piece)
                yield piece
        else:
            while piece := self.file.read1(65536):
                yield piece

    def chunked_pieces(self):
        while size := int(self.read_line().split(b";")[0], 16):
            while size:
                piece = self.file.read1(min(size, 65536))
                if not piece:
                    raise Truncated("the connection ended inside a chunk")
                size -= len(piece)
                yield piece
            if self.read_line():
                raise Truncated("a chunk is longer than it says")
        while self.read_line():
            pass


class Answer:
    def __init__(self, version, status, reason, headers, interim):
        self.version, self.status, self.reason = version, status, reason
        self.headers, self.interim = headers, interim
        self.body = b""

    def __repr__(self):
        return f"<Answer {self.status} {self.headers} {self.body[:400]!r}>"

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, default=None):
        """The value of a header that may be there once at most."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else default

    def tokens(self, name):
        return {t.strip() for v in self.all(name) for t in v.split(",") if t.strip()}

    def multistatus(self, target=None, keep=True):
        """The body as a Multistatus, after all the checks; `target` is the request's."""
        assert self.status == 207, self
        content_type = self.get("Content-Type", "")
        assert re.fullmatch(r'(application|text)/xml; *charset="?utf-8"?', content_type, re.I), content_type
        return Multistatus(self.body, target, keep)

    def precondition(self):
        """The local names of the DAV: elements in the body's DAV:error."""
        assert "xml" in self.get("Content-Type", ""), self
        root = etree.fromstring(self.body)
        assert root.tag == "{DAV:}error", self
        check_prefixes(root)
        return [etree.QName(e).localname for e in root if etree.QName(e).namespace == DAV]


# ---------------------------------------------------------------------------------------------- reading a 207


STATUS_LINE = re.compile(r"HTTP/1\.1 ([2-5]\d\d) \S.*")
URI_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


def names(element):
    return [etree.QName(e).localname if etree.QName(e).namespace == DAV else e.tag for e in element]


def check_prefixes(root):
    """`D:` is bound to DAV: on the root and used for all of that namespace (some clients look for it literally)."""
    assert root.nsmap.get("D") == DAV, root.nsmap
    for element in root.iter(etree.Element):
        if element.tag.startswith("{DAV:}"):
            assert element.prefix == "D", f"{element.tag} has the prefix {element.prefix}"


def read_status(element):
    """14.28: status is a whole HTTP status line; a 1xx can't be in a multistatus."""
    match = STATUS_LINE.fullmatch(element.text or "")
    assert match and len(element) == 0, f"not a status line: {element.text!r}"
    return int(match.group(1))


class Propstat:
    """14.22: <!ELEMENT propstat (prop, status, error?, responsedescription?) >"""

    def __init__(self, element):
        children = names(element)
        assert re.fullmatch("prop status( error)?( responsedescription)?", " ".join(children)), children
        self.status = read_status(element[1])
        self.props = {}
        for prop in element[0]:
            assert prop.tag not in self.props, f"{prop.tag} is there twice"
            self.props[prop.tag] = prop
        self.error = element.find("{DAV:}error")
        self.description = element.findtext("{DAV:}responsedescription")


class Response:
    """14.24: <!ELEMENT response (href, ((href*, status)|(propstat+)), error?, responsedescription? , location?) >"""

    def __init__(self, element):
        children = names(element)
        assert re.fullmatch("href(( href)* status|( propstat)+)( error)?( responsedescription)?( location)?",
                            " ".join(children)), children
        self.hrefs = [e.text for e in element.findall("{DAV:}href")]
        for href in self.hrefs:
            assert href and URI_PATH.fullmatch(href), f"not an absolute path, or not escaped: {href!r}"
        self.href = self.hrefs[0]
        status = element.find("{DAV:}status")
        self.status = None if status is None else read_status(status)
        self.propstats = [Propstat(e) for e in element.findall("{DAV:}propstat")]
        self.error = element.find("{DAV:}error")
        self.description = element.findtext("{DAV:}responsedescription")
        self.location = element.find("{DAV:}location")
        self.check_propstats()

    def check_propstats(self):
        statuses = [p.status for p in self.propstats]
        assert len(set(statuses)) == len(statuses), f"two propstats of one status: {statuses}"
        seen = set()
        for propstat in self.propstats:
            twice = seen & set(propstat.props)
            assert not twice, f"{twice} in two propstats"
            seen |= set(propstat.props)
        # Not the RFC's: some clients read the first propstat only.
        firsts = [s // 100 == 2 for s in statuses]
        assert firsts == sorted(firsts, reverse=True), f"a 2xx propstat after another: {statuses}"

    def __repr__(self):
        return f"<Response {self.href} {self.status or {p.status: sorted(p.props) for p in self.propstats}}>"

    @property
    def path(self):
        """The href decoded, as bytes."""
        return urllib.parse.unquote_to_bytes(self.href)

    @property
    def is_collection(self):
        return self.prop("resourcetype").find("{DAV:}collection") is not None

    def props(self, status=200):
        """{tag: element} of the propstat of that status, empty when there is none."""
        return next((p.props for p in self.propstats if p.status == status), {})

    def prop(self, name, ns=DAV):
        return self.props()["{%s}%s" % (ns, name)]

    def text(self, name, ns=DAV):
        """The text of a property that was found, None when it was not."""
        element = self.props().get("{%s}%s" % (ns, name))
        return None if element is None else (element.text or "")

    def locals(self, status=200):
        return {etree.QName(t).localname for t in self.props(status)}


class Multistatus:
    """14.16: <!ELEMENT multistatus (response*, responsedescription?) >. With keep=False the responses hold no
    elements, for answers of a hundred thousand members."""

    def __init__(self, body, target=None, keep=True):
        self.body = body
        check_with_expat(body)
        self.responses = []
        self.description = None
        events = etree.iterparse(io.BytesIO(body), events=("start", "end"), huge_tree=True, recover=True)
        root = None
        for event, element in events:
            if root is None:
                root = element
                assert root.tag == "{DAV:}multistatus" and root.prefix == "D" and root.nsmap["D"] == DAV, root
            elif event == "end" and element.getparent() is root:
                self.add_child(element)
                if not keep:
                    self.lighten(root, element)
        if keep:
            check_prefixes(root)
        self.check_hrefs(target)

    def add_child(self, element):
        assert self.description is None, "an element after the responsedescription"
        if element.tag == "{DAV:}responsedescription":
            self.description = element.text
        else:
            assert element.tag == "{DAV:}response", element.tag
            self.responses.append(Response(element))

    def lighten(self, root, element):
        response = self.responses[-1]
        for propstat in response.propstats:
            propstat.props = dict.fromkeys(propstat.props)
        element.clear()
        while element.getprevious() is not None:
            del root[0]

    def check_hrefs(self, target):
        """Each href is there once, but for the request's own in a closing 507; the request's comes first."""
        hrefs = [h for r in self.responses for h in r.hrefs]
        if self.responses and self.responses[-1].status == 507:
            hrefs.pop()
        assert len(set(hrefs)) == len(hrefs), "an href is there twice"
        if target is not None and hrefs:
            own = urllib.parse.unquote_to_bytes(as_bytes(target).split(b"?")[0])
            first = self.responses[0].path
            assert first.rstrip(b"/") == own.rstrip(b"/"), f"{first!r} comes first, not {own!r}"
            assert all(h.startswith(hrefs[0]) for h in hrefs[1:]), "an href outside the request's collection"

    def __iter__(self):
        return iter(self.responses)

    def __len__(self):
        return len(self.responses)

    def __getitem__(self, key):
        """By number, or by the last name of the path (str or bytes, with a slash at the end for a collection)."""
        if isinstance(key, int):
            return self.responses[key]
        found = [r for r in self.responses if last_name(r.path) == as_bytes(key)]
        assert len(found) == 1, f"{key!r} is there {len(found)} times in {self.names()}"
        return found[0]

    @property
    def hrefs(self):
        return [r.href for r in self.responses]

    def names(self):
        """Last names of all members (not of the request's own resource), as a sorted list of str or, not UTF-8, bytes."""
        return sorted(os.fsdecode(last_name(r.path)) for r in self.responses[1:])

    def below(self):
        """Paths of all members, relative to the request's collection, as a sorted list."""
        own = len(self.responses[0].path)
        return sorted(os.fsdecode(r.path[own:]) for r in self.responses[1:])


def last_name(path):
    return path.rstrip(b"/").rsplit(b"/", 1)[1] + (b"/" if path.endswith(b"/") else b"")


def check_with_expat(body):
    """Whether the body is well-formed with namespaces. lxml then reads it in its lenient mode, since libxml2 refuses
    namespaces that are no URIs, which a client's properties may be in all the same."""
    def refuse(*_):
        raise AssertionError("a 207 has a DOCTYPE")
    parser = xml.parsers.expat.ParserCreate(namespace_separator="\x01")
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(body, True)


# ---------------------------------------------------------------------------------------------- requests and truth


def prop_body(*wanted):
    """A propfind body that asks for properties: a name is of DAV:, a pair is (namespace, name)."""
    def empty(ns, name):
        if not ns:
            return f'<{name} xmlns=""/>'
        return f"<xml:{name}/>" if ns == XML else f'<x:{name} xmlns:x="{escape(ns)}"/>'
    inner = "".join(empty(*((DAV, w) if isinstance(w, str) else w)) for w in wanted)
    return f'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>{inner}</D:prop></D:propfind>'


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


ALLPROP = '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'
PROPNAME = '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>'
RESOURCETYPE = prop_body("resourcetype")


def birth_time(path):
    """Seconds, as `stat` tells; None where the file system has none."""
    seconds = int(subprocess.run(["stat", "-c", "%W", os.fsencode(path)], capture_output=True, check=True).stdout)
    return seconds or None


def http_date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)
