"""SeaweedFS as one process: its command line, its users' file and its buckets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from services.common.settings import Settings
from services.storage.users import PLAIN_BUCKETS, TABLE_BUCKETS, identities

WEED = Path(sys.executable).with_name("weed")


def server_command(settings: Settings) -> list[str]:
    """Write the users' file (mode 600) and return the command that serves S3 and the catalog.

    The server itself makes the buckets that are missing. Every port is given: the ones that
    are not would be taken at fixed numbers, and two platforms could not run side by side.
    """
    folder = settings.data_dir / "storage"
    (folder / "volumes").mkdir(parents=True, exist_ok=True)
    users = folder / "s3-users.json"
    users.touch(mode=0o600)
    users.write_text(json.dumps(identities(settings)))
    options = {
        "dir": folder / "volumes",
        "ip": settings.s3_host,
        "ip.bind": settings.bind_address,
        "bucket": ",".join(PLAIN_BUCKETS),
        "tableBucket": ",".join(TABLE_BUCKETS),
        "s3.config": users,
        "s3.port": settings.s3_port,
        "s3.port.grpc": settings.s3_grpc_port,
        "s3.port.iceberg": settings.iceberg_port,
        "s3.port.lance": 0,
        "s3.autoCreateBucket": "false",
        "master.port": settings.storage_master_port,
        "master.port.grpc": settings.storage_master_grpc_port,
        "master.telemetry": "false",
        "volume.port": settings.storage_volume_port,
        "volume.port.grpc": settings.storage_volume_grpc_port,
        "filer.port": settings.storage_filer_port,
        "filer.port.grpc": settings.storage_filer_grpc_port,
        "admin.port": settings.storage_admin_port,
        "admin.ui": "false",
        "webdav": "false",
    }
    return [str(WEED), "-logtostderr", "mini", *(f"-{k}={v}" for k, v in options.items())]


def server_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that close SeaweedFS' inner HTTP ports to all but its own parts.

    Without them anyone on the machine could read any object from the filer or a volume, past
    S3's users (SeaweedFS' security.toml, settable as WEED_<SECTION>_<KEY>).
    """
    key = settings.storage_jwt_key.get_secret_value()
    sections = (
        "JWT_SIGNING",
        "JWT_SIGNING_READ",
        "JWT_FILER_SIGNING",
        "JWT_FILER_SIGNING_READ",
    )
    keys = {f"WEED_{section}_KEY": f"{section}-{key}" for section in sections}
    # Go collects harder near this; measured: as quick as without, at 256 MiB half as quick.
    return {**keys, "GOMEMLIMIT": "384MiB"}
