"""
Compare the memory that `predict` promises for F(n) with what its computation needs, with one thread and with all.

    .venv-benchmark/bin/python -m benchmarks.memory     (after make .venv-benchmark/installed)

Each measurement has a fresh process: it is the most memory the process ever had, above what it had after its imports.
Workers are given memory by this prediction, so needing more than predicted is worse than needing less. Needs Linux.
"""

import argparse

from benchmarks.contenders import Contender
from calculator.fibonacci import predict

INDICES = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000, 300_000_000, 1_000_000_000)
THREADS = {"one-thread": "one thread", "ours": "all threads"}
# What the docstring of `predict` says.
PROMISED = 0.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("indices", metavar="N", type=int, nargs="*", default=INDICES, help="indices (10^6 … 10^9)")
    options = parser.parse_args()
    print(f"{'':>13}{'':>13}{'predicted':>26}" + "".join(f"{label:>35}" for label in THREADS.values()))
    columns = f"{'bytes':>15}{'per digit':>11}"
    print(f"{'index':>13}{'digits':>13}{columns}" + f"{columns}{'off by':>9}" * len(THREADS))
    worst = dict.fromkeys(THREADS, 0.0)
    for index in options.indices:
        cost = predict(index)
        row = f"{index:>13,}{cost.digits:>13,}{cost.bytes:>15,}{cost.bytes / cost.digits:>11.1f}"
        for name in THREADS:
            with Contender(name) as fresh:
                peak = fresh.peak(index)
            deviation = peak / cost.bytes - 1
            worst[name] = max(worst[name], deviation, key=abs)
            row += f"{peak:>15,}{peak / cost.digits:>11.1f}{deviation:>+9.1%}"
        print(row, flush=True)
    print()
    for name, deviation in worst.items():
        outcome = "held" if abs(deviation) <= PROMISED else "missed"
        print(f"{THREADS[name]}: off by {deviation:+.1%} at most, promised {PROMISED:.0%}: {outcome}")


if __name__ == "__main__":
    main()
