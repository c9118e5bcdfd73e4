"""How PostgreSQL runs when Lakelet is root: the server itself refuses to be root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from services.common.errors import ConfigError

# An own user namespace in which our user has another number: to the server it is not root,
# to the file system its files stay ours; no account is made and no folder opened to others.
_NAMESPACE = ("unshare", "--user", "--map-user=nobody", "--map-group=nogroup")


@lru_cache(maxsize=1)
def command_prefix() -> tuple[str, ...]:
    """Return what to put before a PostgreSQL command: nothing unless we are root.

    Raises ConfigError when root can neither make a user namespace nor become `nobody`.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("unshare") and _works((*_NAMESPACE, "true")):
        return _NAMESPACE
    if shutil.which("setpriv"):
        return ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    raise ConfigError(
        "PostgreSQL refuses to run as root, and neither `unshare --user` nor `setpriv` works "
        "here; install util-linux or run `make up` as an ordinary user"
    )


def hand_over(folder: Path) -> None:
    """Give `folder` to the account the server runs as, where that is another one.

    Raises ConfigError when that account cannot enter the folder.
    """
    if "setpriv" not in command_prefix():
        return
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    if not _works((*command_prefix(), "test", "-x", str(folder))):
        raise ConfigError(
            f"PostgreSQL runs as `nobody` here and cannot enter {folder}; "
            "put the checkout in a folder that other users may enter, or run as an ordinary user"
        )


def _works(command: tuple[str, ...]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
