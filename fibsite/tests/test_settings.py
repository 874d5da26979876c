"""Settings are read once for each process, so every case here is a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "kept-5ecret_Letters9" * 3,
    "ALLOWED_HOSTS": "fib.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://fib.example.org",
    "PGHOST": "db.example.org",
    "PGPASSWORD": "secret",
    "REDIS_HOST": "redis.example.org",
    "REDIS_TLS": "true",
    "REDIS_PASSWORD": "p@ss/word",
}


def python(code, environment):
    return run([sys.executable, "-c", code], environment)


def manage(*arguments, **environment):
    return run([sys.executable, "manage.py", *arguments], environment)


def run(command, environment):
    clean = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "fibsite.settings", **environment}
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60, check=False)


def setting(expression, **environment):
    done = python(f"import json; from django.conf import settings; print(json.dumps({expression}))", environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_documented_production_environment_passes_every_deployment_check():
    done = manage("check", "--deploy", "--fail-level", "INFO", **PRODUCTION)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MAX_INDEX", "abc", "MAX_INDEX: Not a valid integer."),
        ("MAX_INDEX", "1000000001", "MAX_INDEX"),
        ("MAX_INDEX", "-1", "MAX_INDEX"),
        ("PGPORT", "x", "PGPORT"),
        ("FRONTEND_ADDRESS", "http://frontend:3000/", "FRONTEND_ADDRESS"),
        ("PGSSLMODE", "maybe", "PGSSLMODE"),
        ("DEBUG", "perhaps", "DEBUG"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL"),
        ("REDIS_PORT", "many", "REDIS_PORT"),
        ("VALUE_TTL_SECONDS", "5", "VALUE_TTL_SECONDS"),
        ("WEB_THREADS", "0", "WEB_THREADS"),
    ],
)
def test_a_wrong_variable_stops_the_process_and_is_named(name, value, words):
    done = manage("check", **{name: value})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("fibsite: these environment variables are wrong: ")
    assert words in line


def test_all_wrong_variables_are_named_at_once():
    done = manage("check", MAX_INDEX="abc", QUICK_SECONDS="x")
    assert "MAX_INDEX" in done.stderr
    assert "QUICK_SECONDS" in done.stderr


def test_hot_reload_without_its_packages_is_a_clear_error(tmp_path):
    (tmp_path / "django_watchfiles.py").write_text("raise ModuleNotFoundError('No module named django_watchfiles')")
    done = manage("check", BROWSER_RELOAD="true", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("fibsite: BROWSER_RELOAD is for development: install requirements/development.txt")


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_the_web_process_does_not_start_without_what_it_needs(missing):
    environment = {name: value for name, value in PRODUCTION.items() if name != missing}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:fibsite.gunicorn_conf", "fibsite.wsgi"]
    done = run(command, {**environment, "WEB_BIND": "127.0.0.1:0"})
    assert done.returncode == 1
    assert f"{missing} is not set." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_number_for_the_web_process_is_named():
    command = [sys.executable, "-m", "gunicorn", "--config", "python:fibsite.gunicorn_conf", "fibsite.wsgi"]
    done = run(command, {**PRODUCTION, "WEB_PROCESSES": "many"})
    assert done.returncode == 1
    assert "WEB_PROCESSES" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_worker_needs_neither_the_secret_key_nor_the_database():
    done = python(
        "import django; django.setup(); import calculator.tasks; from fibsite import celery_app as app; app.finalize()",
        {},
    )
    assert done.returncode == 0, done.stderr


def test_redis_over_tls_verifies_the_server_for_broker_and_values():
    settings = setting("[settings.BROKER_URL, settings.VALUES_URL, settings.CELERY_BROKER_USE_SSL]", **PRODUCTION)
    broker, stored, tls = settings
    assert broker == "rediss://:p%40ss%2Fword@redis.example.org:6379/0"
    assert stored == "rediss://:p%40ss%2Fword@redis.example.org:6379/1"
    assert tls["ssl_cert_reqs"] == 2  # ssl.CERT_REQUIRED
    code = "import django; django.setup(); from calculator import values; print(values.connection().connection_pool)"
    options = "import django; django.setup(); from calculator import values; c = values.connection().connection_pool\n"
    options += "print(c.connection_kwargs['ssl_cert_reqs'], c.connection_kwargs['ssl_check_hostname'])"
    assert "SSLConnection" in python(code, PRODUCTION).stdout
    assert python(options, PRODUCTION).stdout == "required True\n"


def test_postgres_over_a_network_must_prove_who_it_is():
    assert setting("settings.DATABASES['default']['OPTIONS']['sslmode']", **PRODUCTION) == "verify-full"
    assert setting("settings.DATABASES['default']['OPTIONS']['sslmode']", PGHOST="/run/postgres") == "prefer"


def test_elastic_beanstalks_names_of_the_database_are_the_fallback():
    names = {"RDS_HOSTNAME": "rds", "RDS_PORT": "5433", "RDS_DB_NAME": "eb", "RDS_USERNAME": "me", "RDS_PASSWORD": "pw"}
    database = "[settings.DATABASES['default'][name] for name in ('HOST', 'PORT', 'NAME', 'USER', 'PASSWORD')]"
    assert setting(database, **names) == ["rds", 5433, "eb", "me", "pw"]
    assert setting(database, **names, PGHOST="own", PGPORT="1")[:2] == ["own", 1]


def test_the_broker_and_the_values_can_have_servers_of_their_own():
    urls = {"BROKER_URL": "redis://a:1/0", "VALUES_URL": "rediss://b:2/0"}
    assert setting("[settings.CELERY_BROKER_URL, settings.VALUES_URL]", **urls) == list(urls.values())


def test_without_https_no_cookie_is_lost_on_a_laptop():
    assert setting("[settings.SESSION_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT]", HTTPS="false") == [False, False]
    assert setting("[settings.SESSION_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT]") == [True, True]
