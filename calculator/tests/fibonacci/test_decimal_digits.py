import enum
import math
from decimal import MAX_EMAX, Context, Decimal
from itertools import pairwise

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator.fibonacci import WrongDigitsError, decimal_digits, digit_count, digits, modulo
from calculator.fibonacci.decimal_digits import FFT_FROM

indices = st.integers(0, 20_000)


@pytest.fixture
def wrong_transform(monkeypatch):
    """A transform one of whose rounding errors reached 1/2."""
    right = decimal_digits.fast_doubling
    monkeypatch.setattr(decimal_digits, "fast_doubling", lambda n, threads: with_a_wrong_digit(right(n, threads)))


def with_a_wrong_digit(text: bytes) -> bytes:
    middle = len(text) // 2
    return text[:middle] + (b"1" if text[middle : middle + 1] == b"0" else b"0") + text[middle + 1 :]


def by_gmp(n: int) -> bytes:
    return gmpy2.fib(n).digits().encode()


def value(n: int) -> int:
    """F(n) as a number, through the digits, in pieces that Python's limit on long texts allows."""
    result = 0
    text = digits(n)
    for start in range(0, len(text), 4000):
        piece = text[start : start + 4000]
        result = result * 10 ** len(piece) + int(piece)
    return result


def test_the_first_3000_values_agree_with_plain_addition():
    current, following = 0, 1
    for n in range(3001):
        assert digits(n) == str(current).encode()
        current, following = following, current + following


@pytest.mark.parametrize(("n", "expected"), [(0, b"0"), (1, b"1"), (2, b"1"), (7, b"13"), (50, b"12586269025")])
def test_well_known_values(n, expected):
    assert digits(n) == expected


def test_a_million_has_the_published_digits():
    text = digits(1_000_000)
    assert len(text) == 208_988
    assert text.startswith(b"19532821287077577316")
    assert text.endswith(b"68996526838242546875")


def test_a_hundred_millions_first_digits_are_those_of_the_closed_form_and_its_last_ones_those_of_its_residue():
    text = digits(10**8)
    assert len(text) == digit_count(10**8)
    context = Context(prec=60, Emax=MAX_EMAX)
    root_five = context.sqrt(Decimal(5))
    power = context.power(context.divide(context.add(1, root_five), 2), 10**8)
    first = "".join(map(str, context.divide(power, root_five).as_tuple().digits))
    assert text[:20] == b"47371034734563369625" == first[:20].encode()
    assert text[-1000:] == str(modulo(10**8, 10**1000)).zfill(1000).encode()


@given(st.integers(FFT_FROM - 1000, 2 * FFT_FROM))
@settings(deadline=None)
def test_where_the_transform_begins_the_values_are_those_of_gmp(n):
    assert (digits(n) == by_gmp(n)) is True


@given(indices)
def test_every_value_is_the_sum_of_the_two_before_it(n):
    assert value(n + 2) == value(n + 1) + value(n)


@given(indices)
def test_doubling_the_index(n):
    assert value(2 * n) == value(n) * (2 * value(n + 1) - value(n))


@given(st.integers(1, 20_000), indices)
def test_adding_two_indices(m, n):
    assert value(m + n) == value(m) * value(n + 1) + value(m - 1) * value(n)


@given(indices, indices)
def test_the_greatest_common_divisor_is_that_of_the_indices(m, n):
    assert math.gcd(value(m), value(n)) == value(math.gcd(m, n))


@given(st.integers(0, 2 * FFT_FROM))
@settings(deadline=None)
def test_the_digit_count_is_the_length_of_the_digits(n):
    assert digit_count(n) == len(digits(n))


def test_the_digit_count_is_right_at_every_change_of_length():
    lengths = [len(digits(n)) for n in range(5000)]
    assert [digit_count(n) for n in range(5000)] == lengths
    assert all(after - before in (0, 1) for before, after in pairwise(lengths))


@pytest.mark.parametrize(("n", "count"), [(10**8, 20_898_764), (10**9, 208_987_640), (10**10, 2_089_876_403)])
def test_the_digit_count_of_published_values(n, count):
    assert digit_count(n) == count


def test_the_digit_count_of_an_index_that_nobody_can_compute():
    # log₁₀φ = 0.208987640249978733769272089237555416822…; log₁₀√5 = 0.349…; the count is ⌊…237.555 - 0.349⌋ + 1.
    assert str(digit_count(10**30)) == "208987640249978733769272089238"


@pytest.mark.parametrize("wrong", [-1, -(10**30), 1.0, "7", None, True])
@pytest.mark.parametrize("function", [digits, digit_count])
def test_what_is_not_an_index_is_refused(function, wrong):
    with pytest.raises(ValueError, match="whole number from 0"):
        function(wrong)


def test_a_subclass_of_the_integers_is_an_index_too():
    class Index(enum.IntEnum):
        small = 1000
        large = FFT_FROM

    assert digits(Index.small) == by_gmp(1000)
    assert digits(Index.large) == by_gmp(FFT_FROM)


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_progress_changes_nothing(threads):
    reports = []
    assert digits(FFT_FROM, reports.append, threads=threads) == digits(FFT_FROM, threads=threads) == by_gmp(FFT_FROM)
    assert reports


def test_right_digits_pass_their_check_silently(caplog):
    failed = []
    digits(FFT_FROM, on_failed_check=lambda: failed.append(1))
    assert failed == []
    assert caplog.records == []


def test_digits_name_the_prime_they_were_checked_by():
    primes = []
    for _ in range(2):
        text = digits(FFT_FROM, on_checked=primes.append)
    first, second = primes
    assert first != second
    assert all(gmpy2.is_prime(prime) and 2**59 < prime < 2**61 for prime in primes)
    assert gmpy2.mpz(text) % first == modulo(FFT_FROM, first)


def test_digits_that_are_not_checked_name_no_prime(monkeypatch):
    monkeypatch.setattr(decimal_digits, "FFT_TO", FFT_FROM)
    primes = []
    for n in (0, 1000, FFT_FROM - 1, FFT_FROM + 1):
        digits(n, on_checked=primes.append)
    assert primes == []


@pytest.mark.usefixtures("wrong_transform")
def test_digits_that_were_computed_anew_name_the_prime_that_they_passed(monkeypatch):
    tried, passed = [], []
    right = decimal_digits.matches
    monkeypatch.setattr(decimal_digits, "matches", lambda *given: tried.append(given[2]) or right(*given))
    digits(FFT_FROM, on_checked=passed.append)
    assert len(set(tried)) == 2
    assert passed == tried[1:]


@pytest.mark.usefixtures("wrong_transform")
def test_wrong_digits_are_computed_anew_reported_once_and_logged(caplog):
    failed = []
    assert digits(FFT_FROM, on_failed_check=lambda: failed.append(1)) == by_gmp(FFT_FROM)
    assert failed == [1]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"The digits of F({FFT_FROM}) failed their check; GMP computes them anew")
    ]


@pytest.mark.usefixtures("wrong_transform")
def test_wrong_digits_are_computed_anew_even_if_nobody_wants_to_know():
    assert digits(FFT_FROM) == by_gmp(FFT_FROM)


@pytest.mark.usefixtures("wrong_transform")
def test_wrong_digits_of_a_machine_that_computes_wrongly_are_not_returned(monkeypatch):
    right = decimal_digits.by_gmp
    monkeypatch.setattr(decimal_digits, "by_gmp", lambda n: with_a_wrong_digit(right(n)))
    failed, passed = [], []
    with pytest.raises(WrongDigitsError, match=str(FFT_FROM)):
        digits(FFT_FROM, on_failed_check=lambda: failed.append(1), on_checked=passed.append)
    assert (failed, passed) == ([1], [])


@pytest.mark.usefixtures("wrong_transform")
def test_the_transform_is_used_within_its_limits_only(monkeypatch):
    # Only what the broken transform computes fails its check.
    failed = []
    monkeypatch.setattr(decimal_digits, "FFT_TO", FFT_FROM + 10)
    for n in (FFT_FROM - 1, FFT_FROM, FFT_FROM + 10, FFT_FROM + 11):
        assert digits(n, on_failed_check=lambda n=n: failed.append(n)) == by_gmp(n)
    assert failed == [FFT_FROM, FFT_FROM + 10]
