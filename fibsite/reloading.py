"""
Hot reload of the web process in development, which misses no change.

django-watchfiles alone also watches the folders of Python and of every package. To walk them takes up to some seconds
after each restart, and what is saved meanwhile is not noticed (perhaps its issue 183, whose cause nobody has found:
https://github.com/adamchainz/django-watchfiles/issues/183).
"""

import time
from collections.abc import Generator, Iterable
from pathlib import Path

from django.conf import settings
from django.utils import autoreload
from django_watchfiles import WatchfilesReloader

# Imported by the settings: before most of the project's modules.
STARTED = time.time()
OURS = ("calculator", "fibsite", "frontend")


class Reloader(WatchfilesReloader):
    """Watches the project's own folders, and sees what was changed before it did."""

    def watched_roots(self, watched_files: Iterable[Path]) -> frozenset[Path]:
        return frozenset(settings.BASE_DIR / name for name in OURS)

    def tick(self) -> Generator[None]:
        ticks = super().tick()
        # From the first tick on the folders are watched.
        yield next(ticks)
        for path in self.watched_files():
            # A time to come, from another machine's clock, would start it anew for ever.
            if STARTED < changed_at(path) <= time.time():
                self.notify_file_changed(path)
        yield from ticks


def changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it was removed
        return 0


def install() -> None:
    """Have `manage.py runserver` use it."""
    autoreload.get_reloader = Reloader
