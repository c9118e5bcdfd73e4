"""dbt as a user runs it: any of its commands, on this platform's project and Dremio."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bootstrap.dbt.environment import dbt_environment, dbt_folder
from services.common.settings import Settings


def run_dbt(settings: Settings, arguments: Sequence[str]) -> NoReturn:
    """Become dbt. It writes into a folder of its own, so that a pipeline's run is not disturbed."""
    folder = dbt_folder(settings) / "by-hand"
    environment = {
        **dbt_environment(settings),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    program = Path(sys.executable).with_name("dbt")
    os.execve(program, [str(program), *arguments], environment)  # noqa: S606 - no shell is wanted
