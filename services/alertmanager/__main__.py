"""`python -m services.alertmanager`: write its configuration, become Alertmanager.

Debian's build reads its templates from /usr/share/prometheus. Where the package is not installed
but unpacked, it runs in a mount namespace of its own in which the unpacked folder lies over
/usr/share; nothing outside that namespace changes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from services.alertmanager.config import write_config
from services.common import debian
from services.common.errors import ConfigError
from services.common.settings import Settings, settings

_TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
_OVERLAY = 'mount -t overlay overlay -o "lowerdir=$0:/usr/share" /usr/share && exec "$@"'


def command(config: Settings) -> list[str]:
    """Return the command. Raises ConfigError when there is no Alertmanager."""
    binary = debian.binary(config, "prometheus-alertmanager")
    if binary is None:
        raise ConfigError(
            "no Alertmanager here: apt-get install prometheus-alertmanager, or set MONITORING=off"
        )
    folder = config.data_dir / "alertmanager"
    plain = [
        str(binary),
        f"--config.file={write_config(config, folder)}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={config.bind_address}:{config.alertmanager_port}",
        "--cluster.listen-address=",
        "--log.format=json",
    ]
    if _TEMPLATES.exists():
        return plain
    over = debian.unpacked(config) / "usr" / "share"
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    return [*namespace, "sh", "-c", _OVERLAY, str(over), *plain]


def main() -> None:
    """Replace this process."""
    chosen = command(settings())
    os.execvp(chosen[0], chosen)  # noqa: S606


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
