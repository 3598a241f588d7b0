"""How much memory there is: the machine's, or the budget that was given; and the refusal of what needs more."""

from __future__ import annotations

import math
import os
from copy import copy
from functools import cache

from marquardt.checks import memory_size
from marquardt.errors import ResourceError
from marquardt.networks import LayerGraph

__all__ = ["Budget", "MemoryLimit", "machine_memory", "readable_bytes", "require_memory"]

UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


@cache
def machine_memory() -> int | None:
    """Return the machine's memory in bytes, or None where the system does not say."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path, encoding="ascii") as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit():
            memory = min(memory, int(text))
    return memory


class MemoryLimit:
    """Bytes that a plan may take: the budget that was given, and no more than the machine has."""

    def __init__(self, max_memory: int | str | None = None) -> None:
        given = None if max_memory is None else memory_size(max_memory, "max_memory")
        machine = machine_memory()
        there_is = math.inf if machine is None else float(machine)
        self.limit = min(there_is, math.inf if given is None else given)
        self._whose = "this machine has" if given is None or given > there_is else "the budget is"
        self._whole = readable_bytes(self.limit)
        if isinstance(max_memory, str) and self._whose == "the budget is":
            self._whole += f" ({max_memory.strip()})"
        self.taken, self._what = 0, ""

    @classmethod
    def of(cls, max_memory: Budget) -> MemoryLimit:
        """Return the limit itself, or that of a budget."""
        return max_memory if isinstance(max_memory, MemoryLimit) else cls(max_memory)

    @classmethod
    def none(cls) -> MemoryLimit:
        """Return what allows everything."""
        limit = cls()
        limit.limit = math.inf
        return limit

    def without(self, taken: int, what: str = "the other parts") -> MemoryLimit:
        """Return what is left beside something else."""
        rest = copy(self)
        rest.limit, rest.taken = self.limit - taken, self.taken + taken
        rest._what = what if what in self._what or not self._what else f"{self._what} and {what}"
        return rest

    def allows(self, needed: float) -> bool:
        """Return whether so many bytes are within the limit."""
        return needed <= self.limit

    def refusal_of_vectors(self, needed: int) -> str:
        """Return what to say where not even an algorithm without matrices has room."""
        in_all = f", {readable_bytes(needed + self.taken)} in all" if self.taken else ""
        least = readable_bytes(needed)
        return f"Even the algorithm 'lbfgs' needs {least}: give it that{in_all}, or fewer hidden units."

    def __str__(self) -> str:
        """The limit, and whose it is."""
        taken = f", {readable_bytes(self.taken)} of it for {self._what}" if self.taken else ""
        return f"{self._whose} {self._whole}{taken}"


Budget = int | str | MemoryLimit | None
"""What objectives take as `max_memory`."""


def readable_bytes(number: float) -> str:
    """Return an amount of memory for people."""
    for unit, size in UNITS:
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number:.0f} B"


def require_memory(
    graph: LayerGraph,
    needed: int,
    on_what: str = "",
    *,
    limit: MemoryLimit | None = None,
    way_out: str = "",
) -> None:
    """Refuse a network whose training does not fit in memory."""
    limit = MemoryLimit() if limit is None else limit
    if limit.allows(needed):
        return
    way_out = way_out or (
        "Use fewer hidden units (the memory grows with the square of the weights), or the algorithm 'lbfgs' and a "
        "fixed weight decay, whose memory grows with the weights only."
    )
    raise ResourceError(
        f"{graph.describe()} has {graph.n_weights:,} weights: training it {on_what}needs {readable_bytes(needed)}, "
        f"{limit}. {way_out}"
    )
