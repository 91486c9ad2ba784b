"""Contests: several contestants do the same work, taking turns, round by round.

A *contestant* is a function of a name that no other turn has, which does the work once, outside of
whose timing it makes and checks what is needed. It gives an *outcome*: seconds, and a
dict of what else was seen, of which these count:

  wrong        answers that were not as they should be
  cpu_us       CPU time of the client, and total_us, the time from its first byte to its last
  first_us     microseconds to the first byte of a body (the longest wait, of several answers)
  bytes        of all bodies
  peak         anonymous memory of the server's worker at its highest, in bytes
"""

import statistics

from report import print_table, say


class Tally:
    """What a contestant has done so far."""

    def __init__(self, work):
        self.work = work  # what one turn does, in the unit that is asked for
        self.seconds, self.seen = [], []

    def add(self, outcome):
        seconds, seen = outcome
        self.seconds.append(seconds)
        self.seen.append(seen)

    def median(self, name, divisor):
        values = [seen[name] for seen in self.seen if seen.get(name)]
        return statistics.median(values) / divisor if values else None

    def result(self):
        for seen in self.seen:
            if "cpu_us" in seen:
                seen["busy"] = seen["cpu_us"] / seen["total_us"]
        result = {
            "seconds": statistics.median(self.seconds), "rounds": self.seconds, "work": self.work,
            "wrong_answers": sum(seen.get("wrong", 0) for seen in self.seen),
            "first_byte_ms": self.median("first_us", 1000),
            "bytes": self.median("bytes", self.work),
            # Near 1, the client was the brake, and the figure is not the server's.
            "client_busy": self.median("busy", 1),
            "peak_anonymous_bytes": max((s["peak"] for s in self.seen if "peak" in s),
                                        default=None),
        }
        return {name: value for name, value in result.items() if value is not None}


def take_turns(title, contestants, rounds, work=1, warm_up=True):
    """The results by contestant. Each round begins with another of them. The first round warms up,
    where that is wanted, and does not count."""
    say(f"  {title}")
    tallies = {name: Tally(work) for name in contestants}
    names = list(contestants)
    for n in range(-1 if warm_up else 0, rounds):
        say(f"    round {n + 1} of {rounds}" if n >= 0 else "    warming up")
        first = n % len(names)
        for i, name in enumerate(names[first:] + names[:first]):
            outcome = contestants[name](f"turn-{n + 1}-{i}")
            if n >= 0:
                tallies[name].add(outcome)
    return {name: tally.result() for name, tally in tallies.items()}


def ratio(results, over, under):
    """Of the seconds of two contestants: the median of what it was in each round. A round's turns
    follow each other closely, so what else the machine does, while it lasts longer than a
    round, slows both."""
    rounds = [results[name]["rounds"] for name in (over, under)]
    return statistics.median(a / b for a, b in zip(*rounds))


# --- what is printed ---

# What a second of work becomes in each unit.
UNITS = {
    "µs a member": lambda seconds, work: f"{seconds * 1e6 / work:,.2f}",
    "a second": lambda seconds, work: f"{work / seconds:,.0f}",
    "ms": lambda seconds, work: f"{seconds * 1000 / work:,.1f}",
}

# Columns that are there where all of the contestants that are servers have that figure.
COLUMNS = {
    "first_byte_ms": ("first byte ms", lambda value: f"{value:.2f}"),
    "bytes": ("bytes", lambda value: f"{value:,.0f}"),
    "peak_anonymous_bytes": ("memory MiB", lambda value: f"{value / (1 << 20):.1f}"),
    "client_busy": ("client busy", lambda value: f"{100 * value:.0f} %"),
}


def compete(title, unit, contestants, rounds, work=1, references=(), warm_up=True):
    """Holds a contest."""
    return Table(title, unit, take_turns(title, contestants, rounds, work, warm_up), references)


class Table:
    """The results of one contest. Of the `references`, each gets a column that tells how many times
    their time a contestant took; `out` tells why others are not in it."""

    def __init__(self, title, unit, results, references, out=None, properties=None):
        self.title, self.unit, self.results = title, unit, results
        self.references = [name for name in references if name in results]
        self.out, self.properties = out or {}, properties or {}

    def ratio(self, over, under):
        """Nothing where one of the two isn't in it."""
        if over in self.results and under in self.results:
            return ratio(self.results, over, under)
        return None

    def row(self, name, result, columns):
        in_unit = UNITS[self.unit]
        seconds, rounds, work = (result[key] for key in ("seconds", "rounds", "work"))
        return [name, *(in_unit(s, work) for s in (seconds, min(rounds), max(rounds))),
                *(f"{self.ratio(name, other):.2f}" for other in self.references),
                *(show(result[key]) if key in result else "" for key, (_, show) in columns.items()),
                str(result["wrong_answers"] or "")]

    def show(self):
        servers = [result for result in self.results.values() if COLUMNS.keys() & result]
        columns = {key: column for key, column in COLUMNS.items()
                   if servers and all(key in result for result in servers)}
        head = ["", self.unit, "best", "worst", *(f"× {name}" for name in self.references),
                *(text for text, _ in columns.values()),
                "wrong" if any(r["wrong_answers"] for r in self.results.values()) else ""]
        print_table(self.title, head, [self.row(name, result, columns)
                                       for name, result in self.results.items()])
        for why in self.out.values():
            print(f"  (out: {why})")
        if self.properties:
            print()
        for name, found in self.properties.items():
            print(f"  {name} returns: {' '.join(found)}")

    def as_json(self):
        return {"title": self.title, "unit": self.unit, "results": self.results, "out": self.out,
                "properties": self.properties}
