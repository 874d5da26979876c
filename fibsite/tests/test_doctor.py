import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from calculator import values
from fibsite.management.commands import doctor

pytestmark = pytest.mark.django_db(transaction=True)


def lines(capsys, *arguments):
    """Run it; return its exit status and its lines by the name of the part."""
    status = 0
    try:
        call_command("doctor", "--no-color", *arguments)
    except SystemExit as end:
        status = end.code
    printed = capsys.readouterr().out.splitlines()
    return status, {line[6:20].strip() or "hint": line for line in printed}


def test_a_healthy_system_is_ok_in_every_line(capsys, worker):
    status, parts = lines(capsys)
    assert status == 0
    assert list(parts) == [
        "versions",
        "postgres",
        "migrations",
        "broker",
        "values",
        "memory policy",
        "checks",
        "worker",
    ]
    assert all(line.startswith("ok") and " ms " in line for line in parts.values())
    assert "PostgreSQL 18" in parts["postgres"]
    assert "Valkey 9" in parts["values"]


def test_failed_checks_are_wrong_with_a_hint(capsys, worker):
    values.count_failed_check("some-worker")
    status, parts = lines(capsys)
    assert status == 1
    assert parts["checks"].startswith("WRONG")
    assert "1 of some-worker" in parts["checks"]
    assert "replace it" in parts["hint"]


def test_a_missing_worker_is_wrong_with_a_hint(capsys, monkeypatch):
    status, parts = lines(capsys, "--timeout", "0.2")
    assert status == 1
    assert parts["worker"].startswith("WRONG")
    assert "celery -A fibsite worker" in parts["hint"] or "nobody serves" in parts["worker"]


def test_values_that_are_away_are_wrong_with_a_hint(capsys, redis_away):
    status, parts = lines(capsys, "--timeout", "0.2")
    assert status == 1
    assert parts["values"].startswith("WRONG")
    assert parts["postgres"].startswith("ok")


def test_a_missing_migration_is_named(capsys):
    applied = MigrationRecorder.Migration.objects.filter(app="calculator", name="0001_seen_index")
    kept = list(applied)
    applied.delete()
    try:
        status, parts = lines(capsys, "--timeout", "0.2")
    finally:
        MigrationRecorder.Migration.objects.bulk_create(kept)
    assert status == 1
    assert "not applied: calculator.0001_seen_index" in parts["migrations"]


def test_postgres_away_says_why(capsys, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nonexistent")
    connection.close()
    connection.close_pool()
    try:
        status, parts = lines(capsys, "--timeout", "0.2")
    finally:
        connection.close_pool()
    assert status == 1
    assert "No such file" in parts["postgres"]
    assert parts["values"].startswith("ok")


@pytest.mark.parametrize(
    ("policy", "limit", "words"),
    [("allkeys-lru", "0", "may drop queued tasks"), ("noeviction", "100mb", "refuses tasks when it is full")],
)
def test_a_memory_policy_that_can_lose_tasks_is_wrong(policy, limit, words):
    client = values.connection()
    before = client.config_get("maxmemory*")
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory", limit)
    try:
        with pytest.raises(doctor.UnhealthyError, match=words):
            doctor.memory_policy()
    finally:
        client.config_set("maxmemory-policy", before["maxmemory-policy"])
        client.config_set("maxmemory", before["maxmemory"])


def test_a_cluster_is_refused():
    class Cluster:
        def info(self, _section):
            return {"redis_mode": "cluster", "redis_version": "8"}

    with pytest.raises(doctor.UnhealthyError, match="cluster mode"):
        doctor.server_facts(Cluster())
