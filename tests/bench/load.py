"""Requests that bench-client plays, and programs whose time it takes."""

import dataclasses
import json
import os
import pwd
import subprocess

from peers import CLIENT_CORE, REPO, SERVER_CORE, USER, pinned_to

CLIENT = REPO / "build/bench-client"


@dataclasses.dataclass
class Request:
    """One request, and the answer that is right for it. @TOKEN@ in a header is the last
    Lock-Token of the connection. With responses, that many have to be in the 207."""
    method: str
    path: str
    status: int
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    responses: int = -1
    connection: int = 0
    repeat: int = 1

    def script(self):
        headers = {"Host": "127.0.0.1", **self.headers}
        if self.body or self.method not in ("GET", "PROPFIND", "UNLOCK", "DELETE", "COPY", "MOVE"):
            headers["Content-Length"] = len(self.body)
        lines = [f"{self.method} {self.path} HTTP/1.1"] + [f"{n}: {v}" for n, v in headers.items()]
        data = "\r\n".join([*lines, "", ""]).encode() + self.body
        return b"%d %d %d %d %d\n%b" % (self.connection, self.repeat, self.status,
                                        self.responses, len(data), data)


def play(peer, requests, connections=1):
    """Sends them; what the client measured, how many answers were "wrong", and what it "told"
    of the first of them."""
    run = subprocess.run([str(CLIENT), "play", str(peer.port), str(connections)],
                         input=b"".join(r.script() for r in requests), capture_output=True,
                         preexec_fn=pinned_to(CLIENT_CORE), check=False)
    told = run.stderr.decode().strip()
    if run.returncode != 0:
        raise SystemExit(f"{peer.name}: {told}")
    return {**json.loads(run.stdout), "told": told}


def server_user():
    """Popen's arguments that make the child the servers' user, where we may."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(USER)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def time_command(*argv):
    """Seconds that it takes, as the servers' user and on the servers' core."""
    run = subprocess.run([str(CLIENT), "run", *map(str, argv)], stdout=subprocess.PIPE,
                         preexec_fn=pinned_to(SERVER_CORE), check=True, **server_user())
    answer = json.loads(run.stdout)
    if answer["status"] != 0:
        raise SystemExit(f"{argv} failed")
    return answer["total_us"] / 1e6
