from __future__ import annotations

from uuid import UUID

import pytest

from services.airbyte.definitions.registry import registry
from services.airbyte.state.redaction import Redactor
from services.airbyte.state.secrets import MASK, Vault, mask, secrets_in
from services.common.errors import ConfigError

SPEC = {
    "connectionSpecification": {
        "properties": {
            "user": {"type": "string"},
            "password": {"type": "string", "airbyte_secret": True},
            "tunnel": {
                "oneOf": [
                    {"properties": {"method": {"const": "none"}}},
                    {
                        "properties": {
                            "method": {"const": "key"},
                            "key": {"type": "string", "airbyte_secret": True},
                        }
                    },
                ]
            },
            "tokens": {"type": "array", "items": {"type": "string", "airbyte_secret": True}},
        }
    }
}
CONFIG = {
    "user": "u",
    "password": "pass-word",
    "tunnel": {"method": "key", "key": "the-key"},
    "tokens": ["one", "two"],
}


def test_secrets_are_sealed_wherever_they_stand() -> None:
    vault = Vault("a key of the platform")
    sealed = vault.seal(CONFIG, SPEC)
    for secret in ("pass-word", "the-key", "one", "two"):
        assert secret not in str(sealed)
    assert sealed["user"] == "u"
    assert vault.open(sealed) == CONFIG
    assert mask(sealed) == {
        "user": "u",
        "password": MASK,
        "tunnel": {"method": "key", "key": MASK},
        "tokens": [MASK, MASK],
    }


def test_the_mask_keeps_what_was_there() -> None:
    vault = Vault("a key of the platform")
    sealed = vault.seal(CONFIG, SPEC)
    changed = vault.seal({**mask(sealed), "user": "v", "password": "new"}, SPEC, sealed)
    assert vault.open(changed) == {**CONFIG, "user": "v", "password": "new"}


def test_a_mask_with_nothing_behind_it_is_a_value() -> None:
    vault = Vault("a key of the platform")
    assert vault.open(vault.seal({"password": MASK}, SPEC)) == {"password": MASK}


def test_a_forged_sealed_value_is_refused() -> None:
    with pytest.raises(ConfigError):
        Vault("k").seal({"password": {"_lakelet_secret": "x"}}, SPEC)


def test_another_key_says_what_to_do() -> None:
    sealed = Vault("one key").seal(CONFIG, SPEC)
    with pytest.raises(ConfigError, match="ENCRYPTION_KEY"):
        Vault("another key").open(sealed)


def test_tokens_are_ours_and_end() -> None:
    vault = Vault("a key")
    token = vault.token("client")
    assert vault.token_subject(token, 60) == "client"
    assert vault.token_subject(token, -1) is None
    assert vault.token_subject(token[:20] + token[21:], 60) is None
    assert Vault("another").token_subject(token, 60) is None
    # A sealed secret, which callers never see, would not pass for a token either.
    sealed = vault.seal({"password": "client"}, SPEC)["password"]["_lakelet_secret"]
    assert vault.token_subject(sealed, 60) is None


def test_every_definition_marks_its_secrets() -> None:
    for kind in ("source", "destination"):
        for definition in registry().listing(kind):
            schema = definition.spec["connectionSpecification"]
            assert "airbyte_secret" in str(schema), definition.name
            assert schema["type"] == "object"


def test_what_logs_hide_are_secrets_and_no_names() -> None:
    spec = registry().get("destination", UUID("716ca874-520b-4902-9f80-9fad66754b89")).spec
    config = {"access_key_id": "airbyte", "secret_access_key": "a secret", "s3_bucket_name": "b"}
    assert secrets_in(config, spec) == {"a secret"}
    hidden = Redactor(secrets_in(config, spec))
    assert hidden.text("airbyte said: a secret") == f"airbyte said: {MASK}"
    assert secrets_in(CONFIG, SPEC) == {"pass-word", "the-key", "one", "two"}
