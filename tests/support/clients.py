"""Vendors' clients whose pins conflict with ours, each in an environment of its own.

An environment is made by uv from `requirements/clients/NAME.txt` (hashes required) when it is
first asked for, below `.venv-clients/` of the checkout, and kept while the lock stays the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from services.common.settings import CHECKOUT

ENVIRONMENTS = CHECKOUT / ".venv-clients"
LOCKS = CHECKOUT / "requirements" / "clients"


def python_of(name: str) -> Path:
    """Return the Python of a client's environment, making it if it is not there."""
    lock, folder = LOCKS / f"{name}.txt", ENVIRONMENTS / name
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    python, stamp = folder / "bin" / "python", folder / ".installed"
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return python
        shutil.rmtree(folder, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        _run([uv, "venv", "--quiet", "--python", sys.executable, folder])
        target = ["--python", python, "--require-hashes", "--no-deps", "-r", lock]
        _run([uv, "pip", "install", "--quiet", *target])
        stamp.write_text(wanted)
    return python


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[1:3]} failed: {done.stderr[-2000:]}"


def run_script(name: str, script: Path, arguments: dict[str, Any], folder: Path) -> Any:
    """Run a script in a client's environment; return the JSON of the last line it prints.

    `arguments` reach it as JSON on standard input; what the client keeps goes below `folder`.
    """
    clean = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TZ")}
    environment = {
        **clean,
        "HOME": str(folder),
        "DO_NOT_TRACK": "1",
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "DAGSTER_HOME": str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # 20 are few on a busy machine
        "NO_PROXY": "127.0.0.1,localhost",
    }
    done = subprocess.run(
        [python_of(name), script],
        input=json.dumps(arguments),
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{script.name}: {done.stderr[-4000:]}\n{done.stdout[-2000:]}"
    return json.loads(done.stdout.strip().splitlines()[-1])
