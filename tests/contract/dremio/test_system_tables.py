"""INFORMATION_SCHEMA and sys over Flight: the columns and types of Dremio's reference, and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from tests.support.dremio import Dremio, JobFailed
from tests.support.flight import read
from tests.support.people import Person, refused
from tests.support.platform import Home

# Table → `column:type` as Dremio's SQL reference (release 26) lists them. The order of columns is
# the one of its example rows where it prints them; only names and types are compared here.
REFERENCE = {
    'INFORMATION_SCHEMA."CATALOGS"': (
        "CATALOG_NAME:varchar CATALOG_DESCRIPTION:varchar CATALOG_CONNECT:varchar"
    ),
    'INFORMATION_SCHEMA."COLUMNS"': (
        "TABLE_CATALOG:varchar TABLE_SCHEMA:varchar TABLE_NAME:varchar COLUMN_NAME:varchar "
        "ORDINAL_POSITION:integer COLUMN_DEFAULT:varchar IS_NULLABLE:varchar "
        "DATA_TYPE:varchar COLUMN_SIZE:integer CHARACTER_MAXIMUM_LENGTH:integer "
        "CHARACTER_OCTET_LENGTH:integer NUMERIC_PRECISION:integer "
        "NUMERIC_PRECISION_RADIX:integer NUMERIC_SCALE:integer DATETIME_PRECISION:integer "
        "INTERVAL_TYPE:integer INTERVAL_PRECISION:integer"
    ),
    'INFORMATION_SCHEMA."SCHEMATA"': (
        "CATALOG_NAME:varchar SCHEMA_NAME:varchar SCHEMA_OWNER:varchar TYPE:varchar "
        "IS_MUTABLE:varchar"
    ),
    'INFORMATION_SCHEMA."TABLES"': (
        "TABLE_CATALOG:varchar TABLE_SCHEMA:varchar TABLE_NAME:varchar TABLE_TYPE:varchar"
    ),
    'INFORMATION_SCHEMA."VIEWS"': (
        "TABLE_CATALOG:varchar TABLE_SCHEMA:varchar TABLE_NAME:varchar VIEW_DEFINITION:varchar"
    ),
    'sys."copy_errors_history"': (
        "executed_at:timestamp job_id:varchar table_name:varchar user_name:varchar "
        "base_snapshot_id:bigint storage_location:varchar file_path:varchar "
        "file_state:varchar records_loaded_count:bigint records_rejected_count:bigint"
    ),
    'sys."jobs_recent"': (
        "job_id:varchar status:varchar query_type:varchar user_name:varchar "
        "queried_datasets:[varchar] scanned_datasets:[varchar] attempt_count:integer "
        "submitted_ts:timestamp attempt_started_ts:timestamp metadata_retrieval_ts:timestamp "
        "planning_start_ts:timestamp query_enqueued_ts:timestamp engine_start_ts:timestamp "
        "execution_planning_ts:timestamp execution_start_ts:timestamp "
        "final_state_ts:timestamp submitted_epoch_millis:bigint "
        "attempt_started_epoch_millis:bigint metadata_retrieval_epoch_millis:bigint "
        "planning_start_epoch_millis:bigint query_enqueued_epoch_millis:bigint "
        "engine_start_epoch_millis:bigint execution_planning_epoch_millis:bigint "
        "execution_start_epoch_millis:bigint final_state_epoch_millis:bigint "
        "planner_estimated_cost:double rows_scanned:bigint bytes_scanned:bigint "
        "rows_returned:bigint bytes_returned:bigint accelerated:boolean queue_name:varchar "
        "engine:varchar error_msg:varchar query:varchar is_profile_incomplete:boolean "
        "execution_allocated_bytes:bigint execution_cpu_time_millis:bigint query_cost:double "
        "memory_allocated:bigint setup_time_ns:bigint wait_time_ns:bigint "
        "execution_cpu_time_ns:bigint context:varchar rule_name:varchar rule_content:varchar "
        "rule_action:varchar"
    ),
    'sys."jobs"': (
        "job_id:varchar status:varchar query_type:varchar user_name:varchar "
        "queried_datasets:[varchar] scanned_datasets:[varchar] attempt_count:integer "
        "submitted_ts:timestamp attempt_started_ts:timestamp metadata_retrieval_ts:timestamp "
        "planning_start_ts:timestamp query_enqueued_ts:timestamp engine_start_ts:timestamp "
        "execution_planning_ts:timestamp execution_start_ts:timestamp "
        "final_state_ts:timestamp submitted_epoch_millis:bigint "
        "attempt_started_epoch_millis:bigint metadata_retrieval_epoch_millis:bigint "
        "planning_start_epoch_millis:bigint query_enqueued_epoch_millis:bigint "
        "engine_start_epoch_millis:bigint execution_planning_epoch_millis:bigint "
        "execution_start_epoch_millis:bigint final_state_epoch_millis:bigint "
        "planner_estimated_cost:double rows_scanned:bigint bytes_scanned:bigint "
        "rows_returned:bigint bytes_returned:bigint accelerated:boolean queue_name:varchar "
        "engine:varchar error_msg:varchar query:varchar is_profile_incomplete:boolean "
        "execution_allocated_bytes:bigint execution_cpu_time_millis:bigint rule_name:varchar "
        "rule_content:varchar rule_action:varchar"
    ),
    'sys."materializations"': (
        "reflection_id:varchar materialization_id:varchar created:timestamp expires:timestamp "
        "size_bytes:bigint series_id:bigint init_refresh_job_id:varchar "
        "series_ordinal:integer join_analysis:varchar state:varchar failure_msg:varchar "
        "data_partitions:varchar last_refresh_from_pds:timestamp "
        "last_refresh_finished:timestamp last_refresh_duration_millis:bigint "
        "refresh_decision:varchar is_stale:boolean"
    ),
    'sys."membership"': ("role_name:varchar member_name:varchar member_type:varchar"),
    'sys."privileges"': (
        "grantee_id:varchar grantee_type:varchar privilege:varchar object_id:varchar "
        "object_type:varchar"
    ),
    'sys."reflection_dependencies"': (
        "reflection_id:varchar dependency_id:varchar dependency_type:varchar "
        "dependency_path:varchar"
    ),
    'sys."reflections"': (
        "accelerated_count:integer acceleration_status:varchar available_until:timestamp "
        "considered_count:integer created_at:timestamp current_footprint_bytes:bigint "
        "dataset_id:varchar dataset_name:varchar dataset_type:varchar dimensions:varchar "
        "display_columns:varchar distribution_columns:varchar external_Reflection:varchar "
        "last_failure_message:varchar last_failure_stack:varchar "
        "last_refresh_duration_millis:bigint last_refresh_from_table:timestamp "
        "matched_count:integer measures:varchar num_failures:integer "
        "partition_columns:varchar record_count:bigint reflection_id:varchar "
        "reflection_mode:varchar reflection_name:varchar refresh_method:varchar "
        "refresh_status:varchar sort_columns:varchar status:varchar "
        "total_footprint_bytes:bigint type:varchar updated_at:timestamp "
        "last_refresh_decision:varchar last_refresh_finished:timestamp"
    ),
    'sys."roles"': (
        "role_id:varchar role_name:varchar role_type:varchar owner_id:varchar "
        "owner_type:varchar created_by:varchar"
    ),
    'sys."tables"': (
        "table_id:varchar source_id:varchar table_name:varchar schema_id:varchar path:varchar "
        "tag:varchar type:varchar format_type:varchar approx_statistics_allowed:boolean "
        "created:timestamp owner_id:varchar owner_type:varchar masking_policies:varchar "
        "row_access_policies:varchar clustering_keys:varchar"
    ),
    'sys."timezone_abbrevs"': (
        "timezone_abbrev:varchar tz_offset:varchar is_daylight_savings:boolean"
    ),
    'sys."timezone_names"': (
        "timezone_name:varchar tz_offset:varchar offset_daylight_savings:varchar "
        "is_daylight_savings:boolean"
    ),
    'sys."user_defined_functions"': (
        "argList:varchar name:varchar sql:varchar returnType:varchar createdAt:timestamp "
        "modifiedAt:timestamp"
    ),
    'sys."users"': (
        "user_id:varchar user_name:varchar first_name:varchar last_name:varchar "
        "status:varchar user_type:varchar created:timestamp owner_id:varchar "
        "owner_type:varchar created_by:varchar"
    ),
    'sys."version"': (
        "version:varchar commit_id:varchar commit_message:varchar commit_time:varchar "
        "build_email:varchar build_time:varchar"
    ),
    'sys."views"': (
        "view_id:varchar space_id:varchar view_name:varchar schema_id:varchar path:varchar "
        "tag:varchar type:varchar created:timestamp sql_definition:varchar "
        "sql_context:varchar owner_id:varchar owner_type:varchar masking_policies:varchar "
        "row_access_policies:varchar"
    ),
}

_TYPES = {
    "varchar": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("ms"),
    "[varchar]": pa.list_(pa.string()),
}


@pytest.fixture(scope="module")
def told(dremio: Dremio) -> Iterator[Dremio]:
    """A table with a property, and a view on it."""
    dremio.query("CREATE SPACE told")
    dremio.query(
        "CREATE TABLE gold.told (k INT, name VARCHAR, amount DECIMAL(12, 2), at TIMESTAMP)"
    )
    dremio.query("CREATE VIEW told.seen AS SELECT k FROM gold.told")
    yield dremio
    dremio.query("DROP TABLE gold.told")
    dremio.query("DROP SPACE told")


@pytest.mark.parametrize("table", REFERENCE)
def test_columns_and_types_are_the_references(engine_home: Home, table: str) -> None:
    listed = dict(column.split(":") for column in REFERENCE[table].split())
    schema = read(engine_home.settings, f"SELECT * FROM {table} LIMIT 1").schema
    types = {field.name.lower(): field.type for field in schema}
    different = {
        name: (kind, types.get(name.lower()))
        for name, kind in listed.items()
        if types.get(name.lower()) not in (_TYPES[kind], _list_of(_TYPES[kind]))
    }
    assert not different


def _list_of(kind: pa.DataType) -> pa.DataType:
    """Arrow names a list's items by its maker: `item` or `$data$`."""
    return pa.list_(pa.field("$data$", kind.value_type)) if pa.types.is_list(kind) else kind


def test_every_system_table_is_listed(told: Dremio) -> None:
    listed = {
        f'{schema}."{name}"'
        for schema, name in told.rows(
            'SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA."TABLES" '
            "WHERE TABLE_TYPE = 'SYSTEM_TABLE'"
        )
    }
    assert set(REFERENCE) <= listed


def test_a_dataset_is_told_with_its_place_and_owner(told: Dremio) -> None:
    table = told.query("SELECT * FROM sys.\"tables\" WHERE path = '[gold, told]'")["rows"][0]
    assert (table["table_name"], table["type"], table["format_type"]) == (
        "told",
        "PHYSICAL_DATASET",
        "ICEBERG",
    )
    assert table["owner_type"] == "USER_OWNER"
    owner = f"SELECT user_name FROM sys.users WHERE user_id = '{table['owner_id']}'"
    assert told.rows(owner) == told.rows("SELECT USER")
    view = told.query("SELECT * FROM sys.views WHERE path = '[told, seen]'")["rows"][0]
    assert view["sql_definition"] == "SELECT k FROM gold.told"
    space = told.http.get("/api/v3/catalog/by-path/told").json()
    assert view["space_id"] == space["id"]


def test_running_jobs_are_told_apart_from_those_that_are_over(told: Dremio) -> None:
    told.query("SELECT 'over and told'")
    asked = "query LIKE 'SELECT ''over%'"
    assert told.rows(f"SELECT count(*) FROM sys.jobs WHERE {asked}") == [(0,)]
    row = told.query(f"SELECT * FROM sys.jobs_recent WHERE {asked}")["rows"][0]
    assert (row["status"], row["attempt_count"], row["accelerated"]) == ("COMPLETED", 1, False)
    assert row["submitted_epoch_millis"] <= row["final_state_epoch_millis"]
    assert told.rows("SELECT status FROM sys.jobs WHERE query LIKE '%itself%'") == [("RUNNING",)]


def test_time_zones_know_their_summer_time(told: Dremio) -> None:
    names = "('Asia/Macau', 'Europe/Berlin', 'US/Pacific', 'UTC')"
    rows = told.rows(f"SELECT * FROM sys.timezone_names WHERE timezone_name IN {names} ORDER BY 1")
    assert rows == [
        ("Asia/Macau", "+08:00", "+08:00", False),
        ("Europe/Berlin", "+01:00", "+02:00", True),
        ("US/Pacific", "-08:00", "-07:00", True),
        ("UTC", "+00:00", "+00:00", False),
    ]
    short = "SELECT * FROM sys.timezone_abbrevs WHERE timezone_abbrev IN ('PDT', 'IST') ORDER BY 1"
    assert told.rows(short) == [("IST", "+02:00", False), ("PDT", "-07:00", True)]


def test_columns_of_tables_and_views_with_their_sizes(told: Dremio) -> None:
    rows = told.rows(
        "SELECT COLUMN_NAME, ORDINAL_POSITION, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE "
        "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'gold' AND TABLE_NAME = 'told' "
        "ORDER BY ORDINAL_POSITION"
    )
    assert rows == [
        ("k", 1, "INTEGER", 32, 0),
        ("name", 2, "CHARACTER VARYING", None, None),
        ("amount", 3, "DECIMAL", 12, 2),
        ("at", 4, "TIMESTAMP", None, None),
    ]


def test_table_properties_are_shown(told: Dremio) -> None:
    told.query("ALTER TABLE gold.told SET TBLPROPERTIES ('commit.retry.num-retries' = '7')")
    shown = told.query("SHOW TBLPROPERTIES gold.told")
    assert [c["name"] for c in shown["schema"]] == ["table_property_name", "table_property_value"]
    properties = {r["table_property_name"]: r["table_property_value"] for r in shown["rows"]}
    assert properties["commit.retry.num-retries"] == "7"


def test_policies_are_told_beside_their_datasets(told: Dremio) -> None:
    told.query("CREATE FUNCTION told.hide (x VARCHAR) RETURNS VARCHAR RETURN SELECT 'XX'")
    told.query("ALTER TABLE gold.told MODIFY COLUMN name SET MASKING POLICY told.hide (name)")
    asked = "FROM sys.\"tables\" WHERE path = '[gold, told]'"
    shown = told.rows(f"SELECT masking_policies, row_access_policies {asked}")
    told.query("ALTER TABLE gold.told MODIFY COLUMN name UNSET MASKING POLICY told.hide")
    mask = '[function_name: "told.hide" args: "name" column_name: "name"]'
    assert shown == [(mask, "[]")]
    assert told.rows(f"SELECT masking_policies {asked}") == [("[]",)]


def test_options_of_the_system_and_of_a_session(
    dremio: Dremio, people: Callable[[str], Person]
) -> None:
    ask = "SELECT type, status, num_val, bool_val FROM sys.options WHERE name = '{}'"
    jobs, reflections = "jobs.max.age_in_days", "reflections"
    assert dremio.rows(ask.format(jobs)) == [("SYSTEM", "DEFAULT", 30, None)]
    dremio.query(f'ALTER SYSTEM SET "{jobs}" = 12')
    dremio.query("ALTER SYSTEM SET reflections = false")
    assert dremio.rows(ask.format(jobs)) == [("SYSTEM", "CHANGED", 12, None)]
    assert dremio.rows(ask.format(reflections)) == [("SYSTEM", "CHANGED", None, False)]
    for wrong, why in (
        ('SYSTEM SET "planner.no_such" = 1', "'planner.no_such' does not exist"),
        (f'SYSTEM SET "{jobs}" = soon', "expected a whole number"),
        (f'SESSION SET "{jobs}" = 1', "is the system's"),
    ):
        with pytest.raises(JobFailed, match=why):
            dremio.query(f"ALTER {wrong}")
    with refused("Only members of the ADMIN role"):
        people("opal").rest.query(f'ALTER SYSTEM RESET "{jobs}"')
    dremio.query(f'ALTER SYSTEM RESET "{jobs}"')
    dremio.query("ALTER SYSTEM RESET ALL")
    changed = "SELECT name FROM sys.options WHERE type = 'SYSTEM' AND status = 'CHANGED'"
    assert dremio.rows(changed) == []


def test_how_a_reflection_is_refreshed_and_with_which_others(dremio: Dremio) -> None:
    dremio.query("CREATE TABLE gold.refreshed AS SELECT 1 AS a, 2 AS b")
    dremio.query("ALTER TABLE gold.refreshed CREATE RAW REFLECTION fresh USING DISPLAY (a, b)")
    known = "SELECT reflection_id FROM sys.reflections WHERE reflection_name = 'fresh'"
    ((own,),) = dremio.rows(known)
    assert dremio.rows(f"SELECT * FROM TABLE(sys.reflection_lineage('{own}'))") == [
        (0, own, "fresh", "gold.refreshed")
    ]
    settings = (
        "SELECT table_type, table_path, overrides_source, refresh_policy, "
        "refresh_period_seconds, never_expire, expire_after_seconds "
        f"FROM TABLE(sys.reflection_refresh_settings('{own}'))"
    )
    assert dremio.rows(settings) == [
        ("DATASET", "gold.refreshed", False, "LIVE_REFRESH", None, True, None)
    ]
    dremio.query("ALTER REFLECTION fresh ON gold.refreshed SET REFRESH EVERY 2 HOURS")
    dremio.query("ALTER REFLECTION fresh ON gold.refreshed SET EXPIRE AFTER 1 DAY")
    assert dremio.rows(settings) == [
        ("DATASET", "gold.refreshed", False, "PERIOD", 7200.0, False, 86400.0)
    ]
    with pytest.raises(JobFailed, match=r"Reflection \[none\] not found"):
        dremio.query("SELECT * FROM TABLE(sys.reflection_lineage('none'))")
    dremio.query("ALTER TABLE gold.refreshed DROP REFLECTION fresh")
    dremio.query("DROP TABLE gold.refreshed")
