"""The columns of sys.jobs and sys.jobs_recent, as Dremio's reference lists them."""

from __future__ import annotations

import pyarrow as pa

_TEXT, _BIG, _TIME = pa.string(), pa.int64(), pa.timestamp("ms")
_PHASES = (
    "submitted",
    "attempt_started",
    "metadata_retrieval",
    "planning_start",
    "query_enqueued",
    "engine_start",
    "execution_planning",
    "execution_start",
    "final_state",
)
_RULE = [(f"rule_{part}", _TEXT) for part in ("name", "content", "action")]
_JOBS = [
    ("job_id", _TEXT),
    ("status", _TEXT),
    ("query_type", _TEXT),
    ("user_name", _TEXT),
    ("queried_datasets", pa.list_(_TEXT)),
    ("scanned_datasets", pa.list_(_TEXT)),
    ("attempt_count", pa.int32()),
    *((f"{phase}_ts", _TIME) for phase in _PHASES),
    *((f"{phase}_epoch_millis", _BIG) for phase in _PHASES),
    ("planner_estimated_cost", pa.float64()),
    ("rows_scanned", _BIG),
    ("bytes_scanned", _BIG),
    ("rows_returned", _BIG),
    ("bytes_returned", _BIG),
    ("accelerated", pa.bool_()),
    ("queue_name", _TEXT),
    ("engine", _TEXT),
    ("error_msg", _TEXT),
    ("query", _TEXT),
    ("is_profile_incomplete", pa.bool_()),
    ("execution_allocated_bytes", _BIG),
    ("execution_cpu_time_millis", _BIG),
]
JOBS = pa.schema([*_JOBS, *_RULE])
JOBS_RECENT = pa.schema(
    [
        *_JOBS,
        ("query_cost", pa.float64()),
        ("memory_allocated", _BIG),
        ("setup_time_ns", _BIG),
        ("wait_time_ns", _BIG),
        ("execution_cpu_time_ns", _BIG),
        ("context", _TEXT),
        *_RULE,
    ]
)
