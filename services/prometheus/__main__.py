"""`python -m services.prometheus`: write its configuration, become Prometheus."""

from __future__ import annotations

import os
import sys

from services.common import debian
from services.common.errors import ConfigError
from services.common.settings import settings
from services.prometheus.config import write_config


def main() -> None:
    """Replace this process. Raises ConfigError when there is no Prometheus."""
    config = settings()
    binary = debian.binary(config, "prometheus")
    if binary is None:
        raise ConfigError("no prometheus here: apt-get install prometheus, or set MONITORING=off")
    folder = config.data_dir / "prometheus"
    os.execv(  # noqa: S606
        binary,
        [
            "prometheus",
            f"--config.file={write_config(config, folder)}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=15d",
            "--storage.tsdb.retention.size=512MB",
            f"--web.listen-address={config.bind_address}:{config.prometheus_port}",
            "--log.format=json",
        ],
    )


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
