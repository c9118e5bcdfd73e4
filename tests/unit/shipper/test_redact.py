from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.environment import ensure_env_file
from services.common.settings import read_settings
from services.shipper.redact import Redactor, secrets_of


def test_every_secret_of_the_settings_is_hidden_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CRM_API_TOKEN=crm-token-value\n")
    ensure_env_file(tmp_path)
    known = secrets_of(read_settings(tmp_path))
    assert "crm-token-value" in known
    assert len(known) > 10
    redactor = Redactor(known)
    for secret in known:
        record = {"message": f"got {secret}!", "deep": [{"x": secret}]}
        assert secret not in str(redactor.value(record))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://shop:hunter2@db/shop", "postgresql://shop:***@db/shop"),
        ("password=hunter2 host=db", "password=*** host=db"),
        ('{"api_key": "hunter2", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("Authorization: Bearer abcdefghijk", "Authorization: Bearer ***"),
        ("the password policy is strict", "the password policy is strict"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert Redactor([]).text(text) == shown


def test_fields_named_like_secrets_are_hidden_whatever_they_hold() -> None:
    record = {"client_secret": "x", "tokens": 5, "message": "y", "password": {"a": "b"}}
    assert Redactor([]).value(record) == {
        "client_secret": "***",
        "tokens": "***",
        "message": "y",
        "password": "***",
    }
