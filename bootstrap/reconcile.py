"""Counting rows and money at every hop: from the source to gold nothing may be lost or doubled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from bootstrap.clients.dremio import Dremio
from bootstrap.platform_file import Platform, Reconciliation
from bootstrap.source_counts import count_source
from services.common.settings import Settings


@dataclass(frozen=True)
class Hop:
    """What one hop holds; `money` is exact, None where no money is counted."""

    name: str
    place: str
    rows: int
    money: Decimal | None = None


@dataclass(frozen=True)
class Flow:
    """One thing that flows through the platform, with its hops in order."""

    name: str
    hops: tuple[Hop, ...]

    @property
    def agrees(self) -> bool:
        """Whether every hop holds what the source holds, money to the cent."""
        first = self.hops[0]
        return all((h.rows, h.money) == (first.rows, first.money) for h in self.hops)

    def as_dict(self) -> dict[str, Any]:
        """Return the flow for JSON; money as text, so that no cent is rounded."""
        hops = [
            {**asdict(hop), "money": None if hop.money is None else str(hop.money)}
            for hop in self.hops
        ]
        return {"name": self.name, "agrees": self.agrees, "hops": hops}


def reconcile(platform: Platform, settings: Settings, dremio: Dremio) -> list[Flow]:
    """Count every hop that lakelet.yml lists.

    Raises TransientError when the source does not answer, ConfigError when it is of a kind that is
    not counted, PermanentError when a hop's table cannot be read.
    """
    return [
        Flow(name, (_source_hop(platform, check, settings), *_lake_hops(check, dremio)))
        for name, check in platform.reconcile.items()
    ]


def _lake_hops(check: Reconciliation, dremio: Dremio) -> list[Hop]:
    hops = []
    for name, table in check.hops.items():
        money = f", SUM({check.money}) AS money" if check.money else ""
        (row,) = dremio.sql(f"SELECT COUNT(*) AS row_count{money} FROM {table}")  # noqa: S608
        amount = Decimal(str(row["money"] or 0)) if check.money else None
        hops.append(Hop(name, table, int(row["row_count"]), _cents(amount)))
    return hops


def _source_hop(platform: Platform, check: Reconciliation, settings: Settings) -> Hop:
    place, rows, amount = count_source(platform, check, settings)
    return Hop("source", place, rows, _cents(amount))


def _cents(amount: Decimal | None) -> Decimal | None:
    """Return the amount with two places; exact, unless the hop itself has lost exactness."""
    return None if amount is None else amount.quantize(Decimal("0.01"))
