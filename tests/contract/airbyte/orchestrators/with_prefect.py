"""prefect-airbyte: its flow, and its task, in a run of their own."""

import asyncio
import json
import sys

from prefect import flow
from prefect_airbyte.connections import AirbyteConnection, trigger_sync
from prefect_airbyte.flows import run_connection_sync
from prefect_airbyte.server import AirbyteServer

given = json.load(sys.stdin)
server = AirbyteServer(
    username=given["user"],
    password=given["password"],
    server_host="127.0.0.1",
    server_port=given["port"],
)


@flow
async def by_task() -> dict:
    return await trigger_sync(
        airbyte_server=server,
        connection_id=given["connection"],
        poll_interval_s=1,
        status_updates=True,
    )


async def main() -> dict:
    connection = AirbyteConnection(
        airbyte_server=server,
        connection_id=given["connection"],
        status_updates=True,
        poll_interval_s=1,
    )
    result = await run_connection_sync(airbyte_connection=connection)
    info = await by_task()
    return {
        "status": result.job_status,
        "rows": result.records_synced,
        "task": {key: str(value) for key, value in info.items()},
    }


answer = asyncio.run(main())
print(json.dumps(answer))
