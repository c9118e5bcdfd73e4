"""Streams that would be written to one table: refused, as each would replace the other's rows.

Another connection's is Airbyte's problem `error:connection-conflicting-destination-stream`; what
counts here is the table itself, whichever namespace, prefix and spelling lead to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from services.airbyte.cdk.changes import name_of
from services.airbyte.cdk.naming import Name, shared, table_name
from services.airbyte.handlers.errors import InvalidInputError, ProblemError
from services.airbyte.state.records import Actor, Connection, Json

# What a stream's table depends on.
FIELDS = frozenset({"catalog", "namespace_definition", "namespace_format", "prefix"})


def check_tables(fields: dict[str, Any], destination: Actor, others: Sequence[Connection]) -> None:
    """Refuse a connection whose streams share a table with each other or with `others`.

    `fields`: those of the connection (`FIELDS`); `others`: connections to the same destination.
    Raises InvalidInputError, or ProblemError naming the other connections.
    """
    own = list(_tables(fields, destination))
    if problem := shared(own):
        raise InvalidInputError(problem, [("syncCatalog", problem)])
    taken: dict[Name, list[Connection]] = {}
    for other in others:
        for _, table in _tables(vars(other), destination):
            taken.setdefault(table, []).append(other)
    found = [(stream, table) for stream, table in own if table in taken]
    if not found:
        return
    told = "; ".join(
        f"stream {name} would be written to table {'.'.join(table)}, which is written by"
        f" connection {', '.join(repr(one.name) for one in taken[table])}"
        for (_, name), table in found
    )
    items = [
        {
            "streamName": name,
            "streamNamespace": namespace or None,
            "connectionIds": [str(one.id) for one in taken[table]],
        }
        for (namespace, name), table in found
    ]
    raise ProblemError(
        f"{told}: set another namespace or prefix, deselect it, or delete that connection",
        kind="error:connection-conflicting-destination-stream",
        title="Conflicting destination stream",
        data={"streams": items},
    )


def _tables(
    fields: dict[str, Any], destination: Actor
) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Yield each selected stream of a connection and its table."""
    catalog_type: Json = destination.configuration.get("catalog_type") or {}
    for entry in fields["catalog"].get("streams", []):
        if (entry.get("config") or {}).get("selected", True):
            namespace, name = name_of(entry)
            table = table_name(
                namespace,
                name,
                default=catalog_type.get("namespace") or "bronze",
                definition=fields["namespace_definition"],
                namespace_format=fields["namespace_format"],
                prefix=fields["prefix"] or "",
            )
            yield (namespace, name), table
