"""
Numbers as arrays of words: floating-point integers of five decimal digits each, the lowest first.

Words are balanced: they lie around zero, from about -BASE/2 to BASE/2, so that sums of many products of them stay small
and their rounding errors with them. Text is made from words without any conversion between binary and decimal.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from calculator.fibonacci.threads import Threads

Floats = NDArray[np.float64]

WORD = 5
BASE = 10**WORD
# The five digits of each word; at half a megabyte it stays in the cache.
TEXT = np.char.zfill(np.arange(BASE).astype(f"S{WORD}"), WORD)
# So many words are worked on at once, to stay in the cache as well.
BLOCK = 2**15
# Two rounds bring anything below BASE³/10 into balance, to within a fifth of BASE/2.
ROUNDS = 2
ZERO = ord("0")


def from_text(text: bytes) -> Floats:
    """Return the balanced words of a number given as ASCII digits; one word more than its digits need."""
    text = text.zfill(-(-len(text) // WORD) * WORD)
    digits = np.frombuffer(text, np.uint8).reshape(-1, WORD)[::-1] - float(ZERO)
    words = np.append(digits @ 10.0 ** np.arange(WORD)[::-1], 0.0)
    carry(words)
    return words


def carry(words: Floats, scratch: Floats | None = None, stride: int = 1) -> Floats:
    """
    Bring words into balance, in place, each giving what it has too much to the next; return what leaves at the top.

    words: integers below BASE³/10, contiguous, of any shape: rows along the last axis are numbers of their own.
    scratch: memory of twice their size, for speed. stride: how many numbers take turns along the last axis; of each
    the top is returned, so the result's last axis has this length. Whatever the words were, the value is kept exactly.
    """
    quotients, products = np.empty((2, *words.shape)) if scratch is None else scratch
    flat, flat_quotients = words.reshape(-1), quotients.reshape(-1)
    top = np.zeros((*words.shape[:-1], stride))
    for _ in range(ROUNDS):
        # A quotient that is off by one at a tie is as good: it only has to be a whole number.
        np.multiply(words, 1 / BASE, out=quotients)
        np.rint(quotients, out=quotients)
        np.multiply(quotients, BASE, out=products)
        np.subtract(words, products, out=words)
        ends = quotients[..., -stride:]
        top += ends
        # One addition over all rows is several times faster than one for each; the rows' ends must then carry nothing.
        ends[...] = 0
        np.add(flat[stride:], flat_quotients[:-stride], out=flat[stride:])
    return top


def to_text(words: Floats, threads: Threads, work: float = 0.0) -> bytes:
    """
    Return a number of balanced words as ASCII digits without leading zeros.

    words: whole numbers above -BASE and below BASE, of a number above 0. work: what this is worth to `threads`.
    Memory: twice the text.
    """
    size = len(words)
    text = np.empty(size, TEXT.dtype)

    def write(spans: Iterable[slice]) -> None:
        for span in spans:
            np.take(TEXT, unsigned(words, span)[::-1], out=text[size - span.stop : size - span.start], mode="clip")

    threads.spread(write, size, BLOCK, work, alone=size < 8 * BLOCK)
    characters = text.view(np.uint8)
    return characters[np.argmax(characters != ZERO) :].tobytes()


def unsigned(words: Floats, span: slice) -> NDArray[np.int64]:
    """Return the words of a span as 0 … BASE - 1: each negative one borrows from the next."""
    numbers = words[span].astype(np.int64)
    below = span.start
    while below and words[below - 1] == 0:
        below -= 1
    if below and words[below - 1] < 0:  # so the number below the span is negative
        numbers[0] -= 1
    # Mostly two or three rounds: it takes a word of zero to hand a loan on.
    while (loans := numbers >> 63).any():  # -1 for a negative word, else 0
        numbers -= loans * BASE
        numbers[1:] += loans[:-1]
    return numbers
