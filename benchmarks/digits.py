"""
Measure the seconds from an index to its decimal digits, against others who compute Fibonacci numbers from Python.

    make benchmark [ARGS="--quick"]

Every contender (`contenders.py`) has a process of its own for the whole run; they take turns, round by round, and the
medians are printed. In each run everybody's digits must have the same SHA-256, and the ends that the closed form and
fast doubling modulo 10^100 give; otherwise it ends with exit code 1. The verdict at the end compares with what the
project promises. Needs Linux, and a machine that does nothing else.
"""

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Context, Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS, HEAD, TAIL, Contender
from benchmarks.plot import save_plot
from calculator.fibonacci import digit_count, modulo
from calculator.fibonacci.decimal_digits import FFT_FROM, FFT_TO

INDICES = (
    1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000, 1_000_000_000,
)  # fmt: skip
QUICK_INDICES = INDICES[:7]
MOST_ROUNDS = 15
QUICK_ROUNDS = 5
# A contender gets fewer rounds where they would take longer than this together.
ROUNDS_SECONDS = 12.0
# How a time grows with the index, to guess whether the next one is worth waiting for.
GROWTH = 1.2
MEMORY_FROM = 1_000_000
SHOWN_FROM = 100_000_000
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))

# What the project promises: how many times as fast as gmpy2, and bytes of memory for each digit.
FASTER_THAN_GMPY2 = {1_000_000: 2.3, 10_000_000: 5.5, 100_000_000: 9.0, 1_000_000_000: 9.0}
NOT_SLOWER_THAN_GMPY2 = 1.05
BYTES_PER_DIGIT = {100_000_000: 10.0, 1_000_000_000: 8.0}

Medians = dict[str, float]


def main() -> None:
    options = parse_arguments()
    names = [name for name in CONTENDERS if name in options.contenders]
    print(machine())
    print()
    print(
        f"{'index':>13}{'digits':>13}{''.join(f'{name:>12}' for name in names)}"
        f"{'gmpy2/ours':>12}{'bytes/digit':>13}{'check':>8}{'1 thread':>10}"
    )
    medians: dict[int, Medians] = {}
    memory: dict[int, float] = {}
    ends: list[str] = []
    with ExitStack() as stack:
        contenders = [stack.enter_context(Contender(name)) for name in names]
        for index in options.indices:
            patient = [one for one in contenders if expected_seconds(one.name, index, medians) <= options.limit]
            medians[index], known = measure(patient, index, options.rounds)
            if index >= SHOWN_FROM and known:
                ends.append(f"F({index:,}) = {known['head']} … {known['tail']}")
            if "ours" in names and index >= MEMORY_FROM:
                memory[index] = bytes_per_digit(index)
            checks = check_shares(patient, index, medians[index])
            print_row(index, names, medians[index], memory.get(index), checks)
    if ends:
        print("\nThe leading digits are those of the closed form, the trailing ones those of F(n) modulo 10^100:\n")
        print("\n".join(ends))
    print_verdict(medians, memory)
    if options.svg:
        save_plot(options.svg, medians)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "indices",
        metavar="N",
        type=index_argument,
        nargs="*",
        help="indices instead of ten from 1,000 to 1,000,000,000",
    )
    parser.add_argument("--rounds", type=int, help=f"timings of each contender, at most ({MOST_ROUNDS})")
    parser.add_argument(
        "--contenders", nargs="+", choices=CONTENDERS, default=[*CONTENDERS], metavar="NAME", help=", ".join(CONTENDERS)
    )
    parser.add_argument(
        "--limit", type=float, default=120.0, help="leave out who would take more seconds than this (%(default)s)"
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="save a plot, for instance docs/digits.svg")
    parser.add_argument("--quick", action="store_true", help="half a minute: indices up to 10,000,000, few rounds")
    options = parser.parse_args()
    options.indices = sorted(options.indices or (QUICK_INDICES if options.quick else INDICES))
    options.rounds = max(1, options.rounds or (QUICK_ROUNDS if options.quick else MOST_ROUNDS))
    return options


def index_argument(text: str) -> int:
    index = int(text.replace(",", ""))
    if not INDICES[0] <= index <= FFT_TO:
        raise argparse.ArgumentTypeError(f"{text} is not from {INDICES[0]:,} to {FFT_TO:,}")
    return index


def machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = models[0].partition(": ")[2] if models else platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "gmpy2", "python-flint"))
    return (
        f"{len(os.sched_getaffinity(0))} × {processor}, load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, {packages}"
    )


def expected_seconds(name: str, index: int, medians: Mapping[int, Medians]) -> float:
    """Guess a contender's seconds from its last measurement; 0 without one."""
    known = [earlier for earlier in medians if name in medians[earlier]]
    return medians[known[-1]][name] * (index / known[-1]) ** GROWTH if known else 0.0


def measure(contenders: list[Contender], index: int, most_rounds: int) -> tuple[Medians, dict[str, Any]]:
    """Time the contenders in turns; return each one's median seconds, and what all their digits have in common."""
    samples: dict[str, list[float]] = {one.name: [] for one in contenders}
    known: dict[str, Any] = {}
    for turn in range(most_rounds):
        # Who comes first changes, so that nobody always follows the same neighbour.
        first = turn % max(1, len(contenders))
        for one in contenders[first:] + contenders[:first]:
            taken = samples[one.name]
            if taken and len(taken) + 1 > ROUNDS_SECONDS / min(taken):
                continue
            timing = one.time(index)
            taken.append(timing.pop("seconds"))
            known = known or {**timing, "by": one.name}
            require_same(index, known, one.name, timing)
    if known:
        require_right(index, known)
    return {name: statistics.median(taken) for name, taken in samples.items()}, known


def require_same(index: int, known: Mapping[str, Any], name: str, timing: Mapping[str, Any]) -> None:
    if timing["sha256"] != known["sha256"]:
        sys.exit(
            f"F({index:,}): the digits of {name} have the SHA-256 {timing['sha256']}, "
            f"those of {known['by']} {known['sha256']}. One of them is wrong."
        )


def require_right(index: int, known: Mapping[str, Any]) -> None:
    """Compare what all agree on with what can be known without computing F(n)."""
    right = {"length": digit_count(index), "head": leading_digits(index), "tail": trailing_digits(index)}
    for part, expected in right.items():
        if known[part] != expected:
            sys.exit(f"F({index:,}): all contenders agree on the {part} {known[part]}, but it is {expected}.")


def leading_digits(index: int) -> str:
    """Return the first digits of F(n), for n that is not small, from the closed form φⁿ/√5."""
    context = Context(prec=3 * HEAD)
    root = context.sqrt(Decimal(5))
    phi = context.divide(context.add(1, root), 2)
    exponent = context.subtract(context.multiply(index, context.log10(phi)), context.log10(root))
    return str(context.power(10, context.remainder(exponent, 1))).replace(".", "")[:HEAD]


def trailing_digits(index: int) -> str:
    return str(modulo(index, 10**TAIL)).zfill(TAIL)


def bytes_per_digit(index: int) -> float:
    # A process of its own for each index, because a peak never goes down.
    with Contender("ours") as fresh:
        return fresh.peak(index) / digit_count(index)


def check_shares(contenders: list[Contender], index: int, seconds: Medians) -> dict[str, float]:
    """Return the check's part of our time, with all threads and with one; GMP's small values are not checked."""
    ours = [one for one in contenders if one.name in {"ours", "one-thread"} and index >= FFT_FROM]
    return {one.name: one.time_check(index) / seconds[one.name] for one in ours}


def print_row(
    index: int, names: list[str], seconds: Medians, per_digit: float | None, checks: Mapping[str, float]
) -> None:
    ratio = seconds["gmpy2"] / seconds["ours"] if {"gmpy2", "ours"} <= seconds.keys() else None
    cells = [
        f"{index:>13,}{digit_count(index):>13,}",
        *(f"{duration(seconds.get(name)):>12}" for name in names),
        f"{'–' if ratio is None else f'{ratio:.2f}':>12}",
        f"{'–' if per_digit is None else f'{per_digit:.1f}':>13}",
        f"{share(checks.get('ours')):>8}{share(checks.get('one-thread')):>10}",
    ]
    print("".join(cells), flush=True)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    unit, length = next((unit, length) for unit, length in UNITS if seconds >= length or unit == "µs")
    return f"{seconds / length:.3g} {unit}"


def share(part: float | None) -> str:
    return "–" if part is None else f"{part:.1%}"


def print_verdict(medians: Mapping[int, Medians], memory: Mapping[int, float]) -> None:
    print("\nVerdict\n")
    ratios = {
        index: seconds["gmpy2"] / seconds["ours"]
        for index, seconds in medians.items()
        if {"gmpy2", "ours"} <= seconds.keys()
    }
    for index, target in FASTER_THAN_GMPY2.items():
        promise = f"at least {target:g} times as fast as gmpy2 at {index:,}"
        print_promise(
            promise, ratios.get(index), f"{ratios.get(index, 0):.2f} times", held=ratios.get(index, 0) >= target
        )
    worst = min(ratios, key=ratios.__getitem__, default=None)
    slower = 1 / ratios[worst] if worst else 0.0
    promise = f"never slower than gmpy2 by more than {NOT_SLOWER_THAN_GMPY2 - 1:.0%}"
    found = f"{slower - 1:+.1%} at {worst:,}" if worst else ""
    print_promise(promise, worst, found, held=slower <= NOT_SLOWER_THAN_GMPY2)
    for index, target in BYTES_PER_DIGIT.items():
        promise = f"at most {target:g} bytes of memory for each digit at {index:,}"
        print_promise(
            promise, memory.get(index), f"{memory.get(index, 0):.1f} bytes", held=memory.get(index, 0) <= target
        )


def print_promise(promise: str, measured: float | None, found: str, *, held: bool) -> None:
    outcome = "not measured" if measured is None else f"{found:<26}{'held' if held else 'missed'}"
    print(f"  {promise:<64}{outcome}")


if __name__ == "__main__":
    main()
