"""The indices seen, with their state read from Redis in one round trip for each page."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from redis import RedisError

from calculator import values
from calculator.models import SeenIndex
from calculator.tasks import enqueue, look_up
from calculator.values import State, Value


class ChangeListWithValues(ChangeList):
    """The page of rows, each with what Redis knows about it as `value`."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        for row, value in zip(rows, look_up([row.number for row in rows]), strict=True):
            row.value = value
        self.result_list = rows


@admin.register(SeenIndex)
class SeenIndexAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # Django's own class takes none
    list_display = ("number", "state", "abbreviated", "digits", "times_requested", "first_requested", "last_requested")
    list_filter = ("last_requested", "first_requested")
    search_fields = ("=number",)
    search_help_text = "An index, exactly."
    ordering = ("-last_requested", "-id")
    list_per_page = 50
    # Counting all rows for a filtered page costs more than the page.
    show_full_result_count = False
    actions = ("compute_again", "forget_the_value")
    fields = ("number", "state", "abbreviated", "digits", "times_requested", "first_requested", "last_requested")
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeListWithValues

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SeenIndex | None = None) -> bool:
        # The actions need it; there is no field to change.
        return super().has_change_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: SeenIndex | None = None) -> bool:
        return False

    @admin.display(description="state")
    def state(self, row: SeenIndex) -> str:
        value = value_of(row)
        return f"{value.state}: {value.reason}" if value.state == State.FAILED else value.state

    @admin.display(description="value", empty_value="")
    def abbreviated(self, row: SeenIndex) -> SafeString | None:
        short = value_of(row).short
        return format_html("<code>{}</code>", short) if short else None

    @admin.display(description="digits", empty_value="")
    def digits(self, row: SeenIndex) -> str | None:
        digits = value_of(row).digits
        return None if digits is None else f"{digits:,}"

    @admin.action(description="Compute again", permissions=["change"])
    def compute_again(self, request: HttpRequest, chosen: QuerySet[SeenIndex]) -> None:
        if (forgotten := self.forget(request, chosen)) is not None:
            sent = enqueue(forgotten)
            self.message_user(request, f"{len(sent)} of {len(forgotten)} chosen indices are queued again.")

    @admin.action(description="Forget the value", permissions=["change"])
    def forget_the_value(self, request: HttpRequest, chosen: QuerySet[SeenIndex]) -> None:
        if (forgotten := self.forget(request, chosen)) is not None:
            self.message_user(
                request, f"The values of {len(forgotten)} indices are forgotten until somebody asks for them."
            )

    def forget(self, request: HttpRequest, chosen: QuerySet[SeenIndex]) -> list[int] | None:
        """Forget the values of the chosen rows and return their indices; None, with a message, without Redis."""
        numbers = list(chosen.values_list("number", flat=True))
        try:
            values.forget(numbers)
        except RedisError:
            self.message_user(request, "Redis is away: nothing was changed. Try again in a moment.", messages.ERROR)
            return None
        return numbers


def value_of(row: SeenIndex) -> Value:
    """Return what Redis knows about a row: what the list read for the whole page, or read now for a single row."""
    if not hasattr(row, "value"):
        (row.value,) = look_up([row.number])  # type: ignore[attr-defined]
    return row.value  # type: ignore[attr-defined, no-any-return]
