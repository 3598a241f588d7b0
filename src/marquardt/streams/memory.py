"""How much memory is free."""

from __future__ import annotations

import re

from marquardt.objective import machine_memory

__all__ = ["free_memory"]

GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
"""Where the two kinds of control groups of Linux say what they allow, hold, and could let go of."""


def free_memory() -> int | None:
    """Return the bytes that a program may still take, or None where the system does not say."""
    machine = machine_memory()
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    free = int(found.group(1)) * 1024 if found else machine
    if free is None:
        return None
    for limit, used, statistics in GROUPS:
        allowed, held = _read(limit).strip(), _read(used).strip()
        if allowed.isdigit() and held.isdigit():
            # Files in the cache count as used, and make room when it is needed, those of groups within as well.
            cached = re.findall(r"^(?:total_)?inactive_file (\d+)", _read(statistics), re.MULTILINE)
            free = min(free, int(allowed) - int(held) + max(map(int, cached), default=0))
    return max(free, 1)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""
