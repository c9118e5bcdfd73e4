"""Arrow Flight and Flight SQL, as Dremio speaks them, on one port."""

from __future__ import annotations

from services.dremio.wire.flight.server import create_flight_server

__all__ = ["create_flight_server"]
