"""What `up` ends with: the hops and whether they agree, the links, the user, the command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from bootstrap.output import plain_table, results_console
from bootstrap.reconcile import Flow
from bootstrap.up import Outcome
from services.common.settings import Settings
from services.common.targets import metrics_pages


def print_summary(outcome: Outcome, settings: Settings) -> None:
    """Print the summary to standard output."""
    console = results_console()
    console.print(flows_table(outcome.flows))
    for name, address in links(settings).items():
        console.print(f"  {name:<12} {address}", soft_wrap=True)
    console.print(
        f"  user         {settings.admin_user}, password: ADMIN_PASSWORD in {settings.env_file}",
        soft_wrap=True,
    )
    command = Path(sys.executable).with_name("lakelet")
    console.print(f"  commands     make help, {command} --help", soft_wrap=True)


def flows_table(flows: Sequence[Flow]) -> Table:
    """Return a table with a row for each flow: rows, and money, at each hop; the verdict last."""
    names = list(dict.fromkeys(hop.name for flow in flows for hop in flow.hops))
    table = plain_table("", *names, "")
    for flow in flows:
        hops = {hop.name: hop for hop in flow.hops}
        verdict = "[green]agree[/green]" if flow.agrees else "[red]DISAGREE[/red]"
        rows = [f"{hops[n].rows:,}" if n in hops else "" for n in names]
        table.add_row(f"{flow.name}: rows", *rows, verdict)
        if any(hop.money is not None for hop in flow.hops):
            money = [_money(hops[n].money) if n in hops else "" for n in names]
            table.add_row(f"{flow.name}: money", *money, verdict)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def links(settings: Settings) -> dict[str, str]:
    """Return where everything answers, by name."""
    dashboard = f"{settings.superset_url}/superset/dashboard/customer-analytics/"
    watching = (
        {"Prometheus": settings.prometheus_url, "Alertmanager": settings.alertmanager_url}
        if settings.monitoring == "on"
        else {"metrics": metrics_pages(settings)["exporter"].geturl()}
    )
    return {
        "dashboard": dashboard,
        "Superset": settings.superset_url,
        "Dremio": f"{settings.dremio_url} (REST), {settings.flight_uri} (Arrow Flight)",
        "Airbyte": f"{settings.airbyte_url}/api/v1",
        "S3": f"http://{settings.s3_endpoint}",
        "Iceberg": settings.iceberg_uri,
        "PostgreSQL": f"{settings.postgres_host}:{settings.postgres_port}",
        "logs": f"{settings.elasticsearch_url} (Elasticsearch)",
        **watching,
    }


def _money(amount: object) -> str:
    return "" if amount is None else f"{amount:,}"
