import pytest
from django.core.checks import run_checks

from fibsite import checks


def ids(problems):
    return [problem.id for problem in problems]


@pytest.fixture
def _public(settings, monkeypatch):
    settings.ALLOWED_HOSTS = ["fib.example.org"]
    settings.HTTPS = True
    monkeypatch.setitem(settings.DATABASES, "default", {"HOST": "db", "OPTIONS": {"sslmode": "verify-full"}})


@pytest.mark.usefixtures("_public")
def test_a_public_site_with_everything_on_is_fine():
    assert checks.web_environment() == checks.exposure() == checks.limits() == []


def test_a_missing_secret_key_and_missing_hosts_are_named(settings):
    settings.SECRET_KEY = ""
    settings.ALLOWED_HOSTS = []
    assert ids(checks.web_environment()) == ["fibsite.E001", "fibsite.E002"]


@pytest.mark.usefixtures("_public")
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEBUG", True, "fibsite.E003"),
        ("ALLOWED_HOSTS", ["*"], "fibsite.W001"),
        ("HTTPS", False, "fibsite.W002"),
    ],
)
def test_what_exposes_a_public_site_is_found(settings, name, value, expected):
    setattr(settings, name, value)
    problems = checks.exposure()
    assert ids(problems) == [expected]
    assert problems[0].hint


@pytest.mark.usefixtures("_public")
def test_a_database_that_does_not_prove_who_it_is_is_found(settings):
    settings.DATABASES["default"]["OPTIONS"]["sslmode"] = "require"
    assert ids(checks.exposure()) == ["fibsite.W003"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"TASK_TIME_LIMIT": 600, "TASK_SOFT_TIME_LIMIT": 600}, "fibsite.E004"),
        ({"BROKER_URL": "redis://h:1/0", "VALUES_URL": "redis://h:1/0?x=1"}, "fibsite.E005"),
        ({"VALUES_URL": "amqp://h"}, "fibsite.E006"),
        ({"BROKER_URL": "localhost:6379"}, "fibsite.E006"),
    ],
)
def test_settings_that_contradict_each_other_are_found(settings, changes, expected):
    for name, value in changes.items():
        setattr(settings, name, value)
    assert expected in ids(checks.limits())


def test_a_laptop_is_fine():
    assert [problem for problem in run_checks() if problem.id.startswith("fibsite")] == []
