import os
import resource
import stat
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

import gmpy2
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from calculator import fibonacci
from calculator.indices import HIGHEST
from calculator.memory import TooLittleMemoryError, readable, require_memory

# The progress bar does not flash up for what is soon done.
BAR_AFTER_SECONDS = 0.5
# What ru_maxrss counts in: bytes on macOS, else kilobytes.
RESIDENT_UNIT = 1 if sys.platform == "darwin" else 1024


class Command(BaseCommand):
    help = "Print Fibonacci numbers, one a line, computed here: no server is needed."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("indices", metavar="N", nargs="+", help=f"an index from 0 to {HIGHEST:,}")
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--mod", metavar="M", help="print F(N) modulo M instead; N may be of any size")
        instead.add_argument(
            "--digits", action="store_true", help="print how many digits F(N) has; N may be of any size"
        )
        parser.add_argument("--output", metavar="FILE", type=Path, help="write to FILE instead of the terminal")

    def handle(self, *, indices: list[str], mod: str | None, digits: bool, output: Path | None, **_: Any) -> None:
        numbers = [whole_number(text, "N", 0) for text in indices]
        modulus = None if mod is None else whole_number(mod, "M", 1)
        if modulus is None and not digits and max(numbers) > HIGHEST:
            raise CommandError(f"N is at most {HIGHEST:,} without --mod or --digits.")
        began = time.perf_counter()
        written = 0
        try:
            with written_whole(output) if output else nullcontext(sys.stdout.buffer) as stream:
                for number in numbers:
                    text = line(number, modulus, only_count=digits)
                    stream.write(text)
                    stream.write(b"\n")
                    stream.flush()
                    written += len(text)
        except BrokenPipeError:
            # The reader, such as `head`, has enough; Python would complain again when it flushes at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            raise CommandError(f"{output or 'The output'} cannot be written: {error.strerror}.") from error
        except MemoryError:
            raise CommandError("This needs more memory than there is.") from None
        else:
            if output:
                resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RESIDENT_UNIT
                self.stderr.write(
                    f"Wrote {output}: {written:,} digits in {time.perf_counter() - began:.2f} s,"
                    f" with {readable(resident)} of memory.",
                    self.style.SUCCESS,
                )


def line(number: int, modulus: int | None, *, only_count: bool) -> bytes:
    """Return what is to be printed for one index."""
    if modulus is not None:
        return decimal_text(fibonacci.modulo(number, modulus))
    if only_count:
        return decimal_text(fibonacci.digit_count(number))
    return digits_with_bar(number)


def digits_with_bar(number: int) -> bytes:
    """Return the digits of F(number), with a progress bar when somebody looks and it takes long."""
    try:
        require_memory(number)
    except TooLittleMemoryError as error:
        raise CommandError(f"F({number:,}) is too large for this machine. {error}") from error
    # On its way through a pager the bar would run through what that shows.
    hidden = not sys.stderr.isatty() or stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    shape = f"F({number:,}) {{percentage:3.0f}}% {{bar}} {{elapsed}} so far, {{remaining}} to go"
    with tqdm(total=1.0, bar_format=shape, delay=BAR_AFTER_SECONDS, leave=False, disable=hidden) as bar:
        try:
            return fibonacci.digits(number, lambda fraction: move(bar, fraction))
        except fibonacci.WrongDigitsError as error:
            message = f"F({number}) failed its check and is not printed: this machine computes wrongly."
            raise CommandError(message) from error


def move(bar: "tqdm[Any]", fraction: float) -> None:
    bar.update(fraction - bar.n)


def decimal_text(number: int) -> bytes:
    """Return a number of any length in decimal; Python's own limit guards servers, not a command line."""
    text: str = gmpy2.mpz(number).digits()
    return text.encode()


def whole_number(text: str, name: str, lowest: int) -> int:
    """Read a whole number of any length."""
    stripped = text.strip()
    number = int(gmpy2.mpz(stripped)) if stripped.isascii() and stripped.isdigit() else -1
    if number < lowest:
        shown = stripped if len(stripped) <= 40 else f"{stripped[:40]}…"  # noqa: PLR2004
        raise CommandError(f"{name} is a whole number from {lowest} on, in digits alone, not “{shown}”.")
    return number


@contextmanager
def written_whole(file: Path) -> Iterator[IO[bytes]]:
    """Open a file that is replaced only when all was written, so that a failure leaves what was there."""
    if file.exists() and not file.is_file():  # a device or a pipe has nothing to keep
        with file.open("wb") as stream:
            yield stream
        return
    with tempfile.NamedTemporaryFile("wb", dir=file.parent, prefix=f".{file.name}.", delete=False) as stream:
        unfinished = Path(stream.name)
        try:
            yield stream
            stream.close()
            umask = os.umask(0)
            os.umask(umask)
            unfinished.chmod(0o666 & ~umask)
            unfinished.replace(file)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
