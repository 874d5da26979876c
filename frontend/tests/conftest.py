import pytest

from calculator import values
from calculator.models import SeenIndex


@pytest.fixture
def running(alive):
    """Ask for an index that a worker is computing."""

    def run(index):
        values.claim([index])
        values.start(index, task="task", worker=alive, time_limit=60)
        SeenIndex.objects.record(index)

    return run


@pytest.fixture
def failed():
    """Ask for an index that could not be computed."""

    def fail(index, reason="It needs more memory than the worker has."):
        values.fail(index, reason, task="task")
        SeenIndex.objects.record(index)

    return fail
