"""What is lost when a part is killed: nothing that was acknowledged."""

import signal
from contextlib import suppress

import psutil
import pytest

from calculator import values
from calculator.fibonacci.decimal_digits import FFT_TO
from calculator.tasks import compute, look_up, request
from calculator.values import State
from conftest import start_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("faults")]

# About four seconds of computing: long enough to be hit, and short enough to be repeated.
LONG = 900_000_000


@pytest.fixture(autouse=True)
def _highest_limit(settings):
    settings.MAX_INDEX = 1_000_000_000


@pytest.fixture
def worker_of_its_own(tmp_path, eventually):
    """Start workers that the test may kill; what is left of them is killed at its end."""
    processes = []

    def start(**environment):
        process = start_worker(
            tmp_path / f"log-{len(processes)}", "--hostname", f"own{len(processes)}@%h", **environment
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        kill(children(process))
        process.kill()
        process.wait()


def children(process):
    return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []


def state(index):
    """
    Return the state as a visitor reads it, which is what notices a loss.

    A message can be lost without a trace: the broker hands it to a connection of a killed worker that a child,
    computing to its end, still holds open.
    """
    return look_up([index])[0].state


def kill(processes):
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def computing(process):
    """Return the pool's child that computes, by the processor time it has used; the others only wait."""
    for child in children(process):
        with suppress(psutil.NoSuchProcess):
            if child.cpu_times().user > 0.5:
                return child
    return None


def test_a_killed_child_is_replaced_and_its_index_computed(worker_of_its_own, eventually):
    process = worker_of_its_own()
    request(LONG)
    eventually(lambda: computing(process)).kill()
    eventually(lambda: state(LONG) == State.DONE, 60)


def test_an_index_that_kills_its_worker_twice_is_failed_with_a_reason(worker_of_its_own, eventually):
    process = worker_of_its_own()
    request(LONG)
    for _ in range(2):
        child = eventually(lambda: computing(process), 60)
        child.kill()
        child.wait(10)
    eventually(lambda: state(LONG) == State.FAILED, 60)
    assert "ended its worker process 2 times" in values.read(LONG).reason


def test_what_a_killed_worker_ran_is_computed_by_the_next_one(worker_of_its_own, eventually):
    process = worker_of_its_own()
    request(LONG)
    eventually(lambda: state(LONG) == State.RUNNING)
    victims = children(process)
    process.kill()
    kill(victims)
    worker_of_its_own()
    # As soon as the dead worker's sign of life has expired.
    eventually(lambda: state(LONG) == State.DONE, 60)


def test_a_worker_that_is_stopped_gives_its_work_back_at_once(worker_of_its_own, eventually):
    process = worker_of_its_own()
    request(LONG)
    eventually(lambda: state(LONG) == State.RUNNING)
    process.send_signal(signal.SIGQUIT)
    process.wait(20)
    worker_of_its_own()
    eventually(lambda: state(LONG) == State.DONE, 30)


def test_a_computation_past_its_hard_limit_is_failed_with_a_reason(worker_of_its_own, eventually):
    worker_of_its_own()
    # GMP's, a minute in a single call, which the soft limit cannot interrupt.
    index = FFT_TO + 1
    values.claim([index])
    compute.apply_async((index,), queue="heavy", soft_time_limit=1, time_limit=2)
    eventually(lambda: state(index) == State.FAILED, 30)
    assert "longer than the limit" in values.read(index).reason


def test_every_acknowledged_index_survives_killed_children(worker_of_its_own, eventually):
    process = worker_of_its_own()
    indices = range(1_000_000, 1_000_200)
    for place, index in enumerate(indices):
        request(index)
        if place % 50 == 25:
            kill(children(process))
    eventually(lambda: all(value.state == State.DONE for value in look_up(list(indices))), 90)
