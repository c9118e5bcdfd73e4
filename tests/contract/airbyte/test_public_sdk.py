"""The public API through Airbyte's own Python SDK."""

from __future__ import annotations

import datetime
import time
from typing import Any

import airbyte_api
import pytest
from airbyte_api import api, errors, models

from tests.contract.airbyte.client import Airbyte, rows


def test_a_sync_is_set_up_triggered_and_followed(
    airbyte: Airbyte, sdk: airbyte_api.AirbyteAPI
) -> None:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE IF NOT EXISTS by_sdk (id int PRIMARY KEY, at timestamptz)")
        db.execute("INSERT INTO by_sdk SELECT i, now() FROM generate_series(1, 42) i")
    workspaces = sdk.workspaces.list_workspaces(request=api.ListWorkspacesRequest())
    workspace = workspaces.workspaces_response.data[0].workspace_id
    source = sdk.sources.create_source(
        request=models.SourceCreateRequest(
            name="by sdk",
            workspace_id=workspace,
            configuration=models.SourcePostgres(
                host="127.0.0.1",
                port=airbyte.settings.postgres_port,
                database="shop",
                username="shop",
                password=airbyte.settings.shop_db_password.get_secret_value(),
                schemas=["public"],
                ssl_mode=models.SourcePostgresDisable(),
                replication_method=models.SourcePostgresScanChangesWithUserDefinedCursor(),
            ),
        )
    ).source_response
    assert source.source_type == "postgres"
    streams = sdk.streams.get_stream_properties(
        request=api.GetStreamPropertiesRequest(source_id=source.source_id)
    )
    assert "by_sdk" in {stream.stream_name for stream in streams.stream_properties_response}
    connection = sdk.connections.create_connection(
        request=models.ConnectionCreateRequest(
            name="by sdk",
            source_id=source.source_id,
            destination_id=airbyte.destination(),
            namespace_definition=models.NamespaceDefinitionEnum.CUSTOM_FORMAT,
            namespace_format="by_sdk",
            configurations=models.StreamConfigurations(
                streams=[
                    models.StreamConfiguration(
                        name="by_sdk",
                        sync_mode=models.ConnectionSyncModeEnum.INCREMENTAL_DEDUPED_HISTORY,
                        cursor_field=["at"],
                        primary_key=[["id"]],
                    )
                ]
            ),
        )
    ).connection_response

    def connections(**chosen: Any) -> dict[str, models.ConnectionStatusEnum]:
        """All pages: other tests leave more connections than a page holds."""
        listed: dict[str, models.ConnectionStatusEnum] = {}
        while True:
            asked = api.ListConnectionsRequest(
                workspace_ids=[workspace], limit=100, offset=len(listed), **chosen
            )
            page = sdk.connections.list_connections(request=asked).connections_response.data
            listed |= {one.connection_id: one.status for one in page}
            if len(page) < 100:
                return listed

    assert connection.connection_id in connections()
    job = sdk.jobs.create_job(
        request=models.JobCreateRequest(
            connection_id=connection.connection_id, job_type=models.JobTypeEnum.SYNC
        )
    ).job_response
    until = time.monotonic() + 60
    while job.status not in (models.JobStatusEnum.SUCCEEDED, models.JobStatusEnum.FAILED):
        assert time.monotonic() < until, job
        time.sleep(0.1)
        job = sdk.jobs.get_job(request=api.GetJobRequest(job_id=job.job_id)).job_response
    assert job.status == models.JobStatusEnum.SUCCEEDED
    assert job.rows_synced == 42
    assert job.duration.startswith("PT")
    assert rows(airbyte.settings, "SELECT count(*) FROM bronze.by_sdk.by_sdk") == [(42,)]

    def listed_jobs(**chosen: Any) -> list[tuple[int, str]]:
        asked = api.ListJobsRequest(connection_id=connection.connection_id, **chosen)
        found = sdk.jobs.list_jobs(request=asked).jobs_response.data
        return [(one.job_id, one.job_type.value) for one in found]

    def run(kind: models.JobTypeEnum) -> int:
        body = models.JobCreateRequest(connection_id=connection.connection_id, job_type=kind)
        made = sdk.jobs.create_job(request=body).job_response
        assert airbyte.wait(made.job_id)["job"]["status"] == "succeeded"
        return int(made.job_id)

    first, second = (job.job_id, "sync"), (run(models.JobTypeEnum.CLEAR), "clear")
    ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=10)
    assert listed_jobs() == [first, second]
    assert listed_jobs(order_by="createdAt|DESC", limit=1) == [second]
    assert listed_jobs(job_type=models.JobTypeEnum.CLEAR) == [second]
    assert listed_jobs(status=models.JobStatusEnum.FAILED) == []
    assert listed_jobs(created_at_start=ago, updated_at_start=ago) == [first, second]
    assert listed_jobs(created_at_end=ago) == listed_jobs(updated_at_end=ago) == []
    with pytest.raises(errors.SDKError, match="Invalid order by clause"):
        listed_jobs(order_by="size|ASC")
    with pytest.raises(errors.SDKError, match="not supported in the public API") as refused:
        run(models.JobTypeEnum.REFRESH)
    assert refused.value.status_code == 422
    sdk.connections.delete_connection(
        request=api.DeleteConnectionRequest(connection_id=connection.connection_id)
    )

    assert connection.connection_id not in connections()
    there = connections(include_deleted=True)
    assert there[connection.connection_id] == models.ConnectionStatusEnum.DEPRECATED


def test_connections_are_found_by_their_tags(airbyte: Airbyte, sdk: airbyte_api.AirbyteAPI) -> None:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE IF NOT EXISTS tagged (id int PRIMARY KEY)")
    workspace = airbyte.workspace
    tag = sdk.tags.create_tag(
        request=models.TagCreateRequest(name="by tag", color="FF5733", workspace_id=workspace)
    ).tag_response
    made = sdk.connections.create_connection(
        request=models.ConnectionCreateRequest(
            source_id=airbyte.source(airbyte.postgres_config()),
            destination_id=airbyte.destination(),
            tags=[
                models.Tag(
                    tag_id=tag.tag_id, name=tag.name, color=tag.color, workspace_id=workspace
                )
            ],
        )
    ).connection_response
    asked = api.ListConnectionsRequest(tag_ids=[tag.tag_id])
    found = sdk.connections.list_connections(request=asked).connections_response.data
    assert [one.connection_id for one in found] == [made.connection_id]


def test_errors_are_problems(airbyte: Airbyte, sdk: airbyte_api.AirbyteAPI) -> None:
    with pytest.raises(errors.SDKError) as caught:
        sdk.jobs.get_job(request=api.GetJobRequest(job_id=99_999_999))
    assert caught.value.status_code == 404
    assert "resource-not-found" in caught.value.body
    url = f"http://127.0.0.1:{airbyte.settings.airbyte_public_port}/api/public/v1"
    token = airbyte.http.post(
        f"{url}/applications/token", json={"client_id": "lakelet", "client_secret": "wrong-one"}
    )
    assert token.status_code == 401
    bad = airbyte.http.post(f"{url}/connections", json={"name": "no ends"})
    assert bad.status_code == 400
    assert bad.json()["title"] == "bad-request"


_SERVER: dict[str, Any] = {"host": "h", "port": 1, "database": "d", "username": "u"}
_FILE = {"dataset_name": "d", "url": "/local/x.csv"}
KINDS: list[Any] = [
    models.SourcePostgres(
        **_SERVER,
        replication_method=models.ReadChangesUsingWriteAheadLogCDC(
            replication_slot="s", publication="p"
        ),
        ssl_mode=models.SourcePostgresVerifyFull(ca_certificate="x"),
        tunnel_method=models.SourcePostgresSSHKeyAuthentication(
            tunnel_host="t", tunnel_user="u", ssh_key="k"
        ),
    ),
    models.SourcePostgres(**_SERVER, replication_method=models.DetectChangesWithXminSystemColumn()),
    models.SourceMysql(
        **_SERVER, replication_method=models.SourceMysqlReadChangesUsingChangeDataCaptureCDC()
    ),
    models.SourceMssql(**_SERVER, password="p"),
    models.SourceMssql(
        **_SERVER,
        password="p",
        replication_method=models.SourceMssqlReadChangesUsingChangeDataCaptureCDC(),
        ssl_method=models.SourceMssqlEncryptedVerifyCertificate(certificate="x"),
    ),
    models.SourceMongodbV2(
        database_config=models.SelfManagedReplicaSet(
            connection_string="mongodb://h/?replicaSet=r", databases=["d"]
        )
    ),
    models.SourceMongodbV2(
        database_config=models.MongoDBAtlasReplicaSet(
            connection_string="mongodb+srv://h/", databases=["d"], username="u", password="p"
        )
    ),
    models.SourceFile(**_FILE, provider=models.LocalFilesystemLimited()),
    models.SourceFile(**_FILE, provider=models.HTTPSPublicWeb()),
    models.SourceFile(**_FILE, provider=models.S3AmazonWebServices()),
    models.SourceFile(
        **_FILE, provider=models.SFTPSecureFileTransferProtocol(host="h", user="u", password="p")
    ),
]


def test_every_kind_of_source_is_taken_as_the_sdk_sends_it(
    airbyte: Airbyte, sdk: airbyte_api.AirbyteAPI
) -> None:
    for config in KINDS:
        body = models.SourceCreateRequest(
            name="as sent", workspace_id=airbyte.workspace, configuration=config
        )
        made = sdk.sources.create_source(request=body).source_response
        assert made.source_type == config.SOURCE_TYPE.value
        sdk.sources.delete_source(request=api.DeleteSourceRequest(source_id=made.source_id))
