"""The README's charts, as SVG, from the figures of a run.

bench.svg: what one large listing takes (time, first byte, memory), a bar for each server.
growth.svg: the time a member, from the smallest folder to the largest, a line for each.
Both bring their own background, and follow the reader's light or dark colours.
"""

import math
from xml.sax.saxutils import escape

from listings import LIMIT
from peers import INCUMBENT, LIGHTTPD, NGINX, OURS

# Each color on light paper, and on dark.
PALETTE = {"paper": ("#ffffff", "#0d1117"), "ink": ("#1f2328", "#e6edf3"),
           "faint": ("#59636e", "#9198a1"), "rule": ("#d1d9e0", "#3d444d"),
           "ours": ("#0969da", "#4493f8"), "limit": ("#1a7f37", "#3fb950"),
           "incumbent": ("#bc4c00", "#f0883e"), "nginx": ("#8250df", "#ab7df8"),
           "lighttpd": ("#9a6700", "#d29922")}

COLORS = {OURS.name: "ours", LIMIT: "limit", INCUMBENT.name: "incumbent", NGINX.name: "nginx",
          LIGHTTPD.name: "lighttpd"}


def style():
    def rules(dark):
        return [f"  .{name} {{ fill: {colors[dark]}; }} .{name}-line {{ stroke: {colors[dark]}; }}"
                for name, colors in PALETTE.items()]
    return "\n".join([
        "<style>", "  text { font: 13px system-ui, sans-serif; }",
        "  .title { font-size: 15px; } .faint { font-size: 12px; }",
        "  .title, .own { font-weight: 600; } polyline { fill: none; }",
        *rules(0), "@media (prefers-color-scheme: dark) {", *rules(1), "}", "</style>"])


def text(x, y, what, css="ink", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">'
            f"{escape(what)}</text>")


def rule(x1, y1, x2, y2):
    return f'<line class="rule-line" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def page(width, height, title, parts):
    """A whole document; the title is also what a screen reader says."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>", style(),
        f'<rect width="{width}" height="{height}" rx="6" class="paper"/>',
        text(20, 28, title, "ink title"), *parts, "</svg>", ""])


def emphasis(name, color="ink"):
    return f"{color} own" if name == OURS.name else color


def short(value):
    """Three digits, or what there is before the point."""
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 2)}f}"


def label(members):
    return f"{members // 1_000_000} million" if members >= 1_000_000 else f"{members:,}"


# --- bars ---

PANEL, BAR, NAMES, PAD = 205, 24, 165, 20


def panel(x, title, unit, values, names):
    """One figure of all servers: bars from the same zero."""
    longest = max(values.values())
    room = PANEL - 70  # what a bar may take; its figure stands behind it
    parts = [text(x, 60, title, "ink own"), text(x, 76, unit, "faint")]
    for i, name in enumerate(names):
        if name not in values:
            continue
        y, length = 88 + i * BAR, max(1, room * values[name] / longest)
        parts.append(f'<rect x="{x}" y="{y}" width="{length:.1f}" height="{BAR - 8}" rx="2" '
                     f'class="{COLORS[name]}"/>')
        parts.append(text(x + length + 6, y + 12.5, short(values[name]), emphasis(name)))
    return parts


def bars(growth, members, properties):
    """One size, as `growth` has it: its servers have just started, so the memory is its own."""
    at = {name: by_size[str(members)] for name, by_size in growth["results"].items()
          if str(members) in by_size}
    names = sorted(at, key=lambda name: at[name]["us_per_member"])
    panels = [("Time", "µs a member", "us_per_member", 1),
              ("First byte", "ms", "first_byte_ms", 1),
              ("Memory of the server", "MiB, anonymous, at the highest", "peak_anonymous_bytes",
               1 << 20)]
    parts = [text(NAMES + PAD - 10, 88 + i * BAR + 12.5, name, emphasis(name), "end")
             for i, name in enumerate(names)]
    for n, (title, unit, what, scale) in enumerate(panels):
        values = {name: figures[what] / scale for name, figures in at.items() if what in figures}
        if values:
            parts += panel(NAMES + PAD + n * PANEL, title, unit, values, names)
    bottom = 88 + BAR * len(names) + 14
    if properties:
        parts.append(text(20, bottom, "Properties of a file in the answer: " + ", ".join(
            f"{name} {len(properties[name])}" for name in names if name in properties), "faint"))
    title = f"PROPFIND, Depth: 1, all properties, {label(members)} files: less is better"
    return page(NAMES + PAD + 3 * PANEL, bottom + 14, title, parts)


# --- lines ---

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 800, 400, 55, 215, 66, 48


def round_step(highest):
    """1, 2 or 5 times a power of ten, of which four to ten make the highest."""
    power = 10 ** math.floor(math.log10(highest / 4))
    return next(power * n for n in (10, 5, 2, 1) if power * n <= highest / 4)


def spread(wanted, gap):
    """Moves labels apart, downwards, that would lie on each other."""
    placed, last = {}, -math.inf
    for name, y in sorted(wanted.items(), key=lambda item: item[1]):
        last = placed[name] = max(y, last + gap)
    return placed


class Plot:
    """Members from left to right, each tenfold as wide as the last; microseconds upwards."""

    def __init__(self, sizes, highest):
        self.first, self.last = math.log10(sizes[0]), math.log10(sizes[-1])
        self.highest = highest

    def x(self, size):
        part = (math.log10(size) - self.first) / (self.last - self.first)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.highest * (HEIGHT - TOP - BOTTOM)

    def axes(self, sizes):
        step = round_step(self.highest)
        parts = []
        for n in range(int(self.highest / step) + 1):
            y = self.y(n * step)
            parts += [rule(LEFT, y, WIDTH - RIGHT, y),
                      text(LEFT - 8, y + 4, f"{n * step:g}", "faint", "end")]
        for size in sizes:
            if math.log10(size).is_integer():
                parts.append(text(self.x(size), HEIGHT - BOTTOM + 18, label(size), "faint",
                                  "middle"))
        return parts + [text(LEFT - 35, TOP - 16, "µs a member", "faint"),
                        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "files in the folder",
                             "faint", "middle")]

    def line(self, name, points):
        at = " ".join(f"{self.x(size):.1f},{self.y(value):.1f}" for size, value in points)
        color, width = COLORS[name], 3 if name == OURS.name else 1.75
        dots = [f'<circle cx="{self.x(size):.1f}" cy="{self.y(value):.1f}" r="{width}" '
                f'class="{color}"/>' for size, value in points]
        return [f'<polyline points="{at}" class="{color}-line" stroke-width="{width}"/>', *dots]


def lines(growth):
    series = {name: [(int(size), figures["us_per_member"]) for size, figures in by_size.items()]
              for name, by_size in growth["results"].items() if by_size}
    plot = Plot(growth["sizes"], 1.05 * max(v for points in series.values() for _, v in points))
    parts = plot.axes(growth["sizes"])
    for name, points in series.items():
        parts += plot.line(name, points)
    ends = spread({name: plot.y(points[-1][1]) for name, points in series.items()}, 16)
    lowest = max(0, max(ends.values()) - (HEIGHT - BOTTOM))
    for name, y in ends.items():
        value = f"{name}  {short(series[name][-1][1])}"
        parts.append(text(WIDTH - RIGHT + 12, y - lowest + 4, value,
                          emphasis(name, COLORS[name])))
    return page(WIDTH, HEIGHT, "PROPFIND, Depth: 1, all properties: time a member, as folders grow",
                parts)


def draw(report, folder):
    """Writes the charts that the figures suffice for; their paths."""
    found = report["workloads"].get("growth")
    if not found:
        return []
    growth = found[0]
    # JSON has names where Python had numbers.
    growth["results"] = {name: {str(size): figures for size, figures in by_size.items()}
                         for name, by_size in growth["results"].items()}
    members = max(size for size in growth["sizes"] if size <= 100_000)
    listing = report["workloads"].get("listing")
    properties = listing[0]["properties"] if listing else {}
    folder.mkdir(exist_ok=True)
    charts = {folder / "bench.svg": bars(growth, members, properties),
              folder / "growth.svg": lines(growth)}
    for path, document in charts.items():
        path.write_text(document)
    return list(charts)
