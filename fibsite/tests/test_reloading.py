import os
import threading
import time

import pytest
from django.utils.autoreload import file_changed

from fibsite import reloading


@pytest.fixture
def reloader(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    reloader = reloading.Reloader()
    for name in reloading.OURS:
        (tmp_path / name).mkdir()
        reloader.watch_dir(tmp_path / name, "*.html")
    yield reloader
    reloader.watcher.stop()


@pytest.fixture
def seen():
    """The files that it noticed, by name. Nothing starts anew for them."""
    names = []

    def notice(file_path, **_):
        names.append(file_path.name)
        return True

    file_changed.connect(notice)
    yield names
    file_changed.disconnect(notice)


def test_what_was_changed_before_it_watched_is_noticed_once(reloader, seen, tmp_path):
    for name, moment in {"old": reloading.STARTED - 60, "new": time.time(), "to-come": time.time() + 3600}.items():
        path = tmp_path / "frontend" / f"{name}.html"
        path.write_text(name)
        os.utime(path, (moment, moment))
    ticks = reloader.tick()
    for _ in range(5):
        next(ticks)
    assert seen == ["new.html"]


def test_what_is_changed_while_it_watches_is_noticed(reloader, seen, tmp_path, eventually):
    ticks = reloader.tick()
    next(ticks)
    threading.Timer(0.2, (tmp_path / "fibsite" / "page.html").write_text, ["page"]).start()
    eventually(lambda: next(ticks) or seen)
    assert set(seen) == {"page.html"}


def test_a_file_that_went_meanwhile_is_no_error(tmp_path):
    assert reloading.changed_at(tmp_path / "gone") == 0


def test_only_the_projects_own_folders_are_watched(reloader, tmp_path):
    reloader.update_watches()
    assert reloader.watcher.roots == {tmp_path / name for name in ("calculator", "fibsite", "frontend")}
