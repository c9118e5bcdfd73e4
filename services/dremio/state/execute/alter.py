"""ALTER TABLE: columns and metadata; USE; session options."""

from __future__ import annotations

import re

from services.dremio.sql.statements import AlterColumns, AlterMetadata, SetOption, Use
from services.dremio.state.database import quoted
from services.dremio.state.errors import validation
from services.dremio.state.execute.modify import name_of, writable
from services.dremio.state.execute.run import Result, Run, ok
from services.dremio.state.execute.transaction import retried

# Iceberg's rules for changing a column's type: only these widen without rewriting data.
_WIDER = {("INTEGER", "BIGINT"), ("FLOAT", "DOUBLE")}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def alter_columns(run: Run, statement: AlterColumns) -> Result:
    """Add, drop, rename or widen columns. Raises DremioError."""
    table = writable(run, statement.path)
    name = name_of(run, table)
    with run.core.writing(table.path):
        schema = run.core.catalog.schema_of(table)
        existing = {field.name.lower(): field.name for field in schema}
        if statement.add:
            for column in statement.add:
                if column.name.lower() in existing:
                    raise validation(f"Column [{column.name.upper()}] already in the table.")
                kind = column.args["kind"].sql("duckdb")
                sql = f"ALTER TABLE {name} ADD COLUMN {quoted(column.name)} {kind}"
                retried(run, lambda sql=sql: run.execute(sql))  # type: ignore[misc]
            return ok("New columns added.")
        if statement.drop:
            dropped = _existing(existing, statement.drop[0])
            if len(existing) == 1:
                raise validation("Cannot drop all columns of a table")
            retried(run, lambda: run.execute(f"ALTER TABLE {name} DROP COLUMN {quoted(dropped)}"))
            return ok(f"Column [{statement.drop[0]}] dropped")
        old, definition = statement.change[0]
        current = _existing(existing, old)
        _retype(run, name, current, definition.args["kind"].sql("duckdb"))
        if definition.name != current:
            if definition.name.lower() in existing and definition.name.lower() != current.lower():
                raise validation(f"Column [{definition.name}] already present in table.")
            sql = f"ALTER TABLE {name} RENAME COLUMN {quoted(current)} TO {quoted(definition.name)}"
            retried(run, lambda: run.execute(sql))
        return ok(f"Column [{old}] modified")


def alter_metadata(run: Run, statement: AlterMetadata) -> Result:
    """Forget what was listed of a table's source. Tables are read fresh by every statement."""
    path = run.path_of(statement.path)
    source = run.core.catalog.source(path)
    if source is None:
        raise validation(f"[{'.'.join(path)}] is a VIEW, not a table")
    run.core.sources.of(source).refresh(path[1:])
    dotted = ".".join(path)
    if statement.action == "FORGET":
        return ok(f"Successfully removed table '{dotted}' from namespace.")
    return ok(f"Metadata for table '{dotted}' refreshed.")


def use(run: Run, statement: Use) -> Result:
    """Set the session's context. Raises DremioError when nothing is there."""
    if run.core.catalog.root(statement.path) is None and statement.path[0].upper() not in (
        "INFORMATION_SCHEMA",
        "SYS",
    ):
        raise validation(
            f"Schema [{'.'.join(statement.path)}] is not valid with respect to the root"
        )
    run.session.context = statement.path
    return ok(f"Default schema changed to [{'.'.join(statement.path)}]")


def set_option(run: Run, statement: SetOption) -> Result:
    """Set or reset an option of this session; the engine has no option that changes results."""
    if statement.value is None:
        run.session.options.pop(statement.name, None)
    else:
        run.session.options[statement.name] = statement.value
    return ok(f"{statement.name} updated.")


def _existing(existing: dict[str, str], name: str) -> str:
    found = existing.get(name.lower())
    if found is None:
        raise validation(f"Column [{name}] is not present in table.")
    return found


def _retype(run: Run, table: str, column: str, wanted: str) -> None:
    relation = run.cursor.sql(f"SELECT {quoted(column)} FROM {table}")  # noqa: S608 - quoted
    current = str(relation.types[0])
    plain = {"INT": "INTEGER", "TEXT": "VARCHAR", "REAL": "FLOAT"}
    target = plain.get(re.sub(r"^(TEXT|VARCHAR)\(.*\)", "VARCHAR", wanted), wanted)
    target = "VARCHAR" if target.startswith(("TEXT", "VARCHAR")) else target
    if target == current:
        return
    if (current, target) not in _WIDER and not _wider_decimal(current, target):
        raise validation(f"Cannot change data type of column [{column}] from {current} to {target}")
    sql = f"ALTER TABLE {table} ALTER COLUMN {quoted(column)} TYPE {target}"
    retried(run, lambda: run.execute(sql))


def _wider_decimal(current: str, target: str) -> bool:
    before, after = _DECIMAL.fullmatch(current), _DECIMAL.fullmatch(target)
    return bool(before and after and before[2] == after[2] and int(after[1]) >= int(before[1]))
