"""What is free is what the system says, or what the control group leaves of it."""

import pytest

from marquardt.streams import free_memory, memory

GIB = 2**30
MEMINFO = f"MemTotal:       {8 * GIB // 1024} kB\nMemFree:        1 kB\nMemAvailable:   {3 * GIB // 1024} kB\n"
SECOND = "/sys/fs/cgroup/memory"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/proc/meminfo": MEMINFO}, 3 * GIB),
        ({}, 8 * GIB),
        ({"/proc/meminfo": MEMINFO, f"{SECOND}.max": "max", f"{SECOND}.current": str(GIB)}, 3 * GIB),
        ({"/proc/meminfo": MEMINFO, f"{SECOND}.max": str(9 * GIB), f"{SECOND}.current": str(GIB)}, 3 * GIB),
        ({"/proc/meminfo": MEMINFO, f"{SECOND}.max": str(2 * GIB), f"{SECOND}.current": str(GIB)}, GIB),
        (
            {
                "/proc/meminfo": MEMINFO,
                f"{SECOND}.max": str(2 * GIB),
                f"{SECOND}.current": str(GIB),
                f"{SECOND}.stat": f"anon 7\nfile 8\ninactive_file {GIB // 2}\nactive_file 5\n",
            },
            1.5 * GIB,
        ),
        (
            {
                "/proc/meminfo": MEMINFO,
                f"{SECOND}/memory.limit_in_bytes": str(2 * GIB),
                f"{SECOND}/memory.usage_in_bytes": str(GIB),
                f"{SECOND}/memory.stat": f"inactive_file 3\ntotal_inactive_file {GIB // 4}\n",
            },
            1.25 * GIB,
        ),
        ({"/proc/meminfo": MEMINFO, f"{SECOND}.max": str(GIB), f"{SECOND}.current": str(2 * GIB)}, 1),
    ],
)
def test_free_is_what_the_system_and_the_group_leave(monkeypatch, files, expected):
    monkeypatch.setattr(memory, "_read", lambda path: files.get(path, ""))
    monkeypatch.setattr(memory, "machine_memory", lambda: 8 * GIB)
    assert free_memory() == expected


def test_where_nothing_is_said_nothing_is_known(monkeypatch):
    monkeypatch.setattr(memory, "_read", lambda path: "")
    monkeypatch.setattr(memory, "machine_memory", lambda: None)
    assert free_memory() is None
