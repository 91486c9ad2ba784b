"""Killed in the midst of a MOVE or COPY, and started again after the disk has been mounted anew, under another device
number: what was begun is completed all the same."""

import contextlib
import os
import shutil
import subprocess

import pytest

import harness
import tracing
from scenarios import OLD_STATE, Copy, File, Move, recover, restart
from writing import Dav, give, leftovers

pytestmark = [pytest.mark.root, pytest.mark.no_sanitizer]


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("can't mount here: " + done.stderr.strip())
    return done.stdout.strip()


class Loop:
    """An ext4 in a file; each mount takes another loop device than the one before."""

    def __init__(self, root):
        self.image, self.devices = root / "image", []
        run("truncate", "-s", "8M", self.image)
        run("mkfs.ext4", "-q", self.image)

    def mount(self, path):
        self.devices.append(run("losetup", "--find", "--show", self.image))
        run("mount", self.devices[-1], path)

    def remount(self, path):
        run("umount", path)
        self.mount(path)  # the first device stays taken

    def end(self, path):
        subprocess.run(["umount", "-l", path])
        for device in self.devices:
            subprocess.run(["losetup", "--detach", device])


class Overlay:
    def __init__(self, root):
        self.root = root
        run("mount", "-t", "tmpfs", "none", root)
        for name in ("lower", "upper", "work"):
            (root / name).mkdir()
        self.taken = []

    def mount(self, path):
        run("mount", "-t", "overlay", "-o", f"lowerdir={self.root}/lower,upperdir={self.root}/upper,workdir={self.root}/work",
            "none", path)

    def remount(self, path):
        run("umount", path)
        self.taken.append(self.root / f"taken{len(self.taken)}")
        self.taken[-1].mkdir()
        run("mount", "-t", "tmpfs", "none", self.taken[-1])  # has its number from now on
        self.mount(path)

    def end(self, path):
        subprocess.run(["umount", "-l", path])
        for place in (*self.taken, self.root):
            subprocess.run(["umount", "-l", place])


SCENARIOS = {"move": Move(), "move over": Move(old=OLD_STATE), "copy over": Copy(old=OLD_STATE), "move file": File("MOVE")}


def after_the_rename(server):
    """The call that follows the one that puts things in place."""
    steps = tracing.calls(server)
    return steps[1 + max(i for i, (name, _) in enumerate(steps) if name in ("renameat2", "renameat"))]


@pytest.mark.parametrize("kind", [Loop, Overlay])
def test_what_was_begun_is_completed_after_a_remount(kind):
    server = harness.Server(servers=1, location="DavMultistatusSync Off")
    server.expect_log("exit signal Killed|AH00052")
    path, disk = server.data / "mount", harness.new_dir("dms-disk-")
    path.mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(server.remove)
        device = kind(disk)
        stack.callback(device.end, path)
        device.mount(path)
        give(path)
        server.start()
        for number, scenario in enumerate(SCENARIOS.values()):
            step = None
            for round_ in range(2):
                folder = path / f"{number}-{round_}"
                folder.mkdir()
                dav = Dav(server, folder, f"/dav/mount/{folder.name}/")
                method, name, headers, body = scenario.prepare(dav)
                tracer = tracing.attach(server, step)
                try:
                    dav.ask(method, name, headers, body)
                except (harness.Truncated, ConnectionError):
                    assert step
                finally:
                    tracing.detach(tracer)
                step = after_the_rename(server)
            number_before = os.stat(path).st_dev
            server.kill()
            device.remount(path)
            assert os.stat(path).st_dev != number_before
            restart(server)
            recover(server, dav)
            assert scenario.check(dav) == "after", scenario
            assert not leftovers(path)
        assert not server.stop()
    shutil.rmtree(disk, ignore_errors=True)
