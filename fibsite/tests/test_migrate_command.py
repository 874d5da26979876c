"""Migrations are applied by one process at a time."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from conftest import ROOT
from fibsite.management.commands.migrate import LOCK


@pytest.fixture
def holding():
    """The lock, as another instance holds it while it migrates."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield cursor
        cursor.execute("SELECT pg_advisory_unlock_all()")


@pytest.mark.django_db(transaction=True)
def test_a_second_migration_waits_for_the_first_and_finds_nothing_to_do(holding, eventually):
    environment = {**os.environ, "PGDATABASE": connection.settings_dict["NAME"]}
    command = [sys.executable, "manage.py", "migrate", "--no-input"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as second:

        def waits():
            holding.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            return holding.fetchone()[0] == 1

        try:
            eventually(waits)
            assert second.poll() is None
            holding.execute("SELECT pg_advisory_unlock_all()")
            said, _ = second.communicate(timeout=30)
        finally:
            second.kill()
    assert second.returncode == 0
    assert "No migrations to apply" in said
