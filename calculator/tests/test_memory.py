import pytest

from calculator import memory
from calculator.fibonacci import predict
from calculator.memory import TooLittleMemoryError, memory_limit, readable, require_memory

GIGABYTE = 10**9


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups in a folder of their own: called with /proc/self/cgroup's text and the files with their contents."""

    def build(own, **files):
        (tmp_path / "own").write_text(own)
        monkeypatch.setattr(memory, "OWN_CGROUPS", tmp_path / "own")
        monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
        for path, contents in files.items():
            file = tmp_path / "cgroup" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(contents)

    return build


@pytest.mark.parametrize(
    ("own", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "500000000\n"}, GIGABYTE / 2),  # in a container
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "600000000\n"}, GIGABYTE * 0.6),  # in a service
        ("0::/a/b\n", {"memory.max": "700000000\n"}, GIGABYTE * 0.7),  # with the group mounted at the root
        ("5:cpu:/x\n4:memory:/x\n", {"memory/x/memory.limit_in_bytes": "800000000\n"}, GIGABYTE * 0.8),  # version 1
    ],
)
def test_the_limit_is_the_control_groups(groups, own, files, limit):
    groups(own, **files)
    assert memory_limit() == limit


@pytest.mark.parametrize("own", ["0::/\n", "", "5:cpu:/x\n"])
def test_without_a_control_group_the_limit_is_the_machines(groups, own):
    groups(own, **{"memory.max": "max\n"})
    assert memory_limit() > GIGABYTE / 2


def test_the_machine_limits_what_a_group_would_allow(groups):
    groups("0::/\n", **{"memory.max": str(10**18)})
    assert memory_limit() < 10**18


def test_what_fits_is_not_refused_and_what_does_not_is(groups):
    needed = predict(100_000_000).bytes
    groups("0::/\n", **{"memory.max": str(needed)})
    require_memory(100_000_000)
    groups("0::/\n", **{"memory.max": str(needed - 1)})
    with pytest.raises(TooLittleMemoryError, match=r"^It needs 123\.0 MB of memory, and there are 123\.0 MB in all\.$"):
        require_memory(100_000_000)


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (999_950, "1.0 MB"), (10**33, "1,000.0 QB")],
)
def test_bytes_are_written_in_the_unit_that_suits_them(count, words):
    assert readable(count) == words
