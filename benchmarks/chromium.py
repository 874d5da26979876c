"""Where Chromium is, and the flags that it is started with: for a machine without a screen, and for root."""

import os
import shutil
import sys

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
NAMES = ("chromium", "chromium-browser", "google-chrome")


def installed() -> str | None:
    """Return the path of the one that is installed, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def require(program: str) -> str:
    """Return the path that CHROME_PATH names, or of the one that is installed; end the program where there is none."""
    path = os.environ.get("CHROME_PATH") or installed()
    if not path:
        sys.exit(f"{program}: no Chromium: install the package chromium, or name one in CHROME_PATH.")
    return path
