"""The web process: `gunicorn --config python:fibsite.gunicorn_conf fibsite.wsgi`."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fibsite.settings")


class Request(WSGIRequest):
    """A request whose Content-Type may be nonsense."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        # Django fails at some charsets (base64, bogus''x) before any middleware could answer, for every address.
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc] # not in the stubs
        except (LookupError, ValueError):
            self._encoding = None
            self.content_type = meta.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
            self.content_params = {}


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
application = Handler()
