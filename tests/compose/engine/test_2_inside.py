"""What runs inside the network: dbt as its own user, the bootstrap as a one-shot, notebooks."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest
from dotenv import dotenv_values

from bootstrap.clients.dremio import Dremio
from services.common.settings import read_settings
from tests.compose.engine.commands import compose
from tests.support.platform import Home

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("outcome")]


def test_dbt_works_as_its_own_user(home: Home) -> None:
    """And is told of nobody else's password."""
    secrets = dotenv_values(home.settings.env_file)
    told = compose(home, "--profile", "transform", "run", "--rm", "--entrypoint", "env", "dbt")
    variables = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    assert variables["LAKELET_DREMIO_USER"] == "dbt"
    password = home.settings.password_of("dbt")
    assert variables["DBT_ENV_SECRET_DREMIO_PASSWORD"] == password
    known = {v: k for k, v in secrets.items() if v and k.endswith(("PASSWORD", "KEY", "SECRET"))}
    assert {known[v] for v in variables.values() if v in known} == {"DBT_DREMIO_PASSWORD"}

    asked = "SELECT COUNT(*) AS jobs FROM sys.jobs_recent WHERE user_name = 'dbt'"
    (before,) = Dremio(home.settings).sql(asked)
    words = compose(
        home, "--profile", "transform", "run", "--rm", "dbt", "run", "--select", "stg_*"
    )
    assert "Completed successfully" in words
    (after,) = Dremio(home.settings).sql(asked)
    assert after["jobs"] > before["jobs"]


def test_the_bootstrap_one_shot_provisions_and_runs_the_pipeline(home: Home) -> None:
    words = compose(home, "--profile", "tools", "run", "--rm", "bootstrap")
    assert "orders" in words
    assert "no" not in words.split()  # every flow agrees


def notebooks(home: Home) -> tuple[str, str]:
    values = dotenv_values(home.settings.env_file)
    port = values.get("NOTEBOOKS_PORT") or "8889"
    return f"http://127.0.0.1:{port}", str(values["NOTEBOOKS_TOKEN"])


def test_notebooks_answer_to_their_token_alone(home: Home) -> None:
    address, token = notebooks(home)
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        assert client.get("/api/contents").status_code == 403
        assert client.get("/api/contents", headers={"Authorization": "token x"}).status_code == 403
        answer = client.get("/api/contents", headers={"Authorization": f"token {token}"})
    names = {item["name"] for item in answer.json()["content"]}
    assert {"customer_metrics.ipynb", "flight_query.py"} <= names


def test_the_flight_example_answers_inside(home: Home) -> None:
    sql = "SELECT COUNT(*) AS orders, SUM(lifetime_value) AS money FROM gold.customer_metrics"
    (here,) = Dremio(read_settings(home.folder)).sql(sql)
    script = (
        "import flight_query as f; d = f.query('''" + sql + "'''); print(d.orders[0], d.money[0])"
    )
    password = "$(cat /run/secrets/admin_password)"
    inside = f'ADMIN_PASSWORD="{password}" exec python -c "{script}"'
    orders, money = compose(home, "exec", "-T", "notebooks", "sh", "-c", inside).split()
    assert (int(orders), Decimal(money)) == (here["orders"], Decimal(str(here["money"])))


def test_the_notebook_runs_from_top_to_bottom(home: Home) -> None:
    secrets = "ADMIN_PASSWORD=$(cat /run/secrets/admin_password)"
    run = "jupyter nbconvert --to notebook --execute --stdout customer_metrics.ipynb"
    text = compose(home, "exec", "-T", "notebooks", "sh", "-c", f"{secrets} exec {run}")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["execution_count"] for cell in cells)
    assert any(cell["outputs"] for cell in cells)
