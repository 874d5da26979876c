"""
Products of long numbers by the fast Fourier transform: F(k) and its neighbour in, F(2k) and its neighbour out.

A product of two numbers is the convolution of their words, and a Fourier transform turns convolution into
multiplication, point by point. Three ideas make it fast here:

- Both numbers are transformed once, everything that is wanted of them is computed on the points, and only the two
  results are transformed back.
- Right-angle convolution: M points are enough for a product of 2M words, without padding with zeros. The words a₀, a₁,
  … are the polynomial Σ aⱼXʲ, and products are computed modulo Xᴹ - i. What exceeds Xᴹ comes back multiplied by i, so
  the low half of the product is the real part and the high half the imaginary part. An ordinary cyclic transform
  computes this when word j is given the weight exp(iπj/2M).
- Four steps: one transform of M = rows · columns points is done as short transforms down the columns, a twist of each
  point by exp(-2πi·row·column/M), and short transforms along the rows. It all happens in pieces that fit the cache, and
  a piece goes through as much as possible while it is there. The order of the points does not matter, so nothing is
  ever transposed.

Exactness: the sums that come back are whole numbers but for the rounding errors of the floating-point transform, and
rounding to the next integer is right while every error is below 1/2. With words up to w = 5·10⁴, M points and e = 2⁻⁵³
the error of a product is below M·w²·13·log₂(M)·e (C. Percival, "Rapid multiplication modulo the sum and difference of
highly composite numbers", Math. Comp. 72 (2003), theorem 5.1), which proves nothing beyond a few thousand points. But
rounding errors are independent in practice, and grow like √M: at M = 20,900,000, for F(10⁹), the largest stays below
0.1 (tests measure it). That is a margin of five, not a proof: whoever uses this must check the result, as
`decimal_digits.digits` does modulo a random prime.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.fft import fft, ifft
from numpy.typing import NDArray

from calculator.fibonacci.threads import Threads
from calculator.fibonacci.words import Floats, carry

Points = NDArray[np.complex128]

# Up to so many points one row is faster than several.
MOST_IN_ONE_ROW = 2**14
# So many points of each number are worked on at once; with their weights and scratch they fill a cache of a megabyte.
BLOCK = 2**14
# Above so many points larger blocks pay, because threads meet less often.
MANY = 2**20
# Below so many points the other threads cost more than they save.
FEW = 2**17
# Divisors of these are lengths of which numpy's transform is fast. Only five factors of two in the columns: rows that
# lie a large power of two apart would share their places in the cache.
ROW_LENGTHS = 2**30 * 3**13 * 5**9 * 7**7
COLUMNS = 2**5 * 3**13 * 5**9 * 7**7
# So many words at a seam take up what was carried there; no span of columns may be shorter than this and one more.
SEAM = 16
SHORTEST_SPAN = 32
# What the passes over a point cost for each number, relative to each other.
COLUMN_WORK, ROW_WORK, WORD_WORK = 1.0, 2.2, 1.7


@dataclass(frozen=True, slots=True)
class Grid:
    """The shape of a transform: rows · columns points, for products of up to twice as many words."""

    rows: int
    columns: int

    @classmethod
    def holding(cls, words: int) -> "Grid":
        """Return a good grid for products of so many words."""
        points = words // 2 + 1
        if points <= MOST_IN_ONE_ROW:
            return cls(1, rounded_up(points, ROW_LENGTHS))
        rows = 1 << (points.bit_length() - 4) // 2
        return cls(rows, rounded_up(-(-points // rows), COLUMNS))

    @property
    def points(self) -> int:
        return self.rows * self.columns

    def work(self, results: int = 2) -> float:
        """Return what a doubling on this grid is worth, in points passed over."""
        return self.points * (2 * (COLUMN_WORK + ROW_WORK * 0.5) + results * (ROW_WORK * 0.5 + WORD_WORK))


def rounded_up(length: int, multiple: int) -> int:
    """Return the next length that divides `multiple`."""
    while multiple % length:
        length += 1
    return length


def turns(angle: float, count: int) -> Points:
    """Return exp(i·angle·j) for j = 0 … count - 1, from few sines: the products of a coarse and a fine table."""
    fine = math.isqrt(count) + 1
    coarse = np.exp(1j * angle * fine * np.arange(-(-count // fine)))
    table: Points = np.multiply.outer(coarse, np.exp(1j * angle * np.arange(fine))).reshape(-1)[:count]
    return table


def twists(angle: float, rows: int, columns: int) -> Points:
    """Return exp(i·angle·(row - 1/4)·column), doubling the rows that there are until there are enough."""
    table = np.empty((rows, columns), complex)
    table[0] = turns(-angle / 4, columns)
    done = 1
    while done < rows:
        following = table[done : 2 * done]
        np.multiply(table[: len(following)], turns(angle * done, columns), out=following)
        done += len(following)
    return table


@dataclass(slots=True)
class Pair:
    """
    Two consecutive Fibonacci numbers F(k) and F(k-1), and the memory to double k in.

    numbers: two rows of balanced words, the lowest first, with room for twice the points of the largest grid.
    points: two rows for their transforms. row: which row holds F(k); the other one holds F(k-1).
    """

    numbers: Floats
    points: Points
    row: int

    @classmethod
    def with_room_for(cls, points: int) -> "Pair":
        return cls(np.zeros((2, 2 * points)), np.empty((2, points), complex), 0)

    def double(
        self,
        grid: Grid,
        threads: Threads,
        *,
        odd: bool,
        last: bool = False,
        observe: Callable[[float], None] | None = None,
    ) -> None:
        """
        Go from k to 2k, or to 2k + 1 if odd.

        grid: for products as long as the new numbers. last: leave out F(k-1); F(k) is then the first row.
        observe: called with the largest rounding error of each block, for measurements.
        Source: with F = F(k) and G = F(k-1), F(2k) = (F+G)² - G², F(2k-1) = F² + G² and F(2k+1) = (F+G)² + F².
        """
        size, rows, columns = grid.points, grid.rows, grid.columns
        doubling = Doubling(self, grid, odd=odd, last=last, observe=observe)
        count = len(doubling.results)
        alone = size < FEW
        if rows > 1:
            threads.spread(doubling.transform_columns, columns, doubling.width, 2 * COLUMN_WORK * size, alone=alone)
        else:
            doubling.points[...] = doubling.numbers
            threads.advance(2 * COLUMN_WORK * size)
        row_work, word_work = (1 + count / 2) * ROW_WORK * size, count * WORD_WORK * size
        threads.spread(doubling.multiply_rows, rows, doubling.height, row_work, alone=alone)
        runs = threads.spread(doubling.collect_words, columns, doubling.width, word_work, alone=alone)
        close_seams(doubling.halves.reshape(count, 2 * rows, columns), runs)
        self.row = 0 if last else doubling.new_row


class Doubling:
    """The three passes over the points of one doubling; each takes some spans of rows or columns."""

    def __init__(
        self, pair: Pair, grid: Grid, *, odd: bool, last: bool, observe: Callable[[float], None] | None
    ) -> None:
        rows, columns, size = grid.rows, grid.columns, grid.points
        block = BLOCK if size < MANY else 2 * BLOCK
        self.width, self.height = max(SHORTEST_SPAN, block // rows), max(1, block // columns)
        self.numbers = pair.numbers[:, :size].reshape(2, rows, columns)
        self.points = pair.points[:, :size].reshape(2, rows, columns)
        self.odd, self.observe = odd, observe
        # F's row takes F(2k±1) and G's row F(2k): which of them is the new F(k) depends on the parity.
        self.f_row, self.g_row = pair.row, 1 - pair.row
        self.new_row = self.f_row if odd else self.g_row
        self.kept = slice(self.new_row, self.new_row + 1) if last else slice(0, 2)
        self.results = self.points[self.kept]
        self.halves = pair.numbers[: len(self.results), : 2 * size].reshape(-1, 2, rows, columns)
        # The weight of a word is the product of its row's and its column's; the columns' is part of the twists.
        self.row_weights = turns(np.pi / 2 / rows, rows)[:, None]
        self.angle = -2 * np.pi / size
        self.first_twists = twists(self.angle, min(self.height, rows), columns)

    def transform_columns(self, spans: Iterable[slice]) -> None:
        """Weigh the words of some columns and transform them."""
        real, imaginary = self.row_weights.real.copy(), self.row_weights.imag.copy()
        for span in spans:
            words, points = self.numbers[:, :, span], self.points[:, :, span]
            np.multiply(words, real, out=points.real)
            np.multiply(words, imaginary, out=points.imag)
            fft(points, axis=1, out=points)

    def multiply_rows(self, spans: Iterable[slice]) -> None:
        """Twist some rows, transform them, double there, and go the same way back."""
        scratch = np.empty((2, *self.first_twists.shape), complex)
        for span in spans:
            points = self.points[:, span]
            height = span.stop - span.start
            twist, total = scratch[:, :height]
            first = self.first_twists[:height]
            if span.start:
                first = np.multiply(first, turns(self.angle * span.start, first.shape[1]), out=twist)
            points *= first
            fft(points, axis=2, out=points)
            f, g = points[self.f_row], points[self.g_row]
            np.add(f, g, out=total)
            np.multiply(total, total, out=total)
            np.multiply(points, points, out=points)
            f += total if self.odd else g
            np.subtract(total, g, out=g)
            results = points[self.kept]
            ifft(results, axis=2, norm="forward", out=results)
            results *= np.conjugate(first, out=twist)

    def collect_words(self, spans: Iterable[slice]) -> Floats:
        """
        Transform some columns back, one span after the other from left to right, and write the words of the results.

        Returns what the last words of each row carry: (numbers, rows, 2), those of the low and of the high half.
        """
        count, rows, _ = self.results.shape
        weights_back = self.row_weights.conj() / self.points[0].size
        carried = np.zeros((count, rows, 2))
        scratch = np.empty(3 * count * rows * self.width, complex)
        for span in spans:
            points = self.results[:, :, span]
            if rows > 1:
                ifft(points, axis=1, norm="forward", out=points)
            # Words of the low and of the high half take turns along the last axis.
            halves = np.multiply(points, weights_back, out=scratch[: points.size].reshape(points.shape))
            words = halves.view(np.float64)
            if self.observe:
                self.observe(float(np.abs(words - np.rint(words)).max()))
            np.rint(words, out=words)
            words[..., :2] += carried
            carried = carry(words, scratch[points.size : 3 * points.size].view(np.float64).reshape(2, *words.shape), 2)
            self.halves[:, 0, :, span] = halves.real
            self.halves[:, 1, :, span] = halves.imag
        return carried


def close_seams(numbers: Floats, runs: Sequence[tuple[int, Floats]]) -> None:
    """
    Bring what each run of columns carries at its right end to the words that follow it.

    numbers: (numbers, rows, columns); a row's last word is followed by the next row's first.
    runs: the first column of each, and what its rows carry: (numbers, rows / 2, 2), upper and lower half of the rows.
    """
    carried = [run.swapaxes(1, 2).reshape(len(numbers), -1) for _, run in runs]
    # What the last run carries goes to the rows below; at the end of the number nothing is left.
    from_above = np.zeros_like(carried[-1])
    from_above[:, 1:] = carried[-1][:, :-1]
    for (start, _), arriving in zip(runs, [from_above, *carried[:-1]], strict=True):
        seam = numbers[..., start : start + SEAM].copy()
        seam[..., 0] += arriving
        numbers[..., start + SEAM] += carry(seam)[..., 0]
        numbers[..., start : start + SEAM] = seam
