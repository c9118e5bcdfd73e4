"""Reading through Arrow Flight as a notebook does: Basic once, then the Bearer token."""

from __future__ import annotations

import pyarrow as pa
from pyarrow import flight

from services.common.settings import Settings


def read(settings: Settings, statement: str) -> pa.Table:
    """Run one statement over Flight and return its rows."""
    with flight.FlightClient(settings.flight_uri) as client:
        token = client.authenticate_basic_token(
            settings.admin_user, settings.admin_password.get_secret_value()
        )
        options = flight.FlightCallOptions(headers=[token])
        info = client.get_flight_info(flight.FlightDescriptor.for_command(statement), options)
        return client.do_get(info.endpoints[0].ticket, options).read_all()
