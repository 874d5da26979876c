"""The permanent list of indices that were asked for."""

from django.db import models


class SeenIndexQuerySet(models.QuerySet["SeenIndex"]):
    def record(self, number: int) -> "SeenIndex":
        """
        Note that `number` was asked for now, and return its row.

        One statement, so that concurrent requests for one index neither fail nor lose a count; of two that cross, the
        one that began first may be noted last, and the later moment stays. Outside a transaction the row is committed
        when this returns.
        """
        table = self.model._meta.db_table  # noqa: SLF001 Django documents it
        (row,) = self.raw(
            f"""
            INSERT INTO {table} (number, first_requested, last_requested, times_requested)
            VALUES (%s, now(), now(), 1)
            ON CONFLICT (number) DO UPDATE
            SET last_requested = greatest({table}.last_requested, now()), times_requested = {table}.times_requested + 1
            RETURNING *
            """,  # noqa: S608 the table's name is the model's own
            [number],
        )
        return row

    def newest_first(self) -> "SeenIndexQuerySet":
        return self.order_by("-last_requested", "-id")


class SeenIndex(models.Model):
    """An index that was asked for, once or many times."""

    number = models.PositiveBigIntegerField()
    first_requested = models.DateTimeField(editable=False)
    last_requested = models.DateTimeField(editable=False)
    times_requested = models.PositiveBigIntegerField(default=1, editable=False)

    objects = SeenIndexQuerySet.as_manager()

    class Meta:
        verbose_name = "index seen"
        verbose_name_plural = "indices seen"
        constraints = [
            models.UniqueConstraint(fields=["number"], name="an_index_is_seen_once"),
            models.CheckConstraint(condition=models.Q(number__gte=0), name="an_index_is_not_negative"),
            models.CheckConstraint(
                condition=models.Q(times_requested__gte=1), name="a_seen_index_was_requested_at_least_once"
            ),
            models.CheckConstraint(
                condition=models.Q(last_requested__gte=models.F("first_requested")),
                name="the_last_request_is_not_before_the_first",
            ),
        ]
        indexes = [models.Index(fields=["-last_requested", "-id"], name="seen_indices_newest_first")]

    def __str__(self) -> str:
        return str(self.number)
