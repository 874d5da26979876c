import pytest
from django.core.management import CommandError, call_command

from calculator import values
from calculator.models import SeenIndex
from calculator.values import State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _seen(alive):
    for number in range(10):
        SeenIndex.objects.record(number)
    values.store(0, b"0", 1)
    values.start(1, task="task", worker=alive, time_limit=60)
    values.start(2, task="task", worker=alive, time_limit=60)
    values.fail(2, "It broke.", task="task")


def test_what_has_no_value_is_queued_and_what_failed_too(queued):
    sentence = call_command("requeue")
    assert sentence == "8 of 9 indices without a value were queued; the rest were under way already."
    assert queued("quick") == 8
    assert values.read(2).state == State.QUEUED


def test_repeating_it_queues_nothing_twice(queued):
    call_command("requeue")
    assert call_command("requeue").startswith("0 of 9 indices")
    assert queued("quick") == 8


def test_a_dry_run_queues_nothing(queued):
    assert call_command("requeue", "--dry-run") == "9 indices have no value; nothing was queued."
    assert queued("quick") == 0
    assert values.read(2).state == State.FAILED


def test_the_limit_takes_the_newest(queued):
    assert call_command("requeue", "--limit", "3").startswith("3 of 3 indices")
    assert values.read(9).state == values.read(7).state == State.QUEUED
    assert values.read(6) is None


def test_indices_above_the_limit_are_left_alone(settings):
    settings.MAX_INDEX = 4
    assert call_command("requeue", "--dry-run").startswith("4 indices")


def test_a_negative_limit_is_refused():
    with pytest.raises(CommandError, match="--limit takes"):
        call_command("requeue", "--limit", "-1")


def test_without_redis_it_says_so(redis_away):
    with pytest.raises(CommandError, match="Redis is away after 0 indices"):
        call_command("requeue")
