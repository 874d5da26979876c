import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import RedisError

from calculator import values
from calculator.fibonacci import digits
from calculator.values import DigitsGoneError, Start, State

PIECE = values.DIGITS_PER_PIECE


def start(index, task="task", worker="here", time_limit=60, **more):
    return values.start(index, task=task, worker=worker, time_limit=time_limit, **more)


@pytest.fixture(autouse=True)
def _here_is_alive():
    values.renew_worker("here")


def test_nothing_is_known_of_an_index_that_nobody_claimed():
    assert values.read(7) is None
    assert values.read_many([]) == []


def test_one_of_many_concurrent_claims_wins():
    with ThreadPoolExecutor(32) as pool:
        claimed = list(pool.map(lambda _: values.claim(range(50)), range(64)))
    assert Counter(index for indices in claimed for index in indices) == Counter(range(50))


def test_a_claimed_index_is_queued_and_expires():
    assert values.claim([7]) == [7]
    value = values.read(7)
    assert value.state == State.QUEUED
    assert value.queued_at is not None
    assert 0 < values.connection().ttl("fib:7") <= 30 * 24 * 3600


def test_a_claim_can_be_taken_back():
    values.claim([7])
    values.unclaim(7)
    assert values.read(7) is None


def test_taking_back_a_claim_leaves_a_running_index_alone():
    values.claim([7])
    start(7)
    values.unclaim(7)
    assert values.read(7).state == State.RUNNING


def test_a_value_goes_from_claim_to_done_and_keeps_its_times():
    values.claim([7])
    assert start(7) == Start.STARTED
    values.store(7, b"13", 0.001)
    value = values.read(7)
    assert value.state == State.DONE
    assert (value.digits, value.head, value.tail, value.short) == (2, "13", "13", "13")
    assert value.sha256 == hashlib.sha256(b"13").hexdigest()
    assert value.queued_at <= value.started_at <= value.finished_at
    assert (value.seconds, value.worker) == (0.001, "here")
    assert values.read_digits(7) == b"13"
    assert values.claim([7]) == []


def test_a_claim_says_when_the_request_was_received():
    values.claim([7], received_ago=2.5)
    value = values.read(7)
    assert (value.queued_at - value.received_at).total_seconds() == pytest.approx(2.5)
    start(7)
    values.store(7, b"13", 0.001)
    assert values.read(7).received_at == value.received_at


def test_what_nobody_waits_for_is_received_when_it_is_claimed():
    values.claim([7])
    value = values.read(7)
    assert value.received_at == value.queued_at


def test_what_is_claimed_again_was_received_again():
    values.claim([7], received_ago=60)
    first = values.read(7).received_at
    start(7, worker="vanished")
    values.claim([7])
    assert (values.read(7).received_at - first).total_seconds() > 59


def test_a_value_is_computed_some_time_after_its_start():
    start(7)
    assert values.read(7).computed_at is None
    values.store(7, b"13", 0.5)
    value = values.read(7)
    assert (value.computed_at - value.started_at).total_seconds() == 0.5


def test_a_value_whose_start_nobody_saw_has_no_moment_of_its_computation():
    values.store(7, b"13", 0.5)
    assert values.read(7).computed_at is None


@pytest.mark.parametrize("prime", [None, 2**60 + 33])
def test_a_value_keeps_the_prime_it_was_checked_by(prime):
    values.store(7, b"13", 1, check_prime=prime)
    assert values.read(7).check_prime == prime


def test_a_value_has_the_frequencies_of_its_digits_from_all_its_pieces():
    text = digits(12_000_000)
    start(1)
    assert values.read(1).frequencies is None
    values.store(1, text, 1)
    assert values.read(1).frequencies == tuple(text.count(digit) for digit in b"0123456789")


def test_a_value_of_the_version_before_lacks_what_was_not_noted_then():
    values.store(7, b"13", 0.001, check_prime=2**60 + 33)
    values.connection().hdel("fib:7", "received_at", "check_prime", "frequencies")
    value = values.read(7)
    assert (value.state, value.short) == (State.DONE, "13")
    assert (value.received_at, value.check_prime, value.frequencies) == (None, None, None)


@pytest.mark.parametrize("length", [1, 40, 41, 79, 80])
def test_a_value_of_up_to_80_digits_is_short_as_a_whole(length):
    text = "".join(str(place % 9 + 1) for place in range(length))
    values.store(7, text.encode(), 1)
    assert values.read(7).short == text


def test_a_longer_value_is_abbreviated():
    values.store(7, b"1" * 40 + b"0" + b"2" * 40, 1)
    assert values.read(7).short == "1" * 20 + "…" + "2" * 20


def test_the_digits_of_several_pieces_are_read_whole_and_in_windows():
    text = digits(12_000_000)
    assert len(text) > 2 * PIECE
    values.store(1, text, 1)
    assert values.read_digits(1) == text
    assert len(list(values.iterate_digits(1))) == 3
    for first, count in [(0, 1), (PIECE - 1, 2), (PIECE, 1), (5, PIECE), (PIECE - 3, PIECE + 6), (len(text) - 4, 99)]:
        assert values.read_digits(1, first, count) == text[first : first + count]
    assert values.read_digits(1, len(text), 5) == b""
    assert values.read_digits(1, 3, 0) == b""


def test_the_stored_frames_are_one_zstd_stream_of_the_announced_length():
    text = digits(6_000_000)
    values.store(1, text, 1)
    frames = list(values.iterate_frames(1))
    assert len(frames) == 2
    assert sum(map(len, frames)) == values.read(1).stored_bytes < 0.44 * len(text)
    assert values.zstd.decompress(b"".join(frames)) == text


def test_a_list_moves_a_few_hundred_bytes_of_a_value_of_any_size():
    values.store(1, digits(1_000_000), 1)
    before = values.connection().info("stats")["total_net_output_bytes"]
    values.read_many([1])
    after = values.connection().info("stats")["total_net_output_bytes"]
    # The server's answer to the first question is counted too, and is by far the larger part.
    answer = len(str(values.connection().execute_command("INFO", "stats")))
    assert after - before < 1500 + answer


def test_storing_twice_changes_nothing():
    values.store(7, b"13", 1)
    values.store(7, b"13", 1)
    assert values.read_digits(7) == b"13"


def test_a_value_deleted_while_it_is_stored_is_stored_whole(monkeypatch):
    text = digits(6_000_000)
    compress, calls = values.zstd.compress, []

    def compress_and_forget(*arguments):
        calls.append(1)
        if len(calls) == 2:  # the first piece is written, the second is not
            values.forget([1])
        return compress(*arguments)

    monkeypatch.setattr(values.zstd, "compress", compress_and_forget)
    values.store(1, text, 1)
    assert values.read_digits(1) == text
    assert sum(values.read(1).frequencies) == len(text)


def test_digits_that_are_gone_are_reported():
    with pytest.raises(DigitsGoneError):
        values.read_digits(7)
    values.store(7, b"13", 1)
    values.connection().hdel("fib:7", "digits:0")
    with pytest.raises(DigitsGoneError):
        values.read_digits(7)


def test_a_finished_value_is_not_started_again():
    values.store(7, b"13", 1)
    assert start(7) == Start.FINISHED
    assert values.read(7).state == State.DONE


def test_a_second_delivery_does_not_start_what_runs_elsewhere():
    start(7, task="first")
    assert start(7, task="second") == Start.ELSEWHERE


def test_a_redelivery_of_the_same_task_starts_again_once_and_then_gives_up():
    assert start(7) == Start.STARTED
    assert start(7) == Start.STARTED
    assert start(7) == Start.GIVEN_UP
    value = values.read(7)
    assert value.state == State.FAILED
    assert "ended its worker process 2 times" in value.reason


def test_what_a_vanished_worker_ran_can_be_claimed_and_counts_as_an_attempt():
    for _ in range(2):
        assert start(7, worker="vanished") == Start.STARTED
        assert values.claim([7]) == [7]
    assert start(7) == Start.GIVEN_UP


def test_what_a_properly_stopped_worker_ran_can_be_claimed_and_does_not_count():
    values.stop_worker("stopped")
    for number in range(5):
        assert start(7, task=str(number), worker="stopped") == Start.STARTED
        assert values.claim([7]) == [7]
    assert start(7) == Start.STARTED


def test_a_message_that_a_stopped_worker_gave_back_does_not_count():
    values.stop_worker("stopped")
    assert [start(7, worker="stopped") for _ in range(5)] == [Start.STARTED] * 5


def test_what_a_living_worker_runs_cannot_be_claimed():
    start(7)
    assert values.claim([7]) == []


def test_what_runs_past_its_deadline_can_be_claimed():
    start(7, time_limit=-61)
    assert values.claim([7]) == [7]


def test_a_queued_index_can_be_claimed_again_only_after_the_given_time():
    values.claim([7])
    assert values.claim([7]) == []
    assert values.claim([7], queued_longer_than=60) == []
    assert values.claim([7], queued_longer_than=0.000_001) == [7]


def test_a_failure_has_a_reason_and_stays():
    start(7)
    assert values.fail(7, "It broke.", task="task")
    value = values.read(7)
    assert (value.state, value.reason, value.is_final) == (State.FAILED, "It broke.", True)
    assert values.claim([7]) == []
    assert values.claim([7], failed_longer_than=60) == []


def test_a_failure_can_be_claimed_after_the_given_time_and_starts_afresh():
    for _ in range(3):
        start(7)
    assert values.read(7).state == State.FAILED
    assert values.claim([7], failed_longer_than=0.000_001) == [7]
    value = values.read(7)
    assert (value.state, value.reason, value.finished_at) == (State.QUEUED, None, None)
    assert start(7) == Start.STARTED


def test_a_failure_does_not_replace_a_value():
    start(7)
    values.store(7, b"13", 1)
    assert not values.fail(7, "too late", task="task")
    assert values.read(7).state == State.DONE


def test_a_failure_does_not_end_the_run_of_another_task():
    start(7, task="mine")
    assert not values.fail(7, "not mine", task="yours")
    assert values.read(7).state == State.RUNNING


def test_a_value_stored_after_a_failure_has_no_reason_left():
    start(7)
    values.fail(7, "It broke.", task="task")
    values.store(7, b"13", 1)
    assert values.read(7).reason is None


def test_forgetting_deletes_everything_and_counts():
    values.store(7, b"13", 1)
    assert values.forget([7, 8]) == 1
    assert values.read(7) is None
    assert values.forget([]) == 0


def test_values_expire_and_a_worker_sign_too(settings):
    settings.VALUE_TTL_SECONDS = 100
    values.store(7, b"13", 1)
    assert 0 < values.connection().ttl("fib:7") <= 100
    assert 0 < values.connection().ttl("worker:here") <= values.WORKER_TTL_SECONDS


def test_progress_is_noted_for_the_run_that_has_the_index_alone():
    start(7)
    assert values.read(7).progress == 0
    values.advance(7, 0.25, task="task")
    values.advance(7, 0.75, task="another")
    assert values.read(7).progress == 0.25
    values.store(7, b"13", 0.1)
    assert values.read(7).progress == 1
    values.advance(7, 0.5, task="task")
    assert values.read(7).progress == 1


def test_progress_begins_anew_and_a_failure_has_none():
    start(7)
    values.advance(7, 0.25, task="task")
    start(7)
    assert values.read(7).progress == 0
    values.advance(7, 0.25, task="task")
    values.fail(7, "It broke.", task="task")
    assert values.read(7).progress is None


def test_what_is_queued_again_has_no_progress():
    start(7, worker="dead")
    values.advance(7, 0.25, task="task")
    assert values.claim([7]) == [7]
    assert values.read(7).progress is None


def test_storing_says_how_far_it_is():
    start(7)
    fractions = []
    values.store(7, b"1" * 2_500_000, 0.1, fractions.append)
    assert fractions == [0, 1 / 3, 2 / 3]


def running():
    return [value.index for value in values.running()]


def test_what_runs_is_listed_the_newest_start_first():
    for index in (5, 9, 7):
        start(index, task=str(index))
    values.advance(9, 0.25, task="9")
    assert running() == [7, 9, 5]
    assert values.running() == values.read_many([7, 9, 5])


def test_at_most_20_of_what_runs_are_listed():
    for index in range(25):
        start(index, task=str(index))
    assert running() == list(range(24, 4, -1))


@pytest.mark.parametrize(
    "end",
    [
        lambda: values.store(7, b"13", 1),
        lambda: values.fail(7, "It broke.", task="task"),
        lambda: [start(7), start(7)],  # the second of them gives it up
        lambda: values.stop_worker("here") or values.claim([7]),
        lambda: values.forget([7]),
    ],
    ids=["done", "failed", "given up", "claimed", "forgotten"],
)
def test_what_has_ended_is_listed_no_more(end):
    start(7)
    start(8)
    end()
    values.renew_worker("here")
    assert running() == [8]
    assert values.connection().zrange("running", 0, -1) == [b"8"]


def test_the_failure_of_another_run_ends_nothing():
    start(7, task="mine")
    values.fail(7, "not mine", task="yours")
    assert running() == [7]


def test_what_was_evicted_while_it_ran_is_listed_no_more():
    start(7)
    values.connection().delete("fib:7")
    assert running() == []
    assert not values.connection().exists("running")


def test_what_ran_past_its_deadline_is_listed_no_more():
    start(7, time_limit=-61)
    assert running() == []
    assert not values.connection().exists("running")


def test_what_ran_past_its_deadline_goes_even_if_nobody_reads():
    start(7, time_limit=-61)
    start(8)
    assert values.connection().zrange("running", 0, -1) == [b"8"]


def test_a_killed_worker_and_what_it_ran_are_listed_until_its_sign_of_life_is_over(monkeypatch, eventually):
    monkeypatch.setattr(values, "WORKER_TTL_SECONDS", 1)
    values.renew_worker("killed")
    start(7, worker="killed")
    start(8)
    assert running() == [8, 7]
    assert "killed" in values.workers()
    eventually(lambda: "killed" not in values.workers())
    eventually(lambda: running() == [8])


def test_what_a_worker_runs_is_listed_again_after_a_silence():
    start(7, worker="silent")
    assert running() == []
    values.renew_worker("silent")
    assert running() == [7]
    values.stop_worker("silent")


def test_workers_are_listed_by_name_until_they_are_stopped():
    values.renew_worker("there")
    values.renew_worker("here")
    alive = [worker for worker in values.workers() if worker in {"here", "there"}]
    assert alive == ["here", "there"]
    assert values.workers() == sorted(values.workers())
    values.stop_worker("there")
    assert "there" not in values.workers()


def test_a_worker_that_is_gone_is_dropped_even_if_nobody_reads():
    values.connection().zadd("workers", {"gone": 1})
    values.renew_worker("here")
    assert values.connection().zscore("workers", "gone") is None


def test_failed_checks_are_counted_for_each_worker():
    assert values.failed_checks() == {}
    values.count_failed_check("one")
    values.count_failed_check("two")
    values.count_failed_check("two")
    assert values.failed_checks() == {"one": 1, "two": 2}


def test_usage_counts_the_keys_and_the_memory(eventually):
    def grows():
        values.forget([1])
        before = values.usage()
        values.store(1, digits(5_000_000), 1)
        after = values.usage()
        assert after.keys == before.keys + 1
        return after.bytes > before.bytes + 400_000

    # Tests beside this one may free more of the same Redis meanwhile.
    eventually(grows)


def test_usage_knows_the_limit_if_there_is_one():
    server = values.connection()
    usual = server.config_get("maxmemory")["maxmemory"]
    try:
        server.config_set("maxmemory", 0)
        assert values.usage().limit is None
        server.config_set("maxmemory", 2_000_000_000)
        assert values.usage().limit == 2_000_000_000
    finally:
        server.config_set("maxmemory", usual)


@pytest.mark.parametrize("question", ["usage", "running", "workers"])
def test_without_redis_nothing_is_known_of_the_system(redis_away, question):
    with pytest.raises(RedisError):
        getattr(values, question)()
