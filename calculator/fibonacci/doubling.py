"""F(n) by fast doubling on decimal words, from GMP's value at a small index up."""

import gmpy2

from calculator.fibonacci.convolution import FEW, Grid, Pair
from calculator.fibonacci.modular import CHECK_WORK
from calculator.fibonacci.threads import Threads
from calculator.fibonacci.words import WORD, Floats, from_text, to_text

# GMP computes F(k) for the first so many bits of n.
FIRST_BITS = 16
# log₁₀φ
DIGITS_PER_INDEX = 0.20898764024997873
# What a word's text is worth, in the unit of the convolution's work.
TEXT_WORK = 0.8
# And what GMP's part is worth.
FIRST_WORK = 200_000
# Bytes of a number, and of what there is beside the numbers: tables, scratch, the transforms' own buffers.
FLOAT = 8
SCRATCH_ALONE = 3_000_000
SCRATCH_OF_THREADS = 5_000_000


def fast_doubling(n: int, threads: Threads) -> bytes:
    """
    Return F(n) as ASCII digits: right unless a rounding error reached 1/2 (see `convolution`), so check it.

    n: 2¹⁶ at least, 2³⁰ at most.
    """
    size = word_count(n)
    return to_text(words_of(n, threads)[:size], threads, TEXT_WORK * size)


def work(n: int) -> float:
    """Return what the computation and the check of F(n) are worth to Threads."""
    *grids, last = grids_for(n)
    size = word_count(n)
    doublings = sum(grid.work() for grid in grids) + last.work(results=1)
    return FIRST_WORK + doublings + (TEXT_WORK + WORD * CHECK_WORK) * size


def memory(n: int) -> int:
    """Return the bytes of F(n)'s computation at its peak, with two threads."""
    # The last doubling has two numbers of half the length and all their points, and one result in their place.
    points = max(grid.points for grid in grids_for(n))
    return points * (3 * FLOAT + 2 * 2 * FLOAT) + (SCRATCH_ALONE if points < FEW else SCRATCH_OF_THREADS)


def words_of(n: int, threads: Threads) -> Floats:
    """Return the words of F(n) and zeros above, doubling once on each grid."""
    grids = grids_for(n)
    pair = Pair.with_room_for(max(grid.points for grid in grids))
    for row, number in enumerate(gmpy2.fib2(n >> len(grids))):
        first = from_text(number.digits().encode("ascii"))
        pair.numbers[row, : len(first)] = first
    threads.advance(FIRST_WORK)
    for left, grid in zip(reversed(range(len(grids))), grids, strict=True):
        pair.double(grid, threads, odd=bool(n >> left & 1), last=not left)
    words: Floats = pair.numbers[0]
    return words


def grids_for(n: int) -> list[Grid]:
    """Return the grid of each doubling: the last one's is for F(n), the one's before for n without its last bit."""
    return [Grid.holding(word_count((n >> left) + 1)) for left in reversed(range(n.bit_length() - FIRST_BITS))]


def word_count(n: int) -> int:
    """Return how many words hold F(n), balanced."""
    return int(n * DIGITS_PER_INDEX / WORD) + 2
