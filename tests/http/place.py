"""A folder of a test's own."""

import os
import pathlib

import harness


class Place:
    """A folder of the test's own on a server, and its URL."""

    def __init__(self, server, path, url):
        self.server, self.path, self.url = server, pathlib.Path(path), url

    def file(self, name, content=b"hello\n", mode=None):
        """Makes a file (and the folders above it); `name` is str or bytes."""
        path = os.path.join(os.fsencode(self.path), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        if mode is not None:
            os.chmod(path, mode)
        return pathlib.Path(os.fsdecode(path))

    def folder(self, name):
        path = self.path / name
        path.mkdir(parents=True)
        return path

    def link(self, name, target):
        os.symlink(target, self.path / name)
        return self.path / name

    def propfind(self, name="", depth="0", body=None, headers=(), **kw):
        return self.server.propfind(self.url + name, depth, body, headers, **kw)

    def try_propfind(self, name="", depth="0", body=None, headers=(), **kw):
        return self.server.try_propfind(self.url + name, depth, body, headers, **kw)

    def list(self, depth="1", body=harness.RESOURCETYPE):
        return self.propfind("", depth, body)

    def get(self, name="", *headers):
        return self.server.get(self.url + name, *headers)

    def head(self, name="", *headers):
        return self.server.head(self.url + name, *headers)

    def ask(self, method, name="", headers=(), body=None, **kw):
        return self.server.ask(method, self.url + name, headers, body, **kw)
