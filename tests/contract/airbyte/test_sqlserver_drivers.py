"""Both native drivers of Microsoft's package, each in a process: it takes one for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.airbyte.sources.sqlserver.connecting import PLAIN, TRUSTED, VERIFIED
from services.common.mssql import ODBC_18, RUST
from tests.support.sqlserver.certificates import HOST, self_signed
from tests.support.sqlserver.fixture import PASSWORD, USER
from tests.support.sqlserver.server import serving

Json = dict[str, object]

# Prints for each configuration what reading gave, or the error.
_SCRIPT = """
import json, sys
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.sources.sqlserver import connecting
from services.airbyte.sources.sqlserver.rows import Rows
from services.airbyte.sources.sqlserver.tables import find_tables
from services.common import mssql
found = []
for config in json.loads(sys.argv[1]):
    try:
        with connecting.session(config) as db:
            [table] = find_tables(db, ["dbo"], "things")
            columns = ", ".join(column.select() for column in table.columns)
            rows = Rows(db, f"SELECT {columns} FROM things ORDER BY id", table.columns)
            found.append(rows.reader().read_all().to_pylist())
    except ConnectorError as error:
        found.append(f"{error.kind}: {error}")
print(json.dumps([mssql.provider(), *found], default=str))
"""


def ask(provider: str, configs: list[Json]) -> list[object]:
    command = [sys.executable, "-c", _SCRIPT, json.dumps(configs)]
    environment = {**os.environ, "MSSQL_PYTHON_NATIVE_PROVIDER": provider}
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    used, *found = json.loads(ran.stdout)
    if "libltdl7" in str(found) and not os.environ.get("CI"):
        pytest.skip("Microsoft's ODBC driver needs libltdl: apt-get install libltdl7")
    assert used == provider
    return found


@pytest.mark.parametrize("provider", [RUST, ODBC_18])
def test_a_driver_reads_and_checks_certificates(provider: str, tmp_path: Path) -> None:
    tls, certificate = self_signed(tmp_path)
    with serving({USER: PASSWORD}, tls=tls) as server:
        session = server.database.session(USER)
        session.execute("CREATE TABLE things (id int PRIMARY KEY, v nvarchar(max), t time(7))")
        long = "ä😀" * 3000
        session.execute(
            f"INSERT INTO things VALUES (1, N'{long}', '23:59:59.999999'), (2, N'', NULL)"
        )
        config: Json = {
            "host": "127.0.0.1",
            "port": server.port,
            "database": "shop",
            "username": USER,
            "password": PASSWORD,
        }
        verified = {"mode": VERIFIED, "hostNameInCertificate": HOST}
        modes = [
            {"mode": PLAIN},
            {"mode": TRUSTED},
            {**verified, "certificate": certificate},
            verified,
        ]
        found = ask(provider, [{**config, "ssl_mode": mode} for mode in modes])
    rows = [{"id": 1, "v": long, "t": "23:59:59.999999"}, {"id": 2, "v": "", "t": None}]
    assert found[:3] == [rows, rows, rows]
    assert str(found[3]).startswith("config_error: ")
    assert "set ssl_mode" in str(found[3])
