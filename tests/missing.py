"""What becomes of tests whose tools are not there: CI fails, a user's machine leaves them out and says so in one line."""

import os

import pytest


def leave_out(config, items, chosen, missing):
    """Where `missing()` says that something is, keep one of the chosen tests, skipped with those words."""
    chosen = sorted(chosen, key=lambda item: item.nodeid)
    if not chosen or os.environ.get("CI") or not (words := missing()):
        return
    chosen.pop(0).add_marker(pytest.mark.skip(words))
    items[:] = [item for item in items if item not in chosen]
    config.hook.pytest_deselected(items=chosen)
