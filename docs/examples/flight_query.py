"""Read a gold table into pandas over Arrow Flight: log in once, then use the token.

    .venv/bin/python docs/examples/flight_query.py
    .venv/bin/python docs/examples/flight_query.py "SELECT COUNT(*) AS orders FROM gold.fct_orders"

User, password and port come from the environment or from `.env` (of LAKELET_HOME, or of the
checkout). The same lines work against a vendor's Dremio.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd
from dotenv import dotenv_values
from pyarrow import flight

QUERY = """
SELECT customer_id, segment, orders, lifetime_value
FROM gold.customer_metrics
ORDER BY value_rank
LIMIT 10
"""

HOME = Path(os.environ.get("LAKELET_HOME") or Path(__file__).resolve().parents[2])
SETTINGS = {**dotenv_values(HOME / ".env"), **os.environ}


def connect() -> tuple[flight.FlightClient, flight.FlightCallOptions]:
    """Log in with user and password (Basic); every later call carries the Bearer token."""
    host = SETTINGS.get("DREMIO_HOST") or SETTINGS.get("BIND_ADDRESS") or "127.0.0.1"
    port = SETTINGS.get("DREMIO_FLIGHT_PORT") or 32010 + int(SETTINGS.get("PORT_OFFSET") or 0)
    if SETTINGS.get("DREMIO_FLIGHT_TLS") == "on":
        trusted = (HOME / ".lakelet" / "dremio" / "tls" / "flight-cert.pem").read_bytes()
        client = flight.FlightClient(f"grpc+tls://{host}:{port}", tls_root_certs=trusted)
    else:
        client = flight.FlightClient(f"grpc+tcp://{host}:{port}")
    user = SETTINGS.get("ADMIN_USER") or "admin"
    token = client.authenticate_basic_token(user, SETTINGS["ADMIN_PASSWORD"])
    return client, flight.FlightCallOptions(headers=[token])


def query(sql: str) -> pd.DataFrame:
    """Run one statement; return its rows (DECIMAL columns hold exact `decimal.Decimal`s)."""
    client, options = connect()
    with client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(sql), options)
        parts = [client.do_get(end.ticket, options).read_pandas() for end in info.endpoints]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    print(query(sys.argv[1] if len(sys.argv) > 1 else QUERY).to_string(index=False))
