"""Measures WebDAV beside its peers and beside the disk's own limit, all in one run.

Makes the folders to be listed once (build/bench-data), checks each server's answer, then takes turns:
every contestant once a round, medians of all rounds. Prints tables, writes build/bench.json.
What is written to, and single resources: see changes.py.
Run it with "make bench"; options go into BENCH_ARGS, as in BENCH_ARGS="--only put --rounds 9".
"""

import argparse
import collections
import contextlib
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time
import xml.etree.ElementTree as ET
import xml.parsers.expat

import changes
import reverse
from load import CLIENT
from peers import CLIENT_CORE, CORES, PEERS, REPO, SERVER_CORE, pinned_to, readable_by_servers
from report import goal, print_goals, print_table, say

FLOOR = REPO / "build/bench-floor"
LIMIT = "readdir + statx"
OURS, INCUMBENT = "mod_dav_multistatus", "mod_dav_fs"

# The folder that time is measured on, and the sizes that show how cost grows.
MEMBERS = 100_000
SIZES = [1_000, 100_000, 1_000_000]
EXTENSIONS = ["txt", "html", "jpg", "pdf", "tar.gz", "odt", "unknown"]

Workload = collections.namedtuple("Workload", "name depth body")
ALLPROP = Workload("PROPFIND, Depth: 1, allprop", "1", "")
WORKLOADS = [ALLPROP]


# --- the data ---


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


def make_folder(root, size):
    """Makes ROOT/data/SIZE with that many files, unless it is there."""
    folder = root / "data" / str(size)
    done = root / f"{size}.made"
    if done.exists():
        return
    free = os.statvfs(root)
    if free.f_files and free.f_favail < size + 1000:
        raise SystemExit(f"{root}: {size} files need more inodes than are free (df -i)")
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder, os.O_RDONLY)
    said = time.monotonic()
    for i in range(size):
        name = f"file-{i:07}.{EXTENSIONS[i % len(EXTENSIONS)]}"
        file = os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
        # A size without a block on disk: a listing never reads what is inside.
        os.ftruncate(file, 1 + i % 5000)
        os.close(file)
        if time.monotonic() - said > 2:
            said = time.monotonic()
            say(f"making {size} files: {100 * i // size} %")
    os.close(fd)
    done.touch()


# --- one measurement ---


def client_command(peer, workload, size):
    return [str(CLIENT), str(peer.port), "PROPFIND", f"/{size}/", workload.depth, workload.body]


def checked(peer, size, answer):
    """Nobody wins by answering less: a 207 with each member and the folder itself."""
    if answer["status"] != 207 or answer["responses"] != size + 1:
        raise SystemExit(f"{peer.name} gave a wrong answer for {size} members: {answer}")
    return answer


def ask(peer, workload, size, env=None):
    """One request; what the client measured."""
    run = subprocess.run(client_command(peer, workload, size), stdout=subprocess.PIPE,
                         preexec_fn=pinned_to(CLIENT_CORE), check=True,
                         env={**os.environ, **(env or {})})
    return checked(peer, size, json.loads(run.stdout))


def anonymous_memory(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    raise SystemExit(f"no RssAnon for process {pid}")


def ask_watched(peer, workload, size):
    """One request; what the client measured, and the worker's peak of anonymous memory."""
    worker = peer.worker()
    peak = 0
    with subprocess.Popen(client_command(peer, workload, size), stdout=subprocess.PIPE,
                          preexec_fn=pinned_to(CLIENT_CORE)) as client:
        while client.poll() is None:
            peak = max(peak, anonymous_memory(worker))
            time.sleep(0.001)
        answer = json.loads(client.stdout.read())
    return checked(peer, size, answer), max(peak, anonymous_memory(worker))


def read_floor(root, size):
    run = subprocess.run([str(FLOOR), str(root / "data" / str(size))], stdout=subprocess.PIPE,
                         preexec_fn=pinned_to(SERVER_CORE), check=True)
    return json.loads(run.stdout)


# --- what an answer holds ---


def properties_of(body):
    """The names that came with status 200, of all members; each href has to be another."""
    found, hrefs = set(), set()
    responses = ET.parse(body).findall("{DAV:}response")
    for response in responses:
        hrefs.add(response.find("{DAV:}href").text)
        for propstat in response.findall("{DAV:}propstat"):
            if " 200 " in propstat.find("{DAV:}status").text:
                found.update(p.tag.rpartition("}")[2] for p in propstat.find("{DAV:}prop"))
    if len(hrefs) != len(responses):
        raise SystemExit(f"{body}: an href stands there twice")
    return sorted(found)


def inspect(peer, workload, root):
    """Outside of all timing: both answers are well-formed, and what is in them."""
    body = root / "state" / f"{peer.name}.xml"
    ask(peer, workload, SIZES[0], {"BENCH_OUT": str(body)})
    properties = properties_of(body)
    ask(peer, workload, MEMBERS, {"BENCH_OUT": str(body)})
    with open(body, "rb") as file:
        xml.parsers.expat.ParserCreate().ParseFile(file)
    body.unlink()
    return properties


# --- the two experiments ---


@contextlib.contextmanager
def running(peer, root):
    peer.start(root)
    try:
        yield peer
    finally:
        peer.stop()


def measure_time(peers, workload, root, rounds):
    """All servers up at once, idle but for the one whose turn it is."""
    results = {}
    with contextlib.ExitStack() as stack:
        for peer in peers:
            stack.enter_context(running(peer, root))
            results[peer.name] = {"properties": inspect(peer, workload, root), "answers": []}
        limit = []
        read_floor(root, MEMBERS)
        for n in range(rounds):
            say(f"{workload.name}, {MEMBERS} members: round {n + 1} of {rounds}")
            limit.append(read_floor(root, MEMBERS)["total_us"] / MEMBERS)
            for peer in peers:
                results[peer.name]["answers"].append(ask(peer, workload, MEMBERS))
    for result in results.values():
        answers = result.pop("answers")
        result["us_per_member"] = statistics.median(a["total_us"] for a in answers) / MEMBERS
        result["first_byte_ms"] = statistics.median(a["first_us"] for a in answers) / 1000
        result["bytes_per_member"] = answers[0]["bytes"] / MEMBERS
        # Near 1, the client was the brake, and the figure is not the server's.
        result["client_busy"] = statistics.median(a["cpu_us"] / a["total_us"] for a in answers)
    results[LIMIT] = {"us_per_member": statistics.median(limit)}
    return results


def measure_growth(peers, workload, root, sizes):
    """Each size with a server that has just started: memory, first byte, time a member."""
    results = {peer.name: {} for peer in peers}
    for size in sizes:
        read_floor(root, size)  # warms the cache
        for peer in peers:
            say(f"{workload.name}, {size} members: memory of {peer.name}")
            with running(peer, root):
                answers, peaks, begun = [], [], time.monotonic()
                while len(answers) < 3 and time.monotonic() - begun < 10:
                    answer, peak = ask_watched(peer, workload, size)
                    answers.append(answer)
                    peaks.append(peak)
            results[peer.name][size] = {
                "peak_anonymous_bytes": max(peaks),
                "first_byte_ms": statistics.median(a["first_us"] for a in answers) / 1000,
                "us_per_member": statistics.median(a["total_us"] for a in answers) / size,
            }
    return results


# --- what is printed ---


def print_time(workload, results):
    limit = results[LIMIT]["us_per_member"]
    incumbent = results.get(INCUMBENT, {}).get("us_per_member")
    rows = []
    for name, r in results.items():
        us = r["us_per_member"]
        served = "first_byte_ms" in r
        rows.append([
            name, f"{us:.2f}", f"{us / limit:.2f}",
            f"{us / incumbent:.3f}" if incumbent else "",
            f"{r['first_byte_ms']:.2f}" if served else "",
            f"{r['bytes_per_member']:.0f}" if served else "",
            f"{100 * r['client_busy']:.0f} %" if served else "",
        ])
    print_table(f"{workload.name}, {MEMBERS:,} files in one folder",
                ["", "µs a member", "× limit", f"× {INCUMBENT}", "first byte ms",
                 "bytes a member", "client busy"], rows)
    print()
    for name, r in results.items():
        if "properties" in r:
            print(f"  {name} returns: {' '.join(r['properties'])}")


def print_growth(workload, results, sizes):
    rows = []
    for name, by_size in results.items():
        for what, text in [("peak_anonymous_bytes", "memory, MiB"),
                           ("first_byte_ms", "first byte, ms"),
                           ("us_per_member", "µs a member")]:
            scale = 1 << 20 if what == "peak_anonymous_bytes" else 1
            rows.append([f"{name}: {text}"] + [f"{by_size[s][what] / scale:.2f}" for s in sizes])
    print_table(f"{workload.name}: how it grows (memory: peak anonymous memory of the worker)",
                ["members"] + [f"{s:,}" for s in sizes], rows)


def goals(timed, growth, sizes):
    """What is to be reached in listing large folders."""
    ours = timed[OURS]["us_per_member"]
    if INCUMBENT in timed:
        yield goal(f"listing, time, × {INCUMBENT}", ours / timed[INCUMBENT]["us_per_member"],
                   at_most=0.2)
    small, large = growth[OURS][sizes[0]], growth[OURS][sizes[-1]]
    more = large["peak_anonymous_bytes"] - small["peak_anonymous_bytes"]
    yield goal(f"memory for {sizes[-1]:,} beyond that for {sizes[0]:,}, MiB", more / (1 << 20),
               at_most=2)
    yield goal(f"first byte of {sizes[-1]:,}, ms", large["first_byte_ms"], at_most=20)


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        model = next((line.split(": ")[1].strip() for line in cpuinfo
                      if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": len(CORES), "kernel": platform.release()}


def measure_listings(names, args, root, report):
    """Large folders: the time that they take, and how it and the memory grow."""
    peers = [peer for peer in PEERS if peer.name in names]
    sizes = SIZES[:-1] if args.quick else SIZES
    for size in sorted({MEMBERS, *sizes}):
        make_folder(root, size)
    for workload in WORKLOADS:
        timed = measure_time(peers, workload, root, args.rounds)
        print_time(workload, timed)
        report["workloads"][workload.name] = {"members": MEMBERS, "results": timed}
    growth = measure_growth(peers, ALLPROP, root, sizes)
    print_growth(ALLPROP, growth, sizes)
    report["growth"] = growth
    if OURS in names:
        report["goals"] += goals(timed, growth, sizes)


def main():
    names = [peer.name for peer in PEERS]
    parts = ["large", "reverse", *changes.WORKLOADS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", nargs="+", choices=names, default=names,
                        help="whose listings of large folders are measured")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--quick", action="store_true",
                        help="smaller sizes, and no folder of a million")
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"

    root = data_root()
    report = {"date": datetime.datetime.now().isoformat(timespec="seconds"),
              "machine": machine(), "rounds": args.rounds, "quick": args.quick,
              "versions": {peer.name: peer.version() for peer in PEERS}, "workloads": {},
              "goals": []}
    print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores, "
          f"Linux {report['machine']['kernel']}; medians of {args.rounds} rounds")
    for name, version in report["versions"].items():
        print(f"{name}: {version}")
    if "large" in args.only:
        measure_listings(args.peers, args, root, report)
    if "reverse" in args.only:
        make_folder(root, MEMBERS)
        report["reverse"], reached = reverse.measure(root, args.rounds, MEMBERS)
        report["goals"] += reached
    report["changes"], reached = changes.measure(root, args.only, args.quick, args.rounds)
    report["goals"] += reached
    if report["goals"]:
        print_goals(report["goals"])

    (REPO / "build/bench.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print("\nbuild/bench.json has it all.")


if __name__ == "__main__":
    main()
