import itertools
import json
import logging
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import gmpy2
import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from calculator import memory, tasks, values
from calculator.fibonacci import decimal_digits, digits, modulo, predict
from calculator.heartbeat import WorkerName
from calculator.indices import IndexTooHighError
from calculator.memory import TooLittleMemoryError
from calculator.models import SeenIndex
from calculator.tasks import backlog, compute, enqueue, look_up, queue_for, reason, request, wait_for
from calculator.values import State, Value
from conftest import broker

committed = pytest.mark.django_db(transaction=True)


def deliver(index, task="task"):
    """Run the task as a worker does when it is delivered."""
    compute.push_request(id=task, retries=0)
    try:
        compute(index)
    finally:
        compute.pop_request()


@committed
def test_a_request_is_noted_and_queued_once(queued):
    assert request(7).times_requested == 1
    assert request(7).times_requested == 2
    assert queued("quick") == 1
    assert values.read(7).state == State.QUEUED


@committed
def test_a_request_is_queued_after_its_commit_and_not_before(queued):
    with transaction.atomic():
        request(7)
        assert queued("quick") == 0
        assert values.read(7) is None
    assert queued("quick") == 1


@committed
def test_a_request_was_received_when_it_began_and_not_when_it_was_committed(monkeypatch):
    clock = itertools.count(0, 2.5)
    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    request(7)
    value = values.read(7)
    assert (value.queued_at - value.received_at).total_seconds() == pytest.approx(2.5)


@committed
def test_a_request_that_is_rolled_back_leaves_nothing(queued):
    with transaction.atomic():
        request(7)
        transaction.set_rollback(True)
    assert queued("quick") == 0
    assert values.read(7) is None
    assert not SeenIndex.objects.exists()


@committed
def test_an_index_above_the_limit_is_refused_and_leaves_nothing(settings, queued):
    settings.MAX_INDEX = 1000
    with pytest.raises(IndexTooHighError):
        request(1001)
    assert not SeenIndex.objects.exists()
    assert queued("quick") == queued("heavy") == 0


@committed
def test_of_many_requests_at_once_one_is_queued(queued):
    def ask(_):
        try:
            request(7)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(100)))
    assert queued("quick") == 1
    assert SeenIndex.objects.get().times_requested == 100


def test_a_large_index_goes_to_the_heavy_queue(queued):
    enqueue([7, 50_000_000])
    assert (queued("quick"), queued("heavy")) == (1, 1)
    assert (queue_for(1_000_000), queue_for(30_000_000)) == ("quick", "heavy")


def test_the_queue_lengths_are_those_of_what_waits():
    assert tasks.queue_lengths() == {"quick": 0, "heavy": 0}
    enqueue([7, 8, 50_000_000])
    assert tasks.queue_lengths() == {"quick": 2, "heavy": 1}


@pytest.fixture
def broker_away(monkeypatch):
    connect = current_app.connection_for_read
    monkeypatch.setattr(current_app, "connection_for_read", lambda: connect("redis+socket:///nonexistent/redis"))


def test_without_a_broker_nobody_knows_how_much_waits(broker_away):
    with pytest.raises((RedisError, BrokerError)):
        tasks.queue_lengths()


def test_without_a_broker_a_queued_index_is_left_alone(broker_away):
    values.claim([7])
    long_ago(7)
    before = values.read(7)
    look_up([7])
    assert values.read(7) == before


def test_indices_are_queued_in_the_order_given_and_once_each():
    assert enqueue([30, 10, 20, 10]) == [30, 10, 20]
    messages = [json.loads(message) for message in broker().lrange("quick", 0, -1)]
    # Workers take from the end.
    assert [message["headers"]["argsrepr"] for message in messages][::-1] == ["(30,)", "(10,)", "(20,)"]


@committed
def test_the_worker_computes_what_was_requested(worker, eventually):
    for index in (0, 1, 7, 1000, 5_000_000):
        request(index)
    eventually(lambda: all(value.state == State.DONE for value in look_up([0, 1, 7, 1000, 5_000_000])))
    assert [value.short for value in look_up([0, 1, 7])] == ["0", "1", "13"]
    assert values.read_digits(5_000_000) == digits(5_000_000)


def test_a_computation_leaves_a_value(alive):
    deliver(7)
    value = values.read(7)
    assert (value.state, value.short, value.worker) == (State.DONE, "13", alive)
    assert 0 < value.seconds < 10
    assert value.started_at < value.computed_at <= value.finished_at
    assert value.check_prime is None


def test_a_large_computation_leaves_the_prime_it_was_checked_by(alive):
    deliver(400_000)
    prime = values.read(400_000).check_prime
    assert gmpy2.mpz(values.read_digits(400_000)) % prime == modulo(400_000, prime)


def test_a_second_delivery_changes_nothing(alive):
    deliver(7)
    first = values.read(7)
    deliver(7)
    assert values.read(7) == first


@pytest.fixture
def wrong_digits(monkeypatch):
    """Has the Fourier transform err in the last digit but one."""
    right = decimal_digits.fast_doubling

    def err(n, threads):
        text = right(n, threads)
        return text[:-2] + (b"1" if text[-2:-1] == b"0" else b"0") + text[-1:]

    monkeypatch.setattr(decimal_digits, "fast_doubling", err)


def test_digits_that_fail_their_check_are_counted_and_computed_anew(alive, wrong_digits, caplog):
    deliver(400_000)
    assert values.read_digits(400_000) == gmpy2.fib(400_000).digits().encode()
    assert values.failed_checks() == {WorkerName.current: 1}
    assert values.read(400_000).check_prime
    assert "F(400000) failed their check" in caplog.text


def test_digits_that_are_wrong_even_then_are_not_stored(alive, wrong_digits, monkeypatch):
    monkeypatch.setattr(decimal_digits, "by_gmp", lambda n: b"14")
    with pytest.raises(tasks.WrongDigitsError):
        deliver(400_000)
    assert values.read(400_000).digits is None


def test_an_index_that_cannot_fit_is_refused_before_it_starts(alive, monkeypatch):
    monkeypatch.setattr(memory, "memory_limit", lambda: 10_000_000)
    monkeypatch.setattr(tasks, "digits", lambda *_, **__: pytest.fail("it was started"))
    with pytest.raises(TooLittleMemoryError) as caught:
        deliver(10_000_000)
    needed = memory.readable(predict(10_000_000).bytes)
    assert reason(caught.value) == f"It needs {needed} of memory, and there are 10.0 MB in all."
    # Celery hands it from the pool's child to its parent.
    assert reason(pickle.loads(pickle.dumps(caught.value))) == reason(caught.value)


def test_a_computation_says_how_far_it_is_and_ever_further(worker, eventually):
    compute.apply_async((300_000_000,), queue="heavy")
    seen = []

    def is_done():
        value = values.read(300_000_000)
        if value:
            seen.append(value.progress)
        return value is not None and value.is_final

    eventually(is_done)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 1
    # It takes about two seconds, and says so ten times a second.
    assert len({progress for progress in seen if 0 < progress < 1}) >= 3
    values.forget([300_000_000])


def test_progress_is_noted_ten_times_a_second_at_most(alive, monkeypatch):
    values.start(7, task="task", worker=alive, time_limit=60)
    noted = []
    monkeypatch.setattr(values, "advance", lambda index, fraction, task: noted.append(fraction))
    clock = itertools.count(0, 0.02)
    monkeypatch.setattr(tasks.time, "monotonic", lambda: next(clock))
    progress = tasks.Progress(7, "task")
    for step in range(100):  # two seconds by that clock
        progress.advance(step / 100)
    assert 15 <= len(noted) <= 20


def test_progress_that_redis_does_not_take_holds_nothing_up(redis_away, caplog):
    progress = tasks.Progress(7, "task")
    progress.due = 0
    progress.advance(0.5)
    progress.advance(0.6)
    assert caplog.text.count("does not say how far it is") == 1


def test_a_soft_time_limit_ends_a_computation_between_its_steps(worker, eventually):
    began = time.monotonic()
    compute.apply_async((1_000_000_000,), queue="heavy", soft_time_limit=1)
    eventually(lambda: (value := values.read(1_000_000_000)) and value.is_final)
    value = values.read(1_000_000_000)
    assert value.state == State.FAILED
    assert "longer than the limit" in value.reason
    assert value.progress is None
    # The whole takes three times as long on a fast machine, and one step of it less than a second.
    assert time.monotonic() - began < 10
    values.forget([1_000_000_000])


def test_too_little_memory_does_not_end_the_worker(alive, monkeypatch):
    def need_too_much(*_, **__):
        raise MemoryError

    monkeypatch.setattr(tasks, "digits", need_too_much)
    with pytest.raises(tasks.OutOfMemoryError):
        deliver(7)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SoftTimeLimitExceeded(), "longer than the limit of 600 seconds"),
        (tasks.OutOfMemoryError(), "more memory than the worker has"),
        (tasks.WrongDigitsError(), "failed their check"),
        (tasks.RedisConnectionError(), "lost its connection to Redis"),
        (KeyError(7), "unexpected error (KeyError)"),
    ],
)
def test_every_way_out_leaves_a_final_state_with_a_reason(error, words):
    values.start(7, task="task", worker="here", time_limit=60)
    compute.on_failure(error, "task", (7,), {}, None)
    value = values.read(7)
    assert value.state == State.FAILED
    assert words in value.reason == reason(error)


@pytest.mark.django_db
def test_reading_what_redis_lost_puts_it_back_on_the_queue(queued):
    SeenIndex.objects.record(7)
    (value,) = look_up([7])
    assert value.state == State.QUEUED
    assert value.received_at == value.queued_at is not None
    assert queued("quick") == 1
    look_up([7])
    assert queued("quick") == 1


def test_reading_what_a_dead_worker_ran_puts_it_back_on_the_queue(queued):
    values.start(7, task="task", worker="dead", time_limit=60)
    look_up([7])
    assert queued("quick") == 1


def test_reading_what_a_living_worker_runs_leaves_it_alone(alive, queued):
    values.start(7, task="task", worker=alive, time_limit=60)
    (value,) = look_up([7])
    assert value.state == State.RUNNING
    assert queued("quick") == 0


def long_ago(index, field="queued_at"):
    moment = datetime.now(UTC) - timedelta(hours=1)
    values.connection().hset(f"fib:{index}", field, moment.timestamp())


def test_a_queued_index_whose_message_is_lost_is_sent_again(queued):
    values.claim([7])
    long_ago(7)
    look_up([7])
    assert queued("quick") == 1


def test_a_queued_index_behind_others_is_not_sent_again(queued):
    enqueue([7, 8])
    long_ago(7)
    look_up([7])
    assert queued("quick") == 2


@committed
def test_asking_again_retries_a_failure_after_ten_minutes_and_reading_never_does(queued):
    values.start(7, task="task", worker="here", time_limit=60)
    values.fail(7, "It broke.", task="task")
    request(7)
    assert queued("quick") == 0
    long_ago(7, "finished_at")
    assert look_up([7])[0].state == State.FAILED
    assert queued("quick") == 0
    request(7)
    assert queued("quick") == 1


def test_a_list_of_lost_values_puts_only_some_back_at_once(queued):
    look_up(list(range(200)))
    assert queued("quick") == tasks.MOST_HEALED_AT_ONCE


def test_what_is_above_a_lowered_limit_says_so_and_is_not_queued(settings, queued):
    settings.MAX_INDEX = 5
    (value,) = look_up([7])
    assert (value.state, value.reason) == (State.FAILED, "Index too high: the limit is now 5.")
    assert queued("quick") == 0


@committed
def test_waiting_ends_when_the_value_is_there(worker):
    request(1000)
    assert wait_for(1000, 20).state == State.DONE


@committed
def test_waiting_ends_after_the_given_time(alive):
    values.start(7, task="task", worker=alive, time_limit=60)
    assert wait_for(7, 0.05).state == State.RUNNING


@committed
def test_without_redis_an_index_is_kept_and_waits_and_is_queued_when_redis_is_back(
    redis_away, queued, eventually, caplog, monkeypatch
):
    monkeypatch.setattr(tasks, "BACKLOG_PAUSE_SECONDS", 0.05)
    with caplog.at_level(logging.WARNING):
        assert request(7).times_requested == 1
        assert wait_for(7, 5) == Value(7, State.WAITING)
    assert "Redis is away" in caplog.text
    assert SeenIndex.objects.get().number == 7
    redis_away()
    eventually(lambda: queued("quick") == 1)
    assert values.read(7).state == State.QUEUED
    eventually(lambda: backlog.thread is None)


@committed
def test_a_claim_whose_message_could_not_be_sent_is_sent_later(queued, eventually, monkeypatch):
    monkeypatch.setattr(tasks, "BACKLOG_PAUSE_SECONDS", 0.05)
    send = compute.apply_async

    def send_when_the_broker_is_back(*arguments, **options):
        monkeypatch.setattr(compute, "apply_async", send)
        raise tasks.BrokerError

    monkeypatch.setattr(compute, "apply_async", send_when_the_broker_is_back)
    request(7)
    assert queued("quick") == 0
    eventually(lambda: queued("quick") == 1)
    eventually(lambda: backlog.thread is None)
