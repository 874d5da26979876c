"""The plot of `digits.py`: seconds over the index, both logarithmic, a line for each contender."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

# A contender's label, and its line's colour (told apart by those who see red and green alike), style and width. The
# first is drawn on top.
LINES = {
    "ours": ("Fibsite", "#0072b2", "-", 2.4),
    "one-thread": ("Fibsite, one thread", "#0072b2", ":", 1.5),
    "gmpy2": ("gmpy2", "#d55e00", "-", 1.5),
    "flint": ("python-flint", "#b0588a", "--", 1.5),
    "decimal": ("decimal", "#008060", "-", 1.5),
}
DARK, GREY = "#333333", "#dddddd"
INDICES = {
    10**3: "1,000", 10**4: "10,000", 10**5: "100,000",
    10**6: "1 million", 10**7: "10 million", 10**8: "100 million", 10**9: "1 billion",
}  # fmt: skip
SECONDS = {
    1e-6: "1 µs", 1e-5: "10 µs", 1e-4: "0.1 ms", 1e-3: "1 ms", 0.01: "10 ms", 0.1: "0.1 s", 1: "1 s", 10: "10 s",
}  # fmt: skip
# The labels at the lines' ends are moved apart to this distance, as a part of the plot's height.
LABEL_HEIGHT = 0.045


def save_plot(file: Path, medians: Mapping[int, Mapping[str, float]]) -> None:
    """Write the medians (index, then contender, then seconds) as an SVG; the same numbers give the same bytes."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "fibsite", "font.size": 11})
    figure = Figure(figsize=(8, 5), layout="constrained", facecolor="white")
    axes = figure.subplots()
    ends = []
    for order, (name, (label, colour, style, width)) in enumerate(LINES.items()):
        points = [(index, seconds[name]) for index, seconds in medians.items() if name in seconds]
        if points:
            axes.loglog(
                *zip(*points, strict=True), color=colour, linestyle=style, linewidth=width,
                marker="o", markersize=2 * width, zorder=len(LINES) + 2 - order,
            )  # fmt: skip
            ends.append((*points[-1], label, colour))
    limits = axes.axis()
    apart = (limits[3] / limits[2]) ** LABEL_HEIGHT
    lowest = 0.0
    for index, seconds, label, colour in sorted(ends):
        lowest = max(seconds, lowest * apart)
        axes.annotate(
            label, (index, lowest), (9, 0), textcoords="offset points", color=colour, va="center",
            annotation_clip=False, weight="bold" if label == "Fibsite" else "normal",
        )  # fmt: skip
    for axis, ticks in ((axes.xaxis, INDICES), (axes.yaxis, SECONDS)):
        axis.set_ticks([*ticks], [*ticks.values()])
        axis.set_minor_locator(NullLocator())
    axes.axis(limits)
    axes.grid(color=GREY, linewidth=0.6)
    axes.tick_params(colors=DARK, length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Time from an index to all its decimal digits", loc="left", color=DARK)
    axes.set_xlabel("index", color=DARK)
    figure.savefig(file, format="svg", metadata={"Date": None})
