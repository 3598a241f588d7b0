"""How the file of a table turned out to be written, kept beside its columns for who uses them later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Written"]

KEY = b"marquardt: written"
"""In the metadata of a schema."""


@dataclass(frozen=True)
class Written:
    """What was found of a file: what is written after it is written alike."""

    separator: str = ","
    decimal: str = "."
    notes: tuple[str, ...] = ()  # Sentences on what was left out or chosen, where nobody asked for it

    def beside(self, schema: Any) -> Any:
        """Return a schema that has this in its metadata."""
        return schema.with_metadata({**(schema.metadata or {}), KEY: json.dumps(asdict(self)).encode()})

    @classmethod
    def of(cls, schema: Any) -> Written:
        """Return what a schema has in its metadata; of a table that was no text, the defaults."""
        kept = (schema.metadata or {}).get(KEY)
        if kept is None:
            return cls()
        found = json.loads(kept)
        return cls(found["separator"], found["decimal"], tuple(found["notes"]))
