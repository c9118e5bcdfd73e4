"""What goes wrong says what to do, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import minio
import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import FILE, Airbyte, rows

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}


def in_warehouse(airbyte: Airbyte, prefix: str) -> list[str]:
    secret = airbyte.settings.airbyte_s3_secret_key.get_secret_value()
    client = minio.Minio(
        airbyte.settings.s3_endpoint, "airbyte", secret, secure=False, region="us-east-1"
    )
    found = client.list_objects("bronze", prefix=prefix, recursive=True)
    return [str(item.object_name) for item in found if not item.is_dir]


def file_source(airbyte: Airbyte, name: str, text: str, **changes: Any) -> str:
    path = airbyte.settings.inbox_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    config = {
        "dataset_name": name.split(".")[0],
        "format": name.rpartition(".")[2],
        "url": f"/local/{name}",
        "provider": {"storage": "local"},
        **changes,
    }
    return airbyte.source(config, FILE, name)


@pytest.fixture
def shop(airbyte: Airbyte) -> str:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE IF NOT EXISTS fails (id int PRIMARY KEY, at timestamptz)")
        db.execute("INSERT INTO fails VALUES (1, now()) ON CONFLICT DO NOTHING")
    return airbyte.source(airbyte.postgres_config())


def test_wrong_password_is_told_at_once(airbyte: Airbyte, shop: str) -> None:
    connection = airbyte.connect(shop, "fails", {"fails": FULL})
    changed = airbyte.postgres_config(password="not the password")
    airbyte.post("sources/update", sourceId=shop, name="shop", connectionConfiguration=changed)
    info = airbyte.wait(airbyte.start(connection))
    assert info["job"]["status"] == "failed"
    assert len(info["attempts"]) == 1, "a retry cannot help"
    failure = info["attempts"][0]["attempt"]["failureSummary"]["failures"][0]
    assert failure["failureOrigin"] == "source"
    assert failure["failureType"] == "config_error"
    assert "wrong password" in failure["externalMessage"]
    assert failure["streamDescriptor"]["name"] == "fails"
    assert "not the password" not in str(info)


def test_a_source_that_is_down_is_tried_again(airbyte: Airbyte, shop: str) -> None:
    connection = airbyte.connect(shop, "fails", {"fails": FULL})
    changed = airbyte.postgres_config(port=9)
    airbyte.post("sources/update", sourceId=shop, name="shop", connectionConfiguration=changed)
    job = airbyte.start(connection)

    def failed() -> bool:
        attempts = airbyte.post("jobs/get", id=job)["attempts"]
        return bool(attempts) and attempts[0]["attempt"]["status"] == "failed"

    wait_until(failed, seconds=60, what="the first attempt's end")
    airbyte.post(
        "sources/update",
        sourceId=shop,
        name="shop",
        connectionConfiguration=airbyte.postgres_config(),
    )
    info = airbyte.wait(job)
    assert info["job"]["status"] == "succeeded"
    first = info["attempts"][0]["attempt"]["failureSummary"]["failures"][0]
    assert first["failureType"] == "transient_error"
    assert "cannot be reached" in first["externalMessage"]
    assert len(info["attempts"]) > 1


def test_a_table_that_is_gone_is_named(airbyte: Airbyte, shop: str) -> None:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE vanishing (id int PRIMARY KEY)")
    connection = airbyte.connect(shop, "fails", {"vanishing": FULL})
    with airbyte.shop() as db:
        db.execute("DROP TABLE vanishing")
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "vanishing is not in the source" in failure["externalMessage"]


def test_a_malformed_line_is_named_and_nothing_becomes_visible(airbyte: Airbyte) -> None:
    lines = "id,name\n" + "".join(f"{i},n{i}\n" for i in range(1, 2001))
    source = file_source(airbyte, "broken.csv", lines + "2001,a,b,c\n")
    connection = airbyte.connect(source, "fails", {"broken": FULL})
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "broken.csv, line 2002" in failure["externalMessage"]
    assert "2001,a,b,c" in failure["externalMessage"]
    names = rows(airbyte.settings, "SELECT table_name FROM duckdb_tables()")
    assert "broken" not in {name for (name,) in names}
    assert in_warehouse(airbyte, "fails/broken/") == []


def test_refused_lines_go_to_the_dead_letters_when_asked(airbyte: Airbyte) -> None:
    text = "id,name\n1,a\n2,b,extra\n3,c\n"
    options = '{"on_bad_lines": "skip"}'
    source = file_source(airbyte, "skipping.csv", text, reader_options=options)
    connection = airbyte.connect(source, "fails", {"skipping": FULL})
    info = airbyte.sync(connection)
    found = rows(airbyte.settings, "SELECT id, name FROM bronze.fails.skipping ORDER BY id")
    assert found == [(1, "a"), (3, "c")]
    secret = airbyte.settings.airbyte_s3_secret_key.get_secret_value()
    client = minio.Minio(
        airbyte.settings.s3_endpoint, "airbyte", secret, secure=False, region="us-east-1"
    )
    name = f"airbyte/{connection}/job{info['job']['id']}-0/skipping.jsonl"
    kept = client.get_object("dlq", name).read().decode()
    assert '"line":3' in kept
    assert "2,b,extra" in kept


@pytest.mark.parametrize("url", ["/etc/passwd", "/local/../../.env", "file:///etc/passwd"])
def test_files_outside_of_the_inbox_are_not_read(airbyte: Airbyte, url: str) -> None:
    source = file_source(airbyte, "inside.csv", "a\n1\n", url=url)
    answer = airbyte.post("sources/check_connection", sourceId=source)
    assert answer["status"] == "failed"
    assert "inbox" in answer["message"]
    assert "root:" not in str(answer)


def test_a_link_out_of_the_inbox_is_not_followed(airbyte: Airbyte) -> None:
    source = file_source(airbyte, "plain.csv", "a\n1\n", url="/local/link.csv")
    (airbyte.settings.inbox_dir / "link.csv").symlink_to("/etc/passwd")
    answer = airbyte.post("sources/check_connection", sourceId=source)
    assert answer["status"] == "failed"


def test_one_job_at_a_time_and_cancel_stops_it(airbyte: Airbyte) -> None:
    with airbyte.shop() as db:
        db.execute(
            "CREATE TABLE big AS SELECT i AS id, md5(i::text) AS m"
            " FROM generate_series(1, 2000000) i"
        )
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "fails", {"big": FULL})
    job = airbyte.start(connection)
    second = airbyte.raw("connections/sync", connectionId=connection)
    assert second.status_code == 409
    assert second.json()["message"] == f"A sync is already running for: {connection}"
    state = {"stateType": "not_set", "connectionId": connection}
    locked = airbyte.raw("state/create_or_update", connectionId=connection, connectionState=state)
    assert locked.status_code == 423

    def begun() -> bool:
        return bool(airbyte.post("jobs/get", id=job)["job"]["aggregatedStats"]["recordsEmitted"])

    wait_until(begun, seconds=60, what="its first rows")
    cancelled = airbyte.post("jobs/cancel", id=job)
    assert cancelled["job"]["status"] == "cancelled"
    assert airbyte.raw("jobs/cancel", id=job).status_code == 409
    names = rows(airbyte.settings, "SELECT table_name FROM duckdb_tables()")
    assert "big" not in {name for (name,) in names}
    airbyte.sync(connection)
    assert rows(airbyte.settings, "SELECT count(*) FROM bronze.fails.big") == [(2_000_000,)]
    # What the cancelled attempt had written is gone.
    folders = {name.split("/")[3] for name in in_warehouse(airbyte, "fails/big/data/")}
    assert len(folders) == 1
    debug = airbyte.post("jobs/get_debug_info", id=job)
    failures = debug["attempts"][0]["attempt"]["failureSummary"]["failures"]
    assert failures[0]["failureType"] == "manual_cancellation"
