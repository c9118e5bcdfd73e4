"""`python -m services.exporter.page`: print the table of docs/metrics.md."""

from __future__ import annotations

from services.exporter.catalogue import SPECS


def table() -> str:
    """Return the catalogue as a Markdown table."""
    lines = ["| Metric | Kind | Labels | What | From |", "|---|---|---|---|---|"]
    for spec in SPECS:
        labels = ", ".join(f"`{label}`" for label in spec.labels)
        lines.append(f"| `{spec.name}` | {spec.kind} | {labels} | {spec.help} | {spec.source} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
