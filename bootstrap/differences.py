"""A difference between the files and what runs, as `lakelet plan` tells it."""

from __future__ import annotations

from dataclasses import dataclass

MISSING, DIFFERS, EXTRA = "is not there yet", "differs", "is in no file"


@dataclass(frozen=True)
class Difference:
    """One thing (`part` of the platform, its `name`), what is the matter, and which fields."""

    part: str
    name: str
    state: str
    fields: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, str]:
        """Return a row of a table."""
        told = {"part": self.part, "name": self.name, "state": self.state}
        return {**told, "what": ", ".join(self.fields)}
