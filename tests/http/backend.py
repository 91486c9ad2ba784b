"""A backend behind the proxy that sends exactly what it is told, and remembers what it got.

Terms: a *script* is a function of the Request that yields the answer's bytes, piece by piece; each piece is a packet of
its own. What a script returns at its end does not count; the connection is closed after it."""

import contextlib
import gzip
import socket
import threading

PUBLIC, REMOTE = "/files/", "/remote/dav/"

# {port} and {remote} are the backend's; the proxy's error pages are short.
CONF = """\
ProxyPass "/files/" "http://127.0.0.1:{remote}/remote/dav/" {parameters}
<Location "/files/">
    DavMultistatusReverse "/files/" "http://127.0.0.1:{remote}/remote/dav/"
    {location}
</Location>
LogFormat "%m %U %>s %{{dav-multistatus-responses}}n %{{dav-multistatus-failures}}n %{{Destination}}i" notes
CustomLog "{{root}}/logs/notes.log" notes
"""


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body

    def get(self, name):
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        assert len(values) <= 1, values
        return values[0] if values else None


def answer(body=b"", status="207 Multi-Status", headers=(), kind="application/xml; charset=utf-8", encoding=None):
    """The head and the body of a whole answer, as two pieces."""
    body = body.encode() if isinstance(body, str) else body
    if encoding == "gzip":
        body = gzip.compress(body)
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"Content-Encoding: {encoding}"] if encoding else []
    return ["\r\n".join([*lines, "", ""]).encode("latin-1"), body]


class Backend:
    def __init__(self):
        self.requests = []
        self.script = lambda request: answer()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, client.makefile("rb") as file, contextlib.suppress(OSError):
            request = read_request(file, client)
            if request:
                self.requests.append(request)
                for piece in self.script(request):
                    client.sendall(piece)

    def answers(self, *pieces):
        """Every request gets these bytes."""
        self.script = lambda request: pieces

    def last(self):
        return self.requests[-1]

    def close(self):
        with contextlib.suppress(OSError):  # it may be closed already
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()


def read_request(file, client):
    line = file.readline().decode("latin-1").split()
    if not line:
        return None
    headers = []
    while (header := file.readline().decode("latin-1").rstrip("\r\n")):
        name, _, value = header.partition(":")
        headers.append((name, value.strip()))
    request = Request(line[0], line[1], headers, b"")
    if request.get("Expect"):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if request.get("Transfer-Encoding"):
        while size := int(file.readline(), 16):
            request.body += file.read(size)
            file.readline()
        file.readline()
    elif request.get("Content-Length"):
        request.body = file.read(int(request.get("Content-Length")))
    return request
