"""Another version under the data, one that never gets healthy, a wipe and a restore, the end."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from tests.compose.engine.checkout import Checkout
from tests.compose.engine.commands import compose
from tests.support.platform import Home

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("outcome")]
ASKED = ("exec", "-T", "dremio", "python", "-c", "import services; print(services.__doc__)")
HEALTH = (
    "[CMD, python, -SE, services/supervisor/answers.py, "
    '"http://127.0.0.1:9047/apiv2/server_status"]'
)
SOON = "\n      retries: 3\n      start_period: 1s"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The present version, the next one, and one whose query engine is never called healthy."""
    made = Checkout(tmp_path_factory.mktemp("versions") / "checkout")
    (made.folder / "services" / "__init__.py").write_text('"""The next version."""\n')
    made.tag("next")
    (made.folder / "services" / "__init__.py").write_text('"""A broken version."""\n')
    # Told after a few seconds, where a version that is merely slow has minutes.
    made.replace("compose/light/platform.yml", HEALTH, "[CMD, 'false']" + SOON)
    made.tag("broken")
    made.go("present")
    return made


@pytest.fixture(scope="module")
def agreed(home: Home) -> Any:
    """What every hop holds."""
    return home.lakelet_json("verify")


def test_an_upgrade_keeps_the_data(home: Home, checkout: Checkout, agreed: Any) -> None:
    assert "next" not in compose(home, *ASKED)
    done = checkout.make(home, "upgrade", "REF=next")
    print(done.stderr)
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"
    assert checkout.version == "next"
    assert "next" in compose(home, *ASKED)
    assert home.lakelet("status").returncode == 0
    assert home.lakelet_json("verify") == agreed


def test_an_upgrade_that_never_gets_healthy_is_undone(
    home: Home, checkout: Checkout, agreed: Any
) -> None:
    failed = checkout.make(home, "upgrade", "REF=broken")
    print(failed.stderr)
    assert failed.returncode != 0
    assert "the upgrade failed and was undone" in failed.stderr
    reason = failed.stderr.partition("The reason: ")[2]
    assert "dremio-1 is unhealthy" in reason
    assert "Created" not in reason
    assert re.search(r"^dremio-1 +\| ", reason, re.MULTILINE)  # what it said last
    assert checkout.version == "next"
    assert "next" in compose(home, *ASKED)
    assert home.lakelet("status").returncode == 0
    assert home.lakelet_json("verify") == agreed


def test_a_backup_brings_back_what_was_destroyed(home: Home, agreed: Any) -> None:
    """The one that the upgrade made."""
    place = home.folder / "backups"
    (first, second) = home.lakelet_json("backups", str(place))
    assert {"shop", "dremio", "airbyte", "superset"} <= set(second["databases"])
    assert second["tables"] == first["tables"] >= 10
    assert home.lakelet("destroy", "--yes").returncode == 0
    result = home.lakelet("restore", str(place))
    print(result.stderr)
    assert result.returncode == 0, result.stderr
    assert "nothing differs" in result.stdout
    assert home.lakelet("status").returncode == 0
    assert home.lakelet_json("verify") == agreed


def test_destroying_leaves_nothing(home: Home) -> None:
    project = dotenv_values(home.settings.env_file)["COMPOSE_PROJECT_NAME"]
    label = f"label=com.docker.compose.project={project}"
    assert home.lakelet("destroy", "--yes").returncode == 0
    for kind in ("container", "volume", "network"):
        listed = subprocess.run(
            ["docker", kind, "ls", "--quiet", "--filter", label],
            capture_output=True,
            text=True,
            check=True,
        )
        assert listed.stdout == "", kind
    assert not Path(home.settings.env_file).exists()
