"""SeaweedFS in MinIO's place, its own program run as the Compose file says: buckets and rights."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from dotenv import dotenv_values
from minio import Minio
from minio.error import S3Error

from bootstrap.environment import ensure_env_file
from services.common.children import spawn, stop
from services.common.waiting import wait_until
from tests.compose.resolve import Variant, resolved
from tests.support.ports import free_ports

INNER = {
    "s3.port.grpc": "S3_GRPC_PORT",
    "master.port": "STORAGE_MASTER_PORT",
    "master.port.grpc": "STORAGE_MASTER_GRPC_PORT",
    "volume.port": "STORAGE_VOLUME_PORT",
    "volume.port.grpc": "STORAGE_VOLUME_GRPC_PORT",
    "filer.port": "STORAGE_FILER_PORT",
    "filer.port.grpc": "STORAGE_FILER_GRPC_PORT",
    "admin.port": "STORAGE_ADMIN_PORT",
}
# user → bucket → may read, may write
RIGHTS = {
    "dremio": {"bronze": (True, False), "gold": (True, True), "logs": (False, False)},
    "airbyte": {"bronze": (True, True), "gold": (False, False), "dlq": (True, True)},
    "backup": {"gold": (True, False), "backups": (True, True)},
    "logs": {"logs": (True, True), "bronze": (False, False)},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Its address and the secrets of `.env`."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    ensure_env_file(folder)
    model = resolved(folder / ".env", Variant("vendor", "small", store="seaweedfs"))
    service, ports = model["services"]["minio"], free_ports()
    users = folder / "users.json"
    users.write_text(model["configs"]["seaweedfs_users"]["content"])
    (folder / "data").mkdir()
    here = {
        "-dir=/data": f"-dir={folder / 'data'}",
        "-ip=minio": "-ip=127.0.0.1",
        "-ip.bind=0.0.0.0": "-ip.bind=127.0.0.1",
        "-s3.config=/etc/seaweedfs/users.json": f"-s3.config={users}",
        "-s3.port=9000": f"-s3.port={ports['S3_PORT']}",
    }
    assert service["entrypoint"] == ["weed"]
    assert here.keys() <= set(service["command"])
    weed = Path(sys.executable).with_name("weed")
    inner = [f"-{option}={ports[name]}" for option, name in INNER.items()]
    command = [weed, *(here.get(part, part) for part in service["command"]), *inner]
    address = f"127.0.0.1:{ports['S3_PORT']}"
    with (folder / "log").open("wb") as log:
        server = spawn(command, stdout=log, stderr=log)
        try:
            wait_until(
                lambda: urlopen(f"http://{address}/healthz", timeout=2).status == 200,
                seconds=60,
                what="SeaweedFS",
            )
            yield address, {k: v for k, v in dotenv_values(folder / ".env").items() if v}
        finally:
            stop(server)


def client(address: str, user: str, secret: str) -> Minio:
    return Minio(address, access_key=user, secret_key=secret, secure=False, region="us-east-1")


@pytest.fixture(scope="module")
def root(store: tuple[str, dict[str, str]]) -> Minio:
    address, secrets = store
    made = client(address, "lakelet-root", secrets["MINIO_ROOT_PASSWORD"])
    wanted = {"bronze", "silver", "gold", "landing", "logs", "dlq", "backups"}
    wait_until(
        lambda: {b.name for b in made.list_buckets()} == wanted, seconds=30, what="the buckets"
    )
    for bucket in wanted:
        made.put_object(bucket, "there", io.BytesIO(b"x"), 1)
    return made


@pytest.mark.parametrize("user", RIGHTS)
def test_each_user_has_its_rights_and_no_more(
    store: tuple[str, dict[str, str]], root: Minio, user: str
) -> None:
    address, secrets = store
    mine = client(address, user, secrets[f"{user.upper()}_S3_SECRET_KEY"])
    for bucket, (reads, writes) in RIGHTS[user].items():
        for allowed, act in (
            (reads, lambda b=bucket: mine.get_object(b, "there").read()),
            (reads, lambda b=bucket: list(mine.list_objects(b))),
            (writes, lambda b=bucket: mine.put_object(b, "new", io.BytesIO(b"y"), 1)),
        ):
            if allowed:
                act()
            else:
                with pytest.raises(S3Error, match="AccessDenied"):
                    act()
    assert root.get_object("bronze", "there").read() == b"x"
