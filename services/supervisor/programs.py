"""The supervised programs: what each needs first and how its health is asked over the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.common import debian
from services.common.health import QUESTIONS
from services.common.settings import Settings


def _always(_settings: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Program:
    """One supervised process, started as `python -m services.<name>`.

    `stop_signal`: what asks it to end cleanly (PostgreSQL's fast shutdown is SIGINT).
    `wanted`: whether this platform runs it at all. `stays`: whether it runs on while what writes
    stands still.
    """

    name: str
    needs: tuple[str, ...] = ()
    stop_signal: str = "TERM"
    wanted: Callable[[Settings], bool] = _always
    stays: bool = False

    def answers(self, settings: Settings) -> bool:
        """Ask whether it is well; whatever the client raises comes through."""
        return QUESTIONS[self.name](settings)


BASES = ("postgres", "storage")

PROGRAMS = (
    Program("postgres", stop_signal="INT"),
    Program("storage"),
    Program("dremio", BASES),
    Program("airbyte", BASES),
    Program("superset", ("postgres",)),
    Program("elasticsearch"),
    Program("shipper"),
    Program("exporter"),
    # It makes the backups for which the others are stopped.
    Program("backups", BASES, wanted=lambda s: bool(s.backup_every), stays=True),
    Program("alertmanager", wanted=debian.runs_prometheus),
    Program("prometheus", wanted=debian.runs_prometheus),
)


def programs(settings: Settings) -> tuple[Program, ...]:
    """Return the programs that this platform runs."""
    return tuple(p for p in PROGRAMS if p.wanted(settings))


def program(name: str) -> Program:
    """Return the program called `name`. Raises KeyError, listing the names there are."""
    for candidate in PROGRAMS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no service {name!r}; there are: {', '.join(p.name for p in PROGRAMS)}")
