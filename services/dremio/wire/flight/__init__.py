"""Arrow Flight and Flight SQL, as Dremio speaks them, on one port."""

from __future__ import annotations

from services.dremio.wire.flight.server import create_flight_server
from services.dremio.wire.flight.tls import certificate

__all__ = ["certificate", "create_flight_server"]
