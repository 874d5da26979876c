"""Django's own command, one at a time: instances that start together all run it, and the first does the work."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

# Any number, as long as every release has the same.
LOCK = 717_171


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        with connections[options["database"]].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                super().handle(*args, **options)
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
