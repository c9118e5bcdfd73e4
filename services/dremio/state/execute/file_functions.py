"""TABLE_FILES, TABLE_MANIFESTS and TABLE_PARTITIONS: what a table's current snapshot is made of.

The columns are those of IcebergMetadataFunctionsSchema in Dremio's source.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from services.dremio.sql.statements import Path
from services.dremio.state.errors import validation
from services.dremio.state.execute.modify import writable
from services.dremio.state.execute.run import Run
from services.dremio.state.lake.iceberg import open_table, translated

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import Table

_BY_COLUMN = pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))
_SUMMARIES = pa.list_(
    pa.struct(
        [
            ("contains_null", pa.bool_()),
            ("contains_nan", pa.bool_()),
            ("lower_bound", pa.string()),
            ("upper_bound", pa.string()),
        ]
    )
)
_COUNTS = (
    "added_data_files_count",
    "existing_data_files_count",
    "deleted_data_files_count",
    "added_delete_files_count",
    "existing_delete_files_count",
    "deleted_delete_files_count",
)
FILES = {
    "table_files": pa.schema(
        [
            ("content", pa.string()),
            ("file_path", pa.string()),
            ("file_format", pa.string()),
            ("partition", pa.string()),
            ("record_count", pa.int64()),
            ("file_size_in_bytes", pa.int64()),
            ("column_sizes", _BY_COLUMN),
            ("value_counts", _BY_COLUMN),
            ("null_value_counts", _BY_COLUMN),
            ("nan_value_counts", _BY_COLUMN),
            ("lower_bounds", _BY_COLUMN),
            ("upper_bounds", _BY_COLUMN),
            ("split_offsets", pa.list_(pa.int64())),
            ("equality_ids", pa.list_(pa.int32())),
            ("sort_order_id", pa.int32()),
            ("spec_id", pa.int32()),
        ]
    ),
    "table_manifests": pa.schema(
        [
            ("content", pa.int32()),
            ("path", pa.string()),
            ("length", pa.int64()),
            ("partition_spec_id", pa.int32()),
            ("added_snapshot_id", pa.int64()),
            *((name, pa.int32()) for name in _COUNTS),
            ("partition_summaries", _SUMMARIES),
        ]
    ),
    "table_partitions": pa.schema(
        [
            ("partition", pa.string()),
            ("record_count", pa.int64()),
            ("file_count", pa.int32()),
            ("spec_id", pa.int32()),
        ]
    ),
}
_CONTENTS = ("DATA", "POSITION_DELETES", "EQUALITY_DELETES")


def files(run: Run, function: str, path: Path) -> pa.Table:
    """Return the rows of a table function on the table at `path`. Raises DremioError."""
    target = writable(run, path)
    with translated():
        table = open_table(target.lake, target.place)
        if function == "table_partitions" and not any(s.fields for s in table.specs().values()):
            raise validation(f"Table {'.'.join(path)} is not partitioned.")
        snapshot = table.current_snapshot()
        manifests = snapshot.manifests(table.io) if snapshot else []
        found = _MAKERS[function](table, manifests)
    return pa.Table.from_pylist(found, schema=FILES[function])


def _live(table: Table, manifests: list[ManifestFile]) -> list[DataFile]:
    return [
        entry.data_file
        for manifest in manifests
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    ]


def _files(table: Table, manifests: list[ManifestFile]) -> list[dict[str, Any]]:
    return [
        {
            "content": _CONTENTS[int(file.content)],
            "file_path": file.file_path,
            "file_format": str(file.file_format.value),
            "partition": _partition(table, file),
            "record_count": file.record_count,
            "file_size_in_bytes": file.file_size_in_bytes,
            "column_sizes": _pairs(file.column_sizes),
            "value_counts": _pairs(file.value_counts),
            "null_value_counts": _pairs(file.null_value_counts),
            "nan_value_counts": _pairs(file.nan_value_counts),
            "lower_bounds": _bounds(table, file.lower_bounds),
            "upper_bounds": _bounds(table, file.upper_bounds),
            "split_offsets": file.split_offsets,
            "equality_ids": file.equality_ids,
            "sort_order_id": file.sort_order_id,
            "spec_id": file.spec_id,
        }
        for file in _live(table, manifests)
    ]


def _manifests(table: Table, manifests: list[ManifestFile]) -> list[dict[str, Any]]:
    found = []
    for manifest in manifests:
        kind = "delete" if int(manifest.content) else "data"
        counts = dict.fromkeys(_COUNTS, 0)
        for state in ("added", "existing", "deleted"):
            counts[f"{state}_{kind}_files_count"] = getattr(manifest, f"{state}_files_count") or 0
        found.append(
            {
                "content": int(manifest.content),
                "path": manifest.manifest_path,
                "length": manifest.manifest_length,
                "partition_spec_id": manifest.partition_spec_id,
                "added_snapshot_id": manifest.added_snapshot_id,
                **counts,
                "partition_summaries": _summaries(table, manifest),
            }
        )
    return found


def _partitions(table: Table, manifests: list[ManifestFile]) -> list[dict[str, Any]]:
    counts: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for file in _live(table, manifests):
        if int(file.content) == 0:
            count = counts[(_partition(table, file), file.spec_id)]
            count[0] += file.record_count
            count[1] += 1
    return [
        {"partition": name, "record_count": rows, "file_count": number, "spec_id": spec}
        for (name, spec), (rows, number) in sorted(counts.items())
    ]


def _partition(table: Table, file: DataFile) -> str:
    """Return a partition as Dremio prints it: `{day=2024-01-01, kind=a}`."""
    spec, schema = table.specs()[file.spec_id], table.schema()
    shown = []
    for at, field in enumerate(spec.fields):
        value = file.partition[at]
        text = field.transform.to_human_string(schema.find_type(field.source_id), value)
        plain = str(field.transform) == "identity"
        name = schema.find_column_name(field.source_id) if plain else field.name
        shown.append(f"{name}={text}")
    return "{" + ", ".join(shown) + "}"


def _summaries(table: Table, manifest: ManifestFile) -> list[dict[str, Any]]:
    from pyiceberg.conversions import from_bytes

    spec, schema = table.specs()[manifest.partition_spec_id], table.schema()
    found = []
    for field, summary in zip(spec.fields, manifest.partitions or [], strict=False):
        source = schema.find_type(field.source_id)
        kind: Any = field.transform.result_type(source)

        def shown(bound: bytes | None, field: Any = field, source: Any = source, kind: Any = kind):  # type: ignore[no-untyped-def]  # noqa: ANN202
            if bound is None:
                return None
            return field.transform.to_human_string(source, from_bytes(kind, bound))

        found.append(
            {
                "contains_null": summary.contains_null,
                "contains_nan": summary.contains_nan,
                "lower_bound": shown(summary.lower_bound),
                "upper_bound": shown(summary.upper_bound),
            }
        )
    return found


def _pairs(values: dict[int, int] | None) -> list[dict[str, str]]:
    return [{"key": str(k), "value": str(v)} for k, v in (values or {}).items()]


def _bounds(table: Table, bounds: dict[int, bytes] | None) -> list[dict[str, str]]:
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import PrimitiveType

    found = []
    for field_id, bound in (bounds or {}).items():
        try:
            kind = table.schema().find_type(field_id)
        except ValueError:
            continue  # the column is gone, or it is one of a delete file's own
        if isinstance(kind, PrimitiveType):
            found.append({"key": str(field_id), "value": str(from_bytes(kind, bound))})
    return found


_MAKERS = {"table_files": _files, "table_manifests": _manifests, "table_partitions": _partitions}
