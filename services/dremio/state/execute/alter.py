"""ALTER TABLE: columns and metadata; USE; options of sessions and of the system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.statements import (
    AlterColumns,
    AlterMetadata,
    RefreshStatus,
    SetOption,
    Use,
)
from services.dremio.state import types
from services.dremio.state.catalog.catalog import Table
from services.dremio.state.errors import DremioError, validation
from services.dremio.state.execute.modify import writable
from services.dremio.state.execute.run import Result, Run, ok
from services.dremio.state.execute.transaction import retried
from services.dremio.state.lake.iceberg import iceberg_type, open_table, translated
from services.dremio.state.sources.nas import NasSource
from services.dremio.state.sources.s3 import S3Source

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

# Iceberg's rules for changing a column's type: only these widen without rewriting data.
_WIDER = {("int32", "int64"), ("float", "double")}


def alter_columns(run: Run, statement: AlterColumns) -> Result:
    """Add, drop, rename or widen columns in one commit. Raises DremioError.

    The commit is PyIceberg's: DuckDB numbers a new schema by the current one's number, which
    the catalog refuses where an earlier schema has that number.
    """
    table = writable(run, statement.path)
    with run.core.writing(table.path):
        return retried(run, lambda: _altered(run, statement, table))


def _altered(run: Run, statement: AlterColumns, target: Table) -> Result:
    with translated():
        table = open_table(target.lake, target.place)
        schema = run.core.catalog.schema_of(target)
        existing = {field.name.lower(): field.name for field in schema}
        with table.update_schema() as update:
            if statement.add:
                for column in statement.add:
                    if column.name.lower() in existing:
                        raise validation(f"Column [{column.name.upper()}] already in the table.")
                    existing[column.name.lower()] = column.name
                    update.add_column((column.name,), iceberg_type(_type(run, column)))
                told = "New columns added."
            elif statement.drop:
                dropped = _existing(existing, statement.drop[0])
                if len(existing) == 1:
                    raise validation("Cannot drop all columns of a table")
                _unused(table, dropped)
                update.delete_column((dropped,))
                told = f"Column [{statement.drop[0]}] dropped"
            else:
                old, definition = statement.change[0]
                current = _existing(existing, old)
                before = schema.field(current).type
                after = _type(run, definition)
                if before != after:
                    _check_wider(current, before, after)
                    update.update_column((current,), iceberg_type(after))
                if definition.name != current:
                    taken = existing.get(definition.name.lower())
                    if taken is not None and taken != current:
                        raise validation(f"Column [{definition.name}] already present in table.")
                    update.rename_column((current,), definition.name)
                told = f"Column [{old}] modified"
        target.lake.changed()
    return ok(told)


def alter_metadata(run: Run, statement: AlterMetadata) -> Result:
    """Forget what was listed of a table's source. Tables are read fresh by every statement."""
    path = run.path_of(statement.path)
    source = run.core.catalog.source(path)
    if source is None:
        raise validation(f"[{'.'.join(path)}] is a VIEW, not a table")
    opened = run.core.sources.of(source)
    opened.refresh(path[1:])
    dotted = ".".join(path)
    if statement.action == "FORGET" and isinstance(opened, S3Source | NasSource):
        opened.promoted.forget(path[1:])
    if statement.action == "FORGET":
        return ok(f"Successfully removed table '{dotted}' from namespace.")
    return ok(f"Metadata for table '{dotted}' refreshed.")


def refresh_status(run: Run, statement: RefreshStatus) -> Result:
    """Look whether a source answers. Raises DremioError when there is none of the name."""
    source = run.core.entities.get(statement.path)
    if source is None or source.kind != "SOURCE":
        raise validation(f"Source [{'.'.join(statement.path)}] not found")
    state = "Healthy"
    try:
        run.core.sources.of(source).children(())
    except DremioError as error:
        state = f"Unhealthy: {error}"
    return ok(f"Successfully refreshed status for source '{source.name}'. New status is: {state}")


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
    """Set or reset an option of this session or of the system. Raises DremioError."""
    options, session = run.core.options, run.session
    if statement.value is None and statement.name.upper() == "ALL":
        if not statement.system:
            session.options.clear()
        for name in options.changed if statement.system else ():
            options.set(name, None, session.user.name)
        return ok("ALL updated.")
    if statement.system:
        options.set(statement.name, statement.value, session.user.name)
        return ok(f"{statement.name} updated.")
    name, value = options.checked_for_session(statement.name, statement.value)
    if value is None:
        session.options.pop(name, None)
    else:
        session.options[name] = value
    return ok(f"{name} updated.")


def _existing(existing: dict[str, str], name: str) -> str:
    found = existing.get(name.lower())
    if found is None:
        raise validation(f"Column [{name}] is not present in table.")
    return found


def _type(run: Run, column: exp.ColumnDef) -> pa.DataType:
    """Return the type of a column's definition as tables keep it. Raises DremioError."""
    kind = column.args["kind"].sql("duckdb")
    return run.shape(f"SELECT CAST(NULL AS {kind}) AS c").field(0).type


def _unused(table: IcebergTable, column: str) -> None:
    """Check that no partition field is made of a column. Raises DremioError."""
    source = table.schema().find_field(column).field_id
    if any(field.source_id == source for field in table.spec().fields):
        raise validation(f"Cannot drop column [{column}]: the table is partitioned by it")


def _check_wider(column: str, before: pa.DataType, after: pa.DataType) -> None:
    """Check Iceberg's rules: only these changes need no rewriting of data. Raises DremioError."""
    if (str(before), str(after)) in _WIDER:
        return
    decimals = pa.types.is_decimal(before) and pa.types.is_decimal(after)
    if decimals and before.scale == after.scale and after.precision >= before.precision:
        return
    raise validation(
        f"Cannot change data type of column [{column}] from "
        f"{types.information_name(before)} to {types.information_name(after)}"
    )
