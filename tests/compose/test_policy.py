"""The policy's rules find what they are for."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.compose import policy

GOOD: dict[str, Any] = {
    "services": {
        "db": {
            "image": "vendor/db:1.2",
            "restart": "unless-stopped",
            "labels": {"org.lakelet.kind": "server"},
            "healthcheck": {"test": ["CMD", "true"]},
            "mem_limit": "1",
            "pids_limit": 1,
            "stop_grace_period": "30s",
            "logging": {"options": {"max-size": "1m", "max-file": "1"}},
            "security_opt": ["no-new-privileges:true"],
            "cap_drop": ["ALL"],
            "ports": [{"host_ip": "127.0.0.1", "target": 1, "published": "1"}],
            "environment": {"DB_PASSWORD": "from-env"},
            "depends_on": {"init": {"condition": "service_completed_successfully"}},
        },
        "init": {
            "image": "vendor/init:1",
            "restart": "no",
            "labels": {"org.lakelet.kind": "oneshot"},
            "mem_limit": "1",
            "pids_limit": 1,
            "logging": {"options": {"max-size": "1m", "max-file": "1"}},
            "security_opt": ["no-new-privileges:true"],
            "cap_drop": ["ALL"],
        },
    }
}


@pytest.mark.parametrize("rule", policy.RULES, ids=lambda rule: rule.__name__)
def test_a_good_model_passes(rule: policy.Rule) -> None:
    assert rule(GOOD) == []


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        (policy.images_are_pinned, "image", "vendor/db:latest"),
        (policy.images_are_pinned, "image", "localhost:5000/vendor/db"),
        (policy.servers_are_watched, "healthcheck", {}),
        (policy.servers_are_watched, "healthcheck", {"test": ["NONE"]}),
        (policy.servers_are_watched, "restart", "no"),
        (policy.servers_are_watched, "depends_on", {}),
        (policy.waits_can_end, "depends_on", {"init": {"condition": "service_started"}}),
        (policy.waits_can_end, "depends_on", {"init": {"condition": "service_healthy"}}),
        (policy.limits_are_set, "mem_limit", "0"),
        (policy.limits_are_set, "logging", {}),
        (policy.rights_are_few, "privileged", True),
        (policy.rights_are_few, "container_name", "db"),
        (policy.rights_are_few, "network_mode", "host"),
        (policy.rights_are_few, "cap_drop", []),
        (policy.rights_are_few, "security_opt", []),
        (policy.ports_are_loopback_and_unique, "ports", [{"target": 1, "published": "1"}]),
        (
            policy.ports_are_loopback_and_unique,
            "ports",
            [{"host_ip": "127.0.0.1", "target": t, "published": "1"} for t in (1, 2)],
        ),
        (policy.sources_exist, "volumes", [{"type": "bind", "source": "/no/such"}]),
        (policy.sources_exist, "build", {"context": "/no/such", "dockerfile": "Dockerfile"}),
    ],
)
def test_a_bad_model_is_found(rule: policy.Rule, key: str, value: Any) -> None:
    model = copy.deepcopy(GOOD)
    model["services"]["db"][key] = value
    assert len(rule(model)) == 1


def test_two_ways_to_build_one_image_are_found() -> None:
    model = copy.deepcopy(GOOD)
    model["services"]["init"]["image"] = model["services"]["db"]["image"]
    for name, target in (("db", "one"), ("init", "two")):
        model["services"][name]["build"] = {"context": ".", "target": target}
    assert len(policy.an_image_is_built_one_way(model)) == 1


def test_a_writable_root_is_found() -> None:
    model = {"services": {"prometheus": GOOD["services"]["db"]}}
    assert len(policy.roots_are_read_only(model)) == 1
    model = {"services": {"prometheus": {**GOOD["services"]["db"], "read_only": True}}}
    assert policy.roots_are_read_only(model) == []


@pytest.mark.parametrize("value", ["changeme", "some-fixed-default"])
def test_a_default_password_is_found(value: str) -> None:
    model = copy.deepcopy(GOOD)
    assert policy.secrets_are_generated(model, {"X": "from-env"}) == []
    model["services"]["db"]["environment"]["DB_PASSWORD"] = value
    assert len(policy.secrets_are_generated(model, {"X": "from-env"})) == 1


def test_a_secret_that_is_not_in_env_is_found() -> None:
    model = {**GOOD, "secrets": {"db": {"environment": "DB_PASSWORD"}}}
    assert len(policy.secrets_are_generated(model, {"X": "from-env"})) == 1
