"""Airflow's provider, token address by default: connection test, operator, sensor."""

import json
import os
import sys
import time

given = json.load(sys.stdin)
os.environ["AIRFLOW_CONN_LAKELET"] = json.dumps(
    {
        "conn_type": "airbyte",
        "host": given["public_url"],
        "login": given["client_id"],
        "password": given["client_secret"],
    }
)

from airflow.providers.airbyte.hooks.airbyte import AirbyteHook  # noqa: E402 - reads the environment
from airflow.providers.airbyte.operators.airbyte import AirbyteTriggerSyncOperator  # noqa: E402
from airflow.providers.airbyte.sensors.airbyte import AirbyteJobSensor  # noqa: E402

hook = AirbyteHook("lakelet")
healthy, message = hook.test_connection()
names = {"airbyte_conn_id": "lakelet", "connection_id": given["connection"]}
waiting = AirbyteTriggerSyncOperator(task_id="sync", wait_seconds=0.2, timeout=120, **names)
first = waiting.execute({})
started = AirbyteTriggerSyncOperator(task_id="start", asynchronous=True, **names).execute({})
sensor = AirbyteJobSensor(
    task_id="watch", airbyte_conn_id="lakelet", airbyte_job_id=started, deferrable=False
)
while not sensor.poke({}):
    time.sleep(0.2)
details = hook.get_job_details(first)
print(
    json.dumps(
        {
            "healthy": healthy,
            "message": message,
            "rows": details.rows_synced,
            "statuses": [str(hook.get_job_status(job).value) for job in (first, started)],
        }
    )
)
