"""dagster-airbyte: load the workspace's assets, materialize one connection's."""

import json
import sys
from collections.abc import Iterator

import dagster
from dagster_airbyte import AirbyteWorkspace, airbyte_assets

given = json.load(sys.stdin)
workspace = AirbyteWorkspace(
    rest_api_base_url=given["public_url"],
    configuration_api_base_url=given["config_url"],
    workspace_id=given["workspace"],
    client_id=given["client_id"],
    client_secret=given["client_secret"],
    poll_interval=0.2,
)
only = {"connection_selector_fn": lambda connection: connection.id == given["connection"]}
specs = workspace.load_asset_specs(**only)


@airbyte_assets(connection_id=given["connection"], workspace=workspace)
def synced(context: dagster.AssetExecutionContext, airbyte: AirbyteWorkspace) -> Iterator:
    yield from airbyte.sync_and_poll(context=context)


result = dagster.materialize([synced], resources={"airbyte": workspace})
print(
    json.dumps(
        {
            "keys": [spec.key.path for spec in specs],
            "success": result.success,
            "materialized": [
                event.materialization.asset_key.path
                for event in result.get_asset_materialization_events()
                for event in [event.event_specific_data]
            ],
        }
    )
)
