"""
The ways to F(n)'s decimal digits that are compared, each in a process of its own.

    python -m benchmarks.contenders NAME

runs one of them: it reads questions on its standard input, a JSON object a line, and answers each with another one.
"""

import hashlib
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import MAX_EMAX, MAX_PREC, Context, Decimal, Inexact, setcontext
from pathlib import Path
from typing import Any

import flint
import gmpy2

from calculator.fibonacci import digits, matches
from calculator.fibonacci.threads import Threads

# What is faster is repeated until this has passed, so that the clock and the loop do not count.
SHORTEST_TIMING_SECONDS = 0.02
CHECKS = 5
# So many digits of both ends are handed over.
HEAD, TAIL = 20, 100


def by_one_thread(n: int) -> bytes:
    return digits(n, threads=1)


def by_gmpy2(n: int) -> bytes:
    return gmpy2.fib(n).digits().encode()


def by_flint(n: int) -> bytes:
    return flint.fmpz.fib_ui(n).str().encode()


def by_decimal(n: int) -> bytes:
    """Compute F(n), for n of at least 2, by fast doubling with two squarings a step, and one product in the last."""
    f, g = Decimal(1), Decimal(0)  # F(k) and F(k-1) for k = the bits of n read so far
    bits = f"{n:b}"
    sign = -2  # 2·(-1)ᵏ
    for bit in bits[1:-1]:
        f, g = f * f, g * g
        above, below = 4 * f - g + sign, f + g  # F(2k+1) and F(2k-1)
        f, g = (above, above - below) if bit == "1" else (above - below, below)
        sign = -2 if bit == "1" else 2
    last = (2 * f + g) * (2 * f - g) + sign if bits[-1] == "1" else f * (f + 2 * g)
    return str(last).encode()


CONTENDERS: dict[str, Callable[[int], bytes]] = {
    "ours": digits,
    "one-thread": by_one_thread,
    "gmpy2": by_gmpy2,
    "flint": by_flint,
    "decimal": by_decimal,
}
# How many threads check the digits; None for all.
CHECK_THREADS = {"ours": None, "one-thread": 1}


class Contender(AbstractContextManager["Contender"]):
    """The process of one contender, as its parent sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        command = [sys.executable, "-m", "benchmarks.contenders", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def time(self, index: int) -> dict[str, Any]:
        """Have F(index) computed; return its seconds, sha256, length, head and tail."""
        return self.ask("time", index)

    def time_check(self, index: int) -> float:
        """Return the median seconds that the check of F(index)'s digits takes."""
        return self.ask("check", index)["seconds"]

    def peak(self, index: int) -> int:
        """Have F(index) computed once; return the most bytes this process ever had above those of its start."""
        return self.ask("peak", index)["bytes"]

    def ask(self, question: str, index: int) -> dict[str, Any]:
        print(json.dumps([question, index]), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended at F({index:,}) with the exit code {self.process.wait()}.")
        return json.loads(answer)


def main() -> None:
    (name,) = sys.argv[1:]
    compute = CONTENDERS[name]
    setcontext(Context(prec=MAX_PREC, Emax=MAX_EMAX, traps=[Inexact]))
    at_start = resident("VmRSS")
    for line in sys.stdin:
        question, index = json.loads(line)
        if question == "time":
            answer = time_digits(compute, index)
        elif question == "check":
            answer = {"seconds": time_check(index, CHECK_THREADS[name])}
        else:
            compute(index)
            answer = {"bytes": resident("VmHWM") - at_start}
        print(json.dumps(answer), flush=True)


def time_digits(compute: Callable[[int], bytes], index: int) -> dict[str, Any]:
    seconds, repeats = 0.0, 1
    while seconds < SHORTEST_TIMING_SECONDS:
        began = time.perf_counter()
        for _ in range(repeats):
            text = compute(index)
        seconds = time.perf_counter() - began
        mean = seconds / repeats
        repeats *= 2
    sha256 = hashlib.sha256(text).hexdigest()
    return {
        "seconds": mean,
        "sha256": sha256,
        "length": len(text),
        "head": text[:HEAD].decode(),
        "tail": text[-TAIL:].decode(),
    }


def time_check(index: int, count: int | None) -> float:
    text = digits(index)
    samples = []
    with Threads(count) as crew:
        for _ in range(CHECKS):
            began = time.perf_counter()
            if not matches(text, index, threads=crew):
                raise SystemExit(f"The digits of F({index:,}) fail their check.")
            samples.append(time.perf_counter() - began)
    return statistics.median(samples)


def resident(field: str) -> int:
    """Return VmRSS, the memory of this process now, or VmHWM, the most it ever had, in bytes."""
    return 1024 * int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


if __name__ == "__main__":
    main()
