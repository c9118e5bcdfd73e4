"""Superset's own user through Superset's own driver: sees gold and silver, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.clients.dremio import SUPERSET, login_of
from bootstrap.clients.dremio import Dremio as Client
from bootstrap.platform_file import read_platform
from bootstrap.provision.dremio import ensure_layers
from bootstrap.provision.people import ensure_people
from services.common.settings import CHECKOUT
from tests.support.platform import Home, services_in

pytestmark = pytest.mark.ours("it is about the platform's own users")

_SCRIPT = """
import json, os, warnings
warnings.simplefilter("ignore")
from sqlalchemy import create_engine, inspect, text
engine = create_engine(os.environ["DREMIO_URL"])
with engine.connect() as connection:
    rows = [[str(v) for v in row] for row in connection.execute(text("SELECT a FROM gold.seen"))]
    try:
        hidden = str(connection.execute(text("SELECT * FROM bronze.shop.x")).fetchall())
    except Exception as error:
        hidden = str(error)
inspector = inspect(engine)
print(json.dumps({
    "rows": rows, "hidden": hidden, "schemas": inspector.get_schema_names(),
    "tables": inspector.get_table_names("gold"),
}))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with the layers' sources, one table in gold, and the platform's own users."""
    with services_in(tmp_path_factory.mktemp("own"), "postgres", "storage", "dremio") as made:
        dremio, platform = Client(made.settings), read_platform(made.settings)
        ensure_layers(dremio, platform, made.settings)
        assert ensure_people(dremio, platform, made.settings) == "dbt, superset"
        dremio.sql("CREATE TABLE gold.seen AS SELECT 1 AS a")
        yield made


def test_superset_reads_what_it_may_and_lists_no_more(home: Home) -> None:
    python = Path(os.environ.get("SUPERSET_PYTHON", CHECKOUT / ".venv-superset" / "bin" / "python"))
    if not python.exists():
        pytest.skip(f"no environment of Superset's: looked for {python}; run `make install`")
    settings = home.settings
    user, password = login_of(settings, SUPERSET)
    assert user == "superset"
    address = f"{user}:{password}@{settings.dremio_host}:{settings.dremio_flight_port}"
    done = subprocess.run(
        [str(python), "-c", _SCRIPT],
        env={
            "DREMIO_URL": f"dremio+flight://{address}/dremio?UseEncryption=false",
            "PATH": os.environ["PATH"],
            "HOME": str(home.folder),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == [["1"]]
    assert told["tables"] == ["seen"]
    assert {"gold", "silver"} <= set(told["schemas"])
    assert not [name for name in told["schemas"] if name.startswith(("bronze", "@admin"))]
    assert "Access denied" in told["hidden"] or "not found" in told["hidden"]
