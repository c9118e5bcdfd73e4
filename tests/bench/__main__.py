"""`make bench`: what the platform does, beside what the machine itself does in the same run."""

from __future__ import annotations

from rich.console import Console

from tests.bench.installing import measure_install
from tests.bench.logs import measure_logs
from tests.bench.platform import measure_platform
from tests.bench.reflections import measure_reflections
from tests.bench.report import measure, print_report


def main() -> None:
    """Run all benchmarks and print their figures."""
    console = Console(width=160)
    figures = [
        *measure(console, "the installation", measure_install),
        *measure(console, "the log store with 500,000 lines", measure_logs),
        *measure(console, "the platform with a million orders", measure_platform),
        *measure(console, "reflections", measure_reflections),
    ]
    print_report(console, figures)


if __name__ == "__main__":
    main()
