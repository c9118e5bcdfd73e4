"""How the log shipper tells of itself: it listens nowhere, so it keeps a file.

Written by the shipper at every look, read by whoever asks how it is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from services.common.settings import Settings

# The shipper looks every two seconds and, while a store is away, at least every thirty.
_SILENT = 90.0
_STUCK = 120.0


@dataclass(frozen=True)
class ShippingStatus:
    """`at`: the last look; `behind_bytes`: not shipped then; `since`: the last batch or look
    after which nothing was left; `unreadable_since`: when a log was first met that cannot be read
    (0: there is none). All times are seconds since 1970.
    """

    at: float
    behind_bytes: int
    since: float
    shipped: int = 0
    unreadable_since: float = 0.0

    def behind_for(self, now: float) -> float:
        """Return the seconds for which bytes have been waiting without a batch stored."""
        return max(0.0, now - self.since) if self.behind_bytes else max(0.0, now - self.at - 60)

    def waiting_for(self, now: float) -> float:
        """Return the seconds for which lines have been waiting, unreadable ones as well."""
        unreadable = now - self.unreadable_since if self.unreadable_since else 0.0
        return max(self.behind_for(now), unreadable)

    def is_well(self, now: float) -> bool:
        """Say whether the shipper looks, and gets on with what it finds."""
        return now - self.at < _SILENT and self.behind_for(now) < _STUCK


def status_path(settings: Settings) -> Path:
    """Return where the shipper keeps its status."""
    return settings.data_dir / "shipper" / "status.json"


def read_status(settings: Settings) -> ShippingStatus | None:
    """Return what the shipper said last, or None when it never said anything."""
    try:
        return ShippingStatus(**json.loads(status_path(settings).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_status(settings: Settings, status: ShippingStatus) -> None:
    """Replace the file whole, so that no reader sees half of it."""
    path = status_path(settings)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(status)))
    unfinished.replace(path)
