"""Every engine, preset and set of profiles resolves, and keeps the policy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from bootstrap.environment import GENERATED, ensure_env_file
from services.common.settings import CHECKOUT
from tests.compose import policy
from tests.compose.resolve import VARIANTS, Variant, compose_config, resolved

LOCK = CHECKOUT / "compose" / "images.lock"
# What each preset promises (compose/presets/*.env), in bytes, all servers at their limit.
PROMISED = {"vendor": {"small": 16e9, "medium": 32e9, "large": 64e9}, "light": {"small": 5e9}}


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("compose")
    ensure_env_file(home)
    return home / ".env"


@pytest.fixture(scope="module")
def models(env_file: Path) -> dict[Variant, dict[str, Any]]:
    return {variant: resolved(env_file, variant) for variant in VARIANTS}


@pytest.mark.parametrize("rule", policy.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_policy(models: dict[Variant, dict[str, Any]], variant: Variant, rule: policy.Rule) -> None:
    assert rule(models[variant]) == []


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_secrets_come_from_the_env_file(
    models: dict[Variant, dict[str, Any]], variant: Variant, env_file: Path
) -> None:
    environment = {k: v for k, v in dotenv_values(env_file).items() if v}
    assert policy.secrets_are_generated(models[variant], environment) == []


@pytest.mark.parametrize("engines", ["vendor", "light"])
def test_nothing_starts_without_its_secrets(tmp_path: Path, engines: str) -> None:
    empty = tmp_path / ".env"
    empty.write_text("")
    result = compose_config(empty, Variant(engines, "small"), "--quiet")
    assert result.returncode != 0
    assert "lakelet init" in result.stderr


def test_the_light_engines_get_every_secret(models: dict[Variant, dict[str, Any]]) -> None:
    content = models[Variant("light", "small")]["configs"]["light_settings"]["content"]
    given = {line.partition("=")[0] for line in content.splitlines()}
    assert set(GENERATED) <= given


def locked() -> dict[str, tuple[str, str]]:
    """Return each image's digest and where it was seen."""
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    rows = [[part.strip() for part in line.split("|", 2)] for line in lines]
    return {name: (digest, seen) for name, digest, seen in rows}


def test_the_lock_names_every_image_and_no_other(
    models: dict[Variant, dict[str, Any]],
) -> None:
    used = {s["image"] for model in models.values() for s in model["services"].values()}
    for dockerfile in (CHECKOUT / "compose" / "images").glob("*.Dockerfile"):
        text = dockerfile.read_text()
        used |= set(re.findall(r"^FROM (\S+:\S+)$", text, re.MULTILINE))
        used |= set(re.findall(r"^ARG BASE=(\S+)$", text, re.MULTILINE))
    assert used == set(locked())
    for name, (digest, seen) in locked().items():
        assert seen, name
        assert digest == "-" or re.fullmatch(r"sha256:[0-9a-f]{64}", digest), name
        assert digest == "-" or not name.startswith("lakelet/"), name
    digests = [digest for digest, _ in locked().values() if digest != "-"]
    assert len(digests) == len(set(digests)) >= 14


def test_every_image_can_be_replaced_from_env() -> None:
    for path in sorted((CHECKOUT / "compose").rglob("*.yml")):
        for image in re.findall(r"^\s+image: (\S+)$", path.read_text(), re.MULTILINE):
            if image not in {"none"}:
                assert re.fullmatch(r"\$\{[A-Z_]+_IMAGE:-[^}]+\}", image), f"{path}: {image}"


@pytest.mark.parametrize("variant", [v for v in VARIANTS if not v.profiles], ids=str)
def test_a_preset_fits_the_memory_it_promises(
    models: dict[Variant, dict[str, Any]], variant: Variant
) -> None:
    limits = sum(
        int(s["mem_limit"])
        for s in models[variant]["services"].values()
        if not policy.is_oneshot(s)
    )
    promised = PROMISED[variant.engines].get(variant.preset, 64e9)
    assert limits <= promised


def test_both_engines_have_the_same_names_for_what_others_talk_to(
    models: dict[Variant, dict[str, Any]],
) -> None:
    for name, ports in {
        "postgres": {5432},
        "minio": {9000},
        "dremio": {9047, 32010},
        "airbyte-proxy": {8000, 8001},
        "superset": {8088},
    }.items():
        for variant in VARIANTS:
            found = {p["target"] for p in models[variant]["services"][name]["ports"]}
            assert ports <= found, f"{variant}: {name}"


def test_a_port_moves_by_its_setting(env_file: Path, tmp_path: Path) -> None:
    moved = tmp_path / ".env"
    moved.write_text(env_file.read_text() + "DREMIO_PORT=19047\nPOSTGRES_PORT=15432\n")
    model = resolved(moved, Variant("light", "small"))
    published = {p["published"] for s in model["services"].values() for p in s.get("ports", [])}
    assert {"19047", "15432"} <= published
    assert "9047" not in published


@pytest.mark.parametrize(
    "dockerfile",
    sorted((CHECKOUT / "compose" / "images").glob("*.Dockerfile")),
    ids=lambda p: p.name,
)
def test_dockerfiles_lint(dockerfile: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    result = subprocess.run(
        [hadolint, "--failure-threshold", "warning", dockerfile],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "script",
    sorted(p for p in (CHECKOUT / "compose").rglob("*") if p.suffix == ".sh" or p.name == "start"),
    ids=lambda p: p.name,
)
def test_scripts_parse_and_stop_at_errors(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    result = subprocess.run([shell, "-n", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert re.search(r"^set -eu", script.read_text(), re.MULTILINE)
