"""The API has one form for each answer, so the Accept header refuses nothing."""

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation


class FirstForm(DefaultContentNegotiation):
    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
