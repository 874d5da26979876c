from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from redis import RedisError

from calculator import values
from calculator.models import SeenIndex
from calculator.tasks import enqueue
from calculator.values import State

AT_ONCE = 500


class Command(BaseCommand):
    help = "Put indices that were asked for and have no value back on the queue, newest first; safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")
        parser.add_argument("--limit", type=int, metavar="COUNT", help="look at COUNT of them at most (all)")

    def handle(self, *, dry_run: bool, limit: int | None, **_: Any) -> str:
        if limit is not None and limit < 0:
            raise CommandError("--limit takes a whole number from 0 on.")
        without = queued = 0
        try:
            for indices in indices_without_value(limit):
                without += len(indices)
                queued += 0 if dry_run else len(enqueue_again(indices))
        except OperationalError as error:
            raise CommandError(f"Postgres is away: {str(error).strip()}") from error
        except RedisError as error:
            raise CommandError(f"Redis is away after {queued:,} indices were queued: {error}") from error
        if dry_run:
            return f"{without:,} indices have no value; nothing was queued."
        return f"{queued:,} of {without:,} indices without a value were queued; the rest were under way already."


def indices_without_value(limit: int | None) -> Iterator[list[int]]:
    """Yield the indices without a value in batches, newest first, `limit` in all."""
    numbers = SeenIndex.objects.filter(number__lte=settings.MAX_INDEX).newest_first().values_list("number", flat=True)
    iterator = numbers.iterator(AT_ONCE)
    found = 0
    while (batch := list(islice(iterator, AT_ONCE))) and (limit is None or found < limit):
        known = values.read_many(batch)
        without = [
            index for index, value in zip(batch, known, strict=True) if value is None or value.state != State.DONE
        ][: None if limit is None else limit - found]
        found += len(without)
        yield without


def enqueue_again(indices: list[int]) -> list[int]:
    """Queue the indices, those that failed included."""
    known = values.read_many(indices)
    values.forget(value.index for value in known if value and value.state == State.FAILED)
    return enqueue(indices)
