import pytest

from calculator import tasks, values
from calculator.fibonacci import digits
from calculator.models import SeenIndex


@pytest.fixture
def stored():
    """Ask for indices in this order, with their values there already."""

    def store(*indices):
        for index in indices:
            values.store(index, digits(index), 0.001)
            tasks.request(index)

    return store


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
