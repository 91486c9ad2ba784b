"""What is said while it runs, and tables."""

import sys


def say(text):
    print(text, file=sys.stderr, flush=True)


def print_table(title, head, rows):
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    print(f"\n{title}\n")
    for row in [head] + rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  " + "   ".join(cells).rstrip())
    sys.stdout.flush()


def goal(text, value, at_most=None, at_least=None):
    """What is to be reached, and whether it is; one of the two bounds is given."""
    bound = {"at_most": at_most} if at_least is None else {"at_least": at_least}
    reached = value <= at_most if at_least is None else value >= at_least
    return {"goal": text, "value": value, **bound, "reached": reached}


def print_goals(goals):
    rows = [[g["goal"], f"{g['value']:.3f}",
             f"at most {g['at_most']:.3g}" if "at_most" in g else f"at least {g['at_least']:.3g}",
             "met" if g["reached"] else "NOT MET"] for g in goals]
    print_table("Goals", ["", "reached", "goal", ""], rows)
