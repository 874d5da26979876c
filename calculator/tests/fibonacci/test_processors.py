import os

import pytest

from calculator.fibonacci.processors import available_processors

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("100000 100000", 1), ("50000 100000", 1), ("9900000 100000", HERE), ("max 100000", HERE), ("nonsense", HERE)],
)
def test_a_containers_limit_counts(tmp_path, limit, expected):
    file = tmp_path / "cpu.max"
    file.write_text(limit)
    assert available_processors(file) == expected


def test_without_a_container_the_machine_counts(tmp_path):
    assert available_processors(tmp_path / "missing") == HERE
