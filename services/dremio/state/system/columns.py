"""The columns of INFORMATION_SCHEMA's and sys' tables, as Dremio has them."""

from __future__ import annotations

import pyarrow as pa

from services.dremio.state.system import job_columns

_TEXT, _INT, _BIG, _BOOL, _TIME = (
    pa.string(),
    pa.int32(),
    pa.int64(),
    pa.bool_(),
    pa.timestamp("ms"),
)
_TABLE = [("TABLE_CATALOG", _TEXT), ("TABLE_SCHEMA", _TEXT), ("TABLE_NAME", _TEXT)]

_POLICIES = [("masking_policies", _TEXT), ("row_access_policies", _TEXT)]
_OWNER = [("owner_id", _TEXT), ("owner_type", _TEXT)]
_TABLES = pa.schema(
    [
        ("table_id", _TEXT),
        ("source_id", _TEXT),
        ("table_name", _TEXT),
        ("schema_id", _TEXT),
        ("path", _TEXT),
        ("tag", _TEXT),
        ("type", _TEXT),
        ("format_type", _TEXT),
        ("approx_statistics_allowed", pa.bool_()),
        ("created", _TIME),
        *_OWNER,
        *_POLICIES,
        ("clustering_keys", _TEXT),
    ]
)
_VIEWS = pa.schema(
    [
        ("view_id", _TEXT),
        ("space_id", _TEXT),
        ("view_name", _TEXT),
        ("schema_id", _TEXT),
        ("path", _TEXT),
        ("tag", _TEXT),
        ("type", _TEXT),
        ("created", _TIME),
        ("sql_definition", _TEXT),
        ("sql_context", _TEXT),
        *_OWNER,
        *_POLICIES,
    ]
)

SCHEMAS: dict[str, dict[str, pa.Schema]] = {
    "INFORMATION_SCHEMA": {
        "CATALOGS": pa.schema(
            [("CATALOG_NAME", _TEXT), ("CATALOG_DESCRIPTION", _TEXT), ("CATALOG_CONNECT", _TEXT)]
        ),
        "SCHEMATA": pa.schema(
            [
                ("CATALOG_NAME", _TEXT),
                ("SCHEMA_NAME", _TEXT),
                ("SCHEMA_OWNER", _TEXT),
                ("TYPE", _TEXT),
                ("IS_MUTABLE", _TEXT),
            ]
        ),
        "TABLES": pa.schema([*_TABLE, ("TABLE_TYPE", _TEXT)]),
        "VIEWS": pa.schema([*_TABLE, ("VIEW_DEFINITION", _TEXT)]),
        "COLUMNS": pa.schema(
            [
                *_TABLE,
                ("COLUMN_NAME", _TEXT),
                ("ORDINAL_POSITION", _INT),
                ("COLUMN_DEFAULT", _TEXT),
                ("IS_NULLABLE", _TEXT),
                ("DATA_TYPE", _TEXT),
                ("COLUMN_SIZE", _INT),
                ("CHARACTER_MAXIMUM_LENGTH", _INT),
                ("CHARACTER_OCTET_LENGTH", _INT),
                ("NUMERIC_PRECISION", _INT),
                ("NUMERIC_PRECISION_RADIX", _INT),
                ("NUMERIC_SCALE", _INT),
                ("DATETIME_PRECISION", _INT),
                ("INTERVAL_TYPE", _INT),
                ("INTERVAL_PRECISION", _INT),
            ]
        ),
    },
    "sys": {
        "version": pa.schema(
            [
                ("version", _TEXT),
                ("commit_id", _TEXT),
                ("commit_message", _TEXT),
                ("commit_time", _TEXT),
                ("build_email", _TEXT),
                ("build_time", _TEXT),
            ]
        ),
        "jobs": job_columns.JOBS,
        "jobs_recent": job_columns.JOBS_RECENT,
        "views": _VIEWS,
        "tables": _TABLES,
        "reflections": pa.schema(
            [
                ("reflection_id", _TEXT),
                ("reflection_name", _TEXT),
                ("type", _TEXT),
                ("created_at", _TIME),
                ("updated_at", _TIME),
                ("status", _TEXT),
                ("dataset_id", _TEXT),
                ("dataset_name", _TEXT),
                ("dataset_type", _TEXT),
                ("sort_columns", _TEXT),
                ("partition_columns", _TEXT),
                ("distribution_columns", _TEXT),
                ("dimensions", _TEXT),
                ("measures", _TEXT),
                ("display_columns", _TEXT),
                ("external_reflection", _TEXT),
                ("num_failures", _INT),
                ("last_failure_message", _TEXT),
                ("last_failure_stack", _TEXT),
                ("arrow_cache", _BOOL),
                ("refresh_status", _TEXT),
                ("acceleration_status", _TEXT),
                ("record_count", _BIG),
                ("current_footprint_bytes", _BIG),
                ("total_footprint_bytes", _BIG),
                ("last_refresh_duration_millis", _BIG),
                ("last_refresh_from_table", _TIME),
                ("refresh_method", _TEXT),
                ("available_until", _TIME),
                ("considered_count", _INT),
                ("matched_count", _INT),
                ("accelerated_count", _INT),
                ("reflection_mode", _TEXT),
                ("last_refresh_decision", _TEXT),
                ("last_refresh_finished", _TIME),
            ]
        ),
        "materializations": pa.schema(
            [
                ("reflection_id", _TEXT),
                ("materialization_id", _TEXT),
                ("created", _TIME),
                ("expires", _TIME),
                ("size_bytes", _BIG),
                ("series_id", _BIG),
                ("init_refresh_job_id", _TEXT),
                ("series_ordinal", _INT),
                ("join_analysis", _TEXT),
                ("state", _TEXT),
                ("failure_msg", _TEXT),
                ("data_partitions", _TEXT),
                ("last_refresh_from_pds", _TIME),
                ("last_refresh_finished", _TIME),
                ("last_refresh_duration_millis", _BIG),
                ("refresh_decision", _TEXT),
                ("is_stale", _BOOL),
            ]
        ),
        "reflection_dependencies": pa.schema(
            [
                ("reflection_id", _TEXT),
                ("dependency_id", _TEXT),
                ("dependency_type", _TEXT),
                ("dependency_path", _TEXT),
            ]
        ),
        "privileges": pa.schema(
            [
                ("grantee_id", _TEXT),
                ("grantee_type", _TEXT),
                ("privilege", _TEXT),
                ("object_id", _TEXT),
                ("object_type", _TEXT),
            ]
        ),
        "audit": pa.schema(
            [
                ("event_id", _BIG),
                ("event_ts", _TIME),
                ("user_name", _TEXT),
                ("event_type", _TEXT),
                ("action", _TEXT),
                ("objects", _TEXT),
                ("outcome", _TEXT),
                ("error_msg", _TEXT),
                ("job_id", _TEXT),
                ("client", _TEXT),
            ]
        ),
        "policies": pa.schema(
            [
                ("dataset", _TEXT),
                ("policy_type", _TEXT),
                ("column_name", _TEXT),
                ("function_name", _TEXT),
                ("arguments", _TEXT),
            ]
        ),
        "roles": pa.schema(
            [
                ("role_id", _TEXT),
                ("role_name", _TEXT),
                ("role_type", _TEXT),
                ("owner_id", _TEXT),
                ("owner_type", _TEXT),
                ("created_by", _TEXT),
            ]
        ),
        "membership": pa.schema(
            [("role_name", _TEXT), ("member_name", _TEXT), ("member_type", _TEXT)]
        ),
        "options": pa.schema(
            [
                ("name", _TEXT),
                ("kind", _TEXT),
                ("type", _TEXT),
                ("status", _TEXT),
                ("num_val", pa.int64()),
                ("string_val", _TEXT),
                ("bool_val", pa.bool_()),
                ("float_val", pa.float64()),
            ]
        ),
        "users": pa.schema(
            [
                ("user_id", _TEXT),
                ("user_name", _TEXT),
                ("first_name", _TEXT),
                ("last_name", _TEXT),
                ("status", _TEXT),
                ("user_type", _TEXT),
                ("created", _TIME),
                ("owner_id", _TEXT),
                ("owner_type", _TEXT),
                ("created_by", _TEXT),
            ]
        ),
        "copy_errors_history": pa.schema(
            [
                ("executed_at", _TIME),
                ("job_id", _TEXT),
                ("table_name", _TEXT),
                ("user_name", _TEXT),
                ("base_snapshot_id", _BIG),
                ("storage_location", _TEXT),
                ("file_path", _TEXT),
                ("file_state", _TEXT),
                ("records_loaded_count", _BIG),
                ("records_rejected_count", _BIG),
            ]
        ),
        "table_statistics": pa.schema(
            [
                ("table", _TEXT),
                ("column", _TEXT),
                ("created_at", _TIME),
                ("number_of_distinct_values", _BIG),
                ("row_count", _BIG),
                ("null_count", _BIG),
                ("quantiles", _TEXT),
                ("heavy_hitters", _TEXT),
            ]
        ),
        "timezone_abbrevs": pa.schema(
            [
                ("timezone_abbrev", _TEXT),
                ("tz_offset", _TEXT),
                ("is_daylight_savings", _BOOL),
            ]
        ),
        "timezone_names": pa.schema(
            [
                ("timezone_name", _TEXT),
                ("tz_offset", _TEXT),
                ("offset_daylight_savings", _TEXT),
                ("is_daylight_savings", _BOOL),
            ]
        ),
        "user_defined_functions": pa.schema(
            [
                ("argList", _TEXT),
                ("name", _TEXT),
                ("sql", _TEXT),
                ("returnType", _TEXT),
                ("createdAt", _TIME),
                ("modifiedAt", _TIME),
            ]
        ),
        "memory": pa.schema(
            [
                ("hostname", _TEXT),
                ("heap_current", _BIG),
                ("heap_max", _BIG),
                ("direct_current", _BIG),
                ("direct_max", _BIG),
            ]
        ),
    },
}
_FOLDED = {
    (schema.lower(), table.lower()): columns
    for schema, tables in SCHEMAS.items()
    for table, columns in tables.items()
}


def of(path: tuple[str, ...]) -> pa.Schema | None:
    """Return the columns of the system table at `path` (in any case), None when it is none."""
    return _FOLDED.get((path[0].lower(), path[1].lower())) if len(path) == 2 else None


def names(schema: str) -> list[str]:
    """Return the names of a system schema's tables."""
    return list(SCHEMAS[schema])
