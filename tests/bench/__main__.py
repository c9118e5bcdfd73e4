"""`make bench`: what the platform does, beside what the machine itself does in the same run."""

from __future__ import annotations

import os

from rich.console import Console

from tests.bench.changes import measure_changes, measure_speed_layer
from tests.bench.ingestion import measure_ingestion
from tests.bench.installing import measure_install
from tests.bench.logs import measure_logs
from tests.bench.platform import measure_platform
from tests.bench.reflections import measure_reflections
from tests.bench.report import Figure, measure, print_report

_ALL = {
    "install": ("the installation", measure_install),
    "logs": ("the log store with 500,000 lines", measure_logs),
    "platform": ("the platform with a million orders", measure_platform),
    "ingestion": ("syncs of one million and of ten million rows", measure_ingestion),
    "changes": ("changes from the logs of PostgreSQL and MariaDB", measure_changes),
    "speed": ("a change until it is in gold", measure_speed_layer),
    "reflections": ("reflections", measure_reflections),
}


def main() -> None:
    """Run the benchmarks that BENCH names (all when it is not set) and print their figures."""
    console = Console(width=160)
    wanted = os.environ.get("BENCH", ",".join(_ALL)).split(",")
    figures: list[Figure] = []
    for name in wanted:
        what, benchmark = _ALL[name]
        figures += measure(console, what, benchmark)
    print_report(console, figures)


if __name__ == "__main__":
    main()
