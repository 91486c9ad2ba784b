"""The folders: those that are only listed are made once below build/bench-data, and used again
by each run; those that are written to are made by the workloads."""

import contextlib
import os
import pathlib
import shutil
import time

from peers import REPO, readable_by_servers, server_user
from report import say

EXTENSIONS = ["txt", "html", "jpg", "pdf", "tar.gz", "odt", "unknown"]
CONTENT = b"All work and no play makes Jack a dull boy.\n" * 24  # 1056 bytes
KIB = CONTENT[:1024]
HTACCESS = '<Files "private-*">\n    Require all denied\n</Files>\n'


def data_root():
    """build/bench-data, or where a server's user can't get there (a clone below /root), a
    place where it can."""
    root = REPO / "build/bench-data"
    root.mkdir(parents=True, exist_ok=True)
    if not readable_by_servers(root):
        root = pathlib.Path("/var/tmp/mod_dav_multistatus-bench")
        root.mkdir(exist_ok=True)
        say(f"{REPO} is closed to the servers' user: the data goes to {root}")
    return root


# --- files ---


def name_of(i):
    return f"file-{i:07}.{EXTENSIONS[i % len(EXTENSIONS)]}"


def make_files(folder, count, content=None):
    """Makes a folder of so many files. Without content each has a size, but no block on the disk: a
    listing never reads what is inside."""
    folder.mkdir(parents=True)
    fd = os.open(folder, os.O_RDONLY)
    said = time.monotonic()
    for i in range(count):
        file = os.open(name_of(i), os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
        if content is None:
            os.ftruncate(file, 1 + i % 5000)
        else:
            os.write(file, content)
        os.close(file)
        if time.monotonic() - said > 2:
            said = time.monotonic()
            say(f"  making {count:,} files: {100 * i // count} %")
    os.close(fd)


def names_in(folder):
    """The files that are there, mod_dav_fs's own folder not counted."""
    return {entry.name for entry in os.scandir(folder) if entry.name != ".DAV"}


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def as_server_user():
    """What is made here is the servers' user's, where we are root."""
    user = server_user()
    if not user:
        yield
        return
    os.setegid(user["group"])
    os.seteuid(user["user"])
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def make_writable(folder, count, content=b""):
    """As make_files(), for servers to change."""
    with as_server_user():
        make_files(folder, count, content)


# --- folders that are made once ---


def once(root, name, inodes, make):
    """Calls make(folder) for ROOT/data/NAME, unless an earlier call has made it."""
    folder, done = root / "data" / name, root / f"{name}.made"
    if not done.exists():
        free = os.statvfs(root)
        if free.f_files and free.f_favail < inodes + 1000:
            raise SystemExit(f"{root}: {inodes:,} files need more inodes than are free (df -i)")
        remove(folder)  # what an interrupted run has left
        make(folder)
        done.touch()
    return folder


def flat(root, size):
    """A folder of that many files; its name below ROOT/data is the number."""
    return once(root, str(size), size, lambda folder: make_files(folder, size))


def tree(root, folders, files):
    """So many folders with so many files each; its name tells both."""
    def make(folder):
        for i in range(folders):
            make_files(folder / f"folder-{i:04}", files)
    return once(root, f"{folders}x{files}", folders * (files + 1), make)


def deep(root, levels, files):
    """So many folders in each other, with so many files each; its name tells both."""
    def make(folder):
        for _ in range(levels):
            make_files(folder, files)
            folder = folder / "d"
    return once(root, f"deep-{levels}x{files}", levels * (files + 1), make)


def with_htaccess(root, size):
    """As flat(), with a .htaccess in it, which servers don't show."""
    def make(folder):
        make_files(folder, size)
        (folder / ".htaccess").write_text(HTACCESS)
    return once(root, f"{size}-htaccess", size + 1, make)
