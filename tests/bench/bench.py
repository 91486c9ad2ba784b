"""Measures WebDAV beside its peers and beside the disk's own limit, all in one run.

The peers are mod_dav_fs, nginx with dav-ext, and lighttpd's mod_webdav, as Debian has them. Folders
are made once (build/bench-data). Each answer is checked; then all take turns, round by round.
Prints tables of medians, and which goals are met; writes build/bench.json and the charts
build/bench.svg and build/growth.svg.
Run it with "make bench"; options go into BENCH_ARGS, as in BENCH_ARGS="--only put --rounds 9".
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import sys

import changes
import chart
import data
import listings
import resources
import reverse
import streams
from load import Wrong
from peers import CLIENT_CORE, CORES, PEERS, REPO, USER
from report import print_goals, say

WORKLOADS = {**listings.WORKLOADS, **streams.WORKLOADS, **resources.WORKLOADS,
             **changes.WORKLOADS, **reverse.WORKLOADS}
JSON = REPO / "build/bench.json"


class Bench:
    """How much of everything there is to do, and where."""

    def __init__(self, args):
        self.quick = args.quick
        self.rounds = args.rounds or (2 if args.quick else 5)
        self.tree_rounds = min(self.rounds, 3)  # of what takes long
        self.short_rounds = 4 * self.rounds  # of what takes a second or less
        self.peers = [peer for peer in PEERS if peer.name in args.peers]
        self.root = data.data_root()
        self.data = self.root / "data"  # what is listed
        self.top = self.root / "changes"  # what is written to
        self.sizes = [1_000, 3_000, 10_000]
        if not args.quick:
            self.sizes += [30_000, 100_000, 300_000, 1_000_000]
        self.members = 10_000 if args.quick else 100_000  # of the folder that time is measured on
        self.files = 200 if args.quick else 1_000  # PROPPATCHes, PUTs, pairs of LOCK and UNLOCK
        self.tree = 10_000 if args.quick else 100_000  # files that are copied, moved, removed
        self.with_properties = self.tree // 10
        self.single = 1_600 if args.quick else 4_000  # requests for one small thing

    @contextlib.contextmanager
    def servers(self, *peers, folder=None):
        """They run meanwhile, idle but for the one that is asked."""
        with contextlib.ExitStack() as stack:
            for peer in peers:
                peer.start(self.root, folder or self.top)
                stack.callback(peer.stop)
            yield

    def place(self, name):
        return self.top / name

    def empty(self):
        """Makes `top` anew."""
        data.remove(self.top)
        self.top.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.top, USER, USER)


def measure(bench, name, workload, report):
    """A workload that goes wrong does not cost the others their figures."""
    bench.empty()
    tables = report["workloads"].setdefault(name, [])
    try:
        for found in workload(bench):
            if isinstance(found, dict):
                report["goals"].append(found)
            else:
                found.show()
                tables.append(found.as_json())
    except Wrong as error:
        say(f"  WRONG: {error}")
        report["wrong"][name] = str(error)
    finally:
        data.remove(bench.top)


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        model = next((line.split(": ")[1].strip() for line in cpuinfo
                      if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": len(CORES), "kernel": platform.release()}


def arguments():
    about = "\n".join(f"  {name:12}{workload.__doc__}" for name, workload in WORKLOADS.items())
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(
        usage='make bench BENCH_ARGS="[OPTION...]"', description=__doc__,
        epilog="workloads for --only:\n" + about,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), metavar="WORKLOAD",
                        default=list(WORKLOADS), help="these alone, of the workloads below")
    parser.add_argument("--peers", nargs="+", choices=names, metavar="PEER", default=names,
                        help=f"whose listings are measured: {', '.join(names)} (default: all)")
    parser.add_argument("--rounds", type=int, help="how often each has its turn (default: 5)")
    parser.add_argument("--quick", action="store_true",
                        help="a tenth of everything, in 2 rounds: whether it works, not how fast")
    parser.add_argument("--chart", action="store_true",
                        help="measures nothing: draws the README's docs/bench.svg and "
                             "docs/growth.svg from the figures in build/bench.json")
    return parser.parse_args()


def run(args):
    bench = Bench(args)
    report = {"date": datetime.datetime.now().isoformat(timespec="seconds"),
              "machine": machine(), "rounds": bench.rounds, "quick": bench.quick,
              "versions": {peer.name: peer.version() for peer in PEERS}, "workloads": {},
              "goals": [], "wrong": {}}
    print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores, "
          f"Linux {report['machine']['kernel']}; medians of {bench.rounds} rounds")
    for name, version in report["versions"].items():
        print(f"{name}: {version}")
    for n, name in enumerate(args.only):
        say(f"[{n + 1} of {len(args.only)}] {name}")
        measure(bench, name, WORKLOADS[name], report)
    if report["goals"]:
        print_goals(report["goals"])
    if bench.quick:
        print("\nThe goals are for the full sizes: these were smaller.")
    for name, what in report["wrong"].items():
        print(f"\n{name} is not whole: {what}")
    return report


def main():
    args = arguments()
    os.environ["PATH"] += ":/usr/sbin"
    os.sched_setaffinity(0, {CLIENT_CORE})  # not to take the servers' time
    if args.chart:
        if not JSON.exists():
            raise SystemExit(f"{JSON} is not there: run make bench first")
        drawn = chart.draw(json.loads(JSON.read_text()), REPO / "docs")
    else:
        report = run(args)
        JSON.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        drawn = [JSON, *chart.draw(report, REPO / "build")]
    print("\nWritten: " + ", ".join(str(path.relative_to(REPO)) for path in drawn))
    return 0 if args.chart or not report["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
