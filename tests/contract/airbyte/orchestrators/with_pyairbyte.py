"""PyAirbyte's cloud client: look at a connection, sync it, read its state and logs."""

import json
import sys

from airbyte.cloud import CloudWorkspace

given = json.load(sys.stdin)
workspace = CloudWorkspace(
    workspace_id=given["workspace"],
    client_id=given["client_id"],
    client_secret=given["client_secret"],
    api_root=given["public_url"],
)
workspace.connect()
connection = workspace.get_connection(given["connection"])
result = connection.run_sync(wait=True, wait_timeout=120)
connection.rename("by PyAirbyte")
print(
    json.dumps(
        {
            "names": sorted(c.name for c in workspace.list_connections()),
            "streams": connection.stream_names,
            "source": connection.source.name,
            "status": str(result.get_job_status().value),
            "rows": result.records_synced,
            "history": len(connection.get_previous_sync_logs()),
            "attempts": [attempt.records_synced for attempt in result.get_attempts()],
            "log": result.get_attempts()[0].get_full_log_text(),
            "state": connection.dump_raw_state(normalize=False),
            "catalog": connection.dump_raw_catalog(),
        }
    )
)
