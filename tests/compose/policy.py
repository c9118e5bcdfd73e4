"""What must be true of the resolved Compose model and `config -q` does not check.

Each rule takes the model and returns what breaks it, one line each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

Model = dict[str, Any]
Rule = Callable[[Model], list[str]]

# Who keeps capabilities of Docker's default set, and why.
KEEPS_CAPABILITIES = {
    "postgres": "the vendor's entrypoint starts as root, takes its folder and becomes postgres",
    "airbyte-proxy": "nginx starts as root and becomes its own user",
}
# One program that writes to its volume alone (the light engines get settings by `configs.content`,
# which a read-only root does not take).
READ_ONLY = {"prometheus", "alertmanager", "postgres-exporter", "edge", "dbt", "docker-proxy"}
# Bind mounts of the machine itself, which need not be in the checkout.
OF_THE_MACHINE = ("/var/run/docker.sock", "/var/lib/docker/containers")
WELL_KNOWN = {"changeme", "password", "admin", "minioadmin", "postgres", "superset", "dremio123"}
SECRET_WORDS = ("PASSWORD", "SECRET", "ENCRYPTIONKEY", "_KEY")


def each(model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk the services by name."""
    return iter(model["services"].items())


def is_oneshot(service: dict[str, Any]) -> bool:
    """Say whether a service does its work and ends."""
    return bool(service.get("labels", {}).get("org.lakelet.kind") == "oneshot")


def has_healthcheck(service: dict[str, Any]) -> bool:
    """Say whether the engine would ever call the service healthy."""
    check = service.get("healthcheck", {})
    return bool(check.get("test")) and check["test"] != ["NONE"] and not check.get("disable")


def images_are_pinned(model: Model) -> list[str]:
    """No image without a tag, none called latest."""
    wrong = []
    for name, service in each(model):
        tag = service["image"].rsplit("/", 1)[-1].partition("@")[0].partition(":")[2]
        if tag in {"", "latest"}:
            wrong.append(f"{name}: {service['image']} names no version")
    return wrong


def servers_are_watched(model: Model) -> list[str]:
    """A server has a healthcheck and is restarted; a one-shot is not, and is waited for."""
    waited = {
        target
        for _, service in each(model)
        for target, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    wrong = []
    for name, service in each(model):
        if not is_oneshot(service):
            if not has_healthcheck(service):
                wrong.append(f"{name}: no healthcheck")
            if service.get("restart") != "unless-stopped":
                wrong.append(f"{name}: restart is {service.get('restart')}")
        elif service.get("restart") != "no":
            wrong.append(f"{name}: a one-shot that restarts")
        elif name not in waited and not {"transform", "tools"} & set(service.get("profiles", [])):
            wrong.append(f"{name}: `up --wait` fails on a one-shot that nothing waits for")
    return wrong


def waits_can_end(model: Model) -> list[str]:
    """What is waited for to be healthy has a healthcheck; nothing waits for a mere start."""
    wrong = []
    for name, service in each(model):
        for target, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_started":
                wrong.append(f"{name}: waits only for {target} to start")
            elif how["condition"] == "service_healthy" and not has_healthcheck(
                model["services"][target]
            ):
                wrong.append(f"{name}: waits for {target}, which has no healthcheck")
    return wrong


def limits_are_set(model: Model) -> list[str]:
    """Memory and processes are bounded, logs are rotated, stops have time."""
    wrong = []
    for name, service in each(model):
        if int(service.get("mem_limit", 0)) <= 0:
            wrong.append(f"{name}: no memory limit")
        if int(service.get("pids_limit", 0)) <= 0:
            wrong.append(f"{name}: no limit of processes")
        options = service.get("logging", {}).get("options", {})
        if not {"max-size", "max-file"} <= options.keys():
            wrong.append(f"{name}: logs are not rotated")
        if not is_oneshot(service) and "stop_grace_period" not in service:
            wrong.append(f"{name}: no time to stop")
    return wrong


def rights_are_few(model: Model) -> list[str]:
    """No privileged container, no host namespaces, no fixed names, few capabilities."""
    wrong = []
    for name, service in each(model):
        wrong += [
            f"{name}: {key} is set"
            for key in ("privileged", "container_name", "network_mode", "pid", "ipc", "userns_mode")
            if service.get(key)
        ]
        if "no-new-privileges:true" not in service.get("security_opt", []):
            wrong.append(f"{name}: may gain privileges")
        if "ALL" not in service.get("cap_drop", []) and name not in KEEPS_CAPABILITIES:
            wrong.append(f"{name}: keeps Docker's default capabilities")
    return wrong


def ports_are_loopback_and_unique(model: Model) -> list[str]:
    """Nothing listens for other machines unless the user says so; no port is asked for twice."""
    wrong = []
    taken: dict[str, str] = {}
    for name, service in each(model):
        for port in service.get("ports", []):
            if not ip_address(port.get("host_ip") or "0.0.0.0").is_loopback:  # noqa: S104
                wrong.append(f"{name}: port {port['target']} listens on {port.get('host_ip')}")
            number = port.get("published")
            if not number:
                wrong.append(f"{name}: port {port['target']} is published at random")
            elif number in taken:
                wrong.append(f"{name}: port {number} is {taken[number]}'s")
            taken[number] = name
    return wrong


def sources_exist(model: Model) -> list[str]:
    """Every bind mount, build context, Dockerfile, secret file and config file is there."""
    wrong = []
    for name, service in each(model):
        for mount in service.get("volumes", []):
            source = mount.get("source", "")
            if mount["type"] != "bind" or source in OF_THE_MACHINE:
                continue
            if not Path(source).exists() and not source.endswith(
                ("/.lakelet/inbox", "/.lakelet/dbt")
            ):
                wrong.append(f"{name}: {source} does not exist")
        build = service.get("build")
        if build and not (Path(build["context"]) / build["dockerfile"]).is_file():
            wrong.append(f"{name}: no {build['dockerfile']} in {build['context']}")
    for kind in ("secrets", "configs"):
        for name, item in model.get(kind, {}).items():
            if "file" in item and not Path(item["file"]).is_file():
                wrong.append(f"{kind} {name}: {item['file']} does not exist")
    return wrong


def an_image_is_built_one_way(model: Model) -> list[str]:
    """Services with one image name agree on how it is built (a missing target is another image)."""
    builds: dict[str, Any] = {}
    return [
        f"{name}: {service['image']} is built in another way elsewhere"
        for name, service in each(model)
        if service.get("build")
        and builds.setdefault(service["image"], service["build"]) != service["build"]
    ]


def secrets_are_generated(model: Model, environment: dict[str, str]) -> list[str]:
    """No secret has a default: each comes from `.env`, as a file or as a variable."""
    wrong = [
        f"secret {name}: {item['environment']} is not in .env"
        for name, item in model.get("secrets", {}).items()
        if "environment" in item and not environment.get(item["environment"])
    ]
    ours = set(environment.values())
    for name, service in each(model):
        for key, value in (service.get("environment") or {}).items():
            if str(value).lower() in WELL_KNOWN and "USER" not in key.upper():
                wrong += [f"{name}: {key} is {value}"] if _is_secret(key) else []
            elif _is_secret(key) and value and value not in ours and "/" not in str(value):
                wrong.append(f"{name}: {key} is not from .env")
    return wrong


def _is_secret(key: str) -> bool:
    upper = key.upper()
    if upper.endswith(("_FILE", ".NAME", "ACCESS-KEY")) or upper == "SECRET_PERSISTENCE":
        return False
    return any(word in upper for word in SECRET_WORDS) or upper.endswith((".SECRET", "_PWD"))


def roots_are_read_only(model: Model) -> list[str]:
    """What needs no writable root has none."""
    return [
        f"{name}: its root could be read-only"
        for name, service in each(model)
        if name in READ_ONLY and not service.get("read_only")
    ]


RULES: tuple[Rule, ...] = (
    images_are_pinned,
    servers_are_watched,
    waits_can_end,
    limits_are_set,
    rights_are_few,
    ports_are_loopback_and_unique,
    sources_exist,
    an_image_is_built_one_way,
    roots_are_read_only,
)
