import json
import math
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.fibonacci import digits, predict
from calculator.fibonacci.cost import GMP_SECONDS, MEASURED_SECONDS
from calculator.fibonacci.decimal_digits import FFT_FROM, FFT_TO

ROOT = Path(__file__).parents[3]
MEASURE = """
import json, re
from pathlib import Path
from calculator.fibonacci import digits

def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = peak()
digits({n}, threads=2)
print(json.dumps(peak() - before))
"""


def test_the_predicted_digits_are_exact():
    assert predict(1_000_000).digits == 208_988


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_larger_index_never_takes_less_time(a, b):
    assert predict(min(a, b)).seconds <= predict(max(a, b)).seconds


regimes = st.sampled_from([(0, FFT_FROM - 1), (FFT_FROM, FFT_TO), (FFT_TO + 1, 10**12)])


@given(regimes.flatmap(lambda regime: st.tuples(st.integers(*regime), st.integers(*regime))))
def test_a_larger_index_needs_no_less_memory_as_long_as_the_method_is_the_same(both):
    # But for the rounding of the grids: beyond FFT_TO GMP, which takes over, needs less.
    assert predict(min(both)).bytes <= 1.1 * predict(max(both)).bytes


def test_the_prediction_of_seconds_is_of_the_right_size():
    started = time.thread_time()
    digits(10**7, threads=1)
    measured = time.thread_time() - started
    assert predict(10**7).seconds / 20 < measured < predict(10**7).seconds * 20


@pytest.mark.parametrize(("n", "seconds"), MEASURED_SECONDS)
def test_the_prediction_of_seconds_meets_the_measurements(n, seconds):
    assert predict(n).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(("less", "more"), list(pairwise(MEASURED_SECONDS)))
def test_between_two_measurements_it_lies_between_them(less, more):
    between = math.isqrt(less[0] * more[0])
    assert less[1] < predict(between).seconds < more[1]


def test_beyond_the_transform_it_takes_as_long_as_gmp_does():
    assert predict(FFT_TO + 1).seconds == pytest.approx(GMP_SECONDS[0][1], rel=1e-6)
    assert predict(2 * FFT_TO).seconds == pytest.approx(GMP_SECONDS[1][1])


def test_beyond_the_last_measurement_it_goes_on_growing_in_the_same_way():
    (_, less), (last, more) = GMP_SECONDS
    assert predict(2 * last).seconds == pytest.approx(more * more / less)
    assert predict(4 * last).seconds == pytest.approx(more * (more / less) ** 2)


def test_an_absurd_index_costs_infinitely_much_instead_of_failing():
    assert predict(10**400).seconds == math.inf


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process its peak of memory")
@pytest.mark.parametrize("n", [5_500_000, 10**7, 3 * 10**7])
def test_a_computation_needs_the_memory_that_was_predicted_and_at_most_ten_bytes_a_digit(n):
    finished = subprocess.run(
        [sys.executable, "-c", MEASURE.format(n=n)],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    measured = json.loads(finished.stdout)
    assert measured == pytest.approx(predict(n).bytes, rel=0.15)
    assert measured <= 10 * predict(n).digits
