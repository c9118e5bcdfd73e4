"""What a statement about reflections asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.dremio.sql.statements import Path, Statement


@dataclass
class CreateReflection(Statement):
    """ALTER … CREATE RAW|AGGREGATE REFLECTION, or the short CREATE REFLECTION … ON ….

    `dimensions`: (column, by day alone). `measures`: (column, functions); no functions: those
    that Dremio chooses by the column's type.
    """

    dataset: Path
    name: str
    kind: str
    display: list[str] = field(default_factory=list)
    dimensions: list[tuple[str, bool]] = field(default_factory=list)
    measures: list[tuple[str, list[str]]] = field(default_factory=list)
    partition: list[tuple[str, str]] = field(default_factory=list)
    distribution: list[str] = field(default_factory=list)
    sort: list[str] = field(default_factory=list)
    arrow_cache: bool = False
    if_not_exists: bool = False


@dataclass
class DropReflection(Statement):
    """ALTER … DROP REFLECTION, or DROP REFLECTION name [ON dataset]."""

    name: str
    dataset: Path = ()
    if_exists: bool = False


@dataclass
class SetAcceleration(Statement):
    """ALTER … ENABLE|DISABLE [RAW|AGGREGATE] ACCELERATION (`kind` '' is both)."""

    dataset: Path
    kind: str
    enabled: bool


@dataclass
class RefreshReflections(Statement):
    """ALTER … REFRESH REFLECTIONS, ALTER REFLECTION name REFRESH."""

    dataset: Path = ()
    name: str = ""


@dataclass
class AlterReflection(Statement):
    """ALTER REFLECTION name [ON dataset] SET …: its policy, or whether it is used."""

    name: str
    dataset: Path = ()
    enabled: bool | None = None
    method: str = ""
    period: float = 0.0
    cron: str = ""
    staleness: float | None = None
    expires: float | None = None


@dataclass
class Ignored(Statement):
    """Understood, and without meaning on one machine (ROUTE REFLECTIONS)."""

    summary: str
