"""What lets uv reach the package index that pip reaches: uv does not read pip's settings.

Standard library only: the platform is installed by it.
"""

from __future__ import annotations

import ast
import os
import ssl
import subprocess
from pathlib import Path

# pip's settings and the variables by which uv takes the same.
_NAMES = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY"}


def uv_environment(python: Path) -> dict[str, str]:
    """Return the environment that uv is to run in; `python` has the pip whose settings count.

    What is set in this process's environment comes first.
    """
    told = subprocess.run(
        [python, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True
    ).stdout
    found = uv_settings(told)
    # Certificates of a company's proxy are in the system's store, which uv asks only when told to.
    store = ssl.get_default_verify_paths()
    if store.cafile or (store.capath and any(Path(store.capath).iterdir())):
        found.setdefault("UV_SYSTEM_CERTS", "true")
    return {**found, **os.environ}


def uv_settings(pip_config: str) -> dict[str, str]:
    """Return uv's variables for what `pip config list` prints of index, proxy and certificates."""
    values: dict[str, str] = {}
    # The sections' names in the order in which pip lets one win over the other.
    for section in ("global", "install", ":env:"):
        for line in pip_config.splitlines():
            key, _, value = line.partition("=")
            name = _NAMES.get(key.removeprefix(f"{section}."))
            if name and key.startswith(section):
                values[name] = str(ast.literal_eval(value))
    return values
