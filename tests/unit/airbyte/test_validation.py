from __future__ import annotations

from typing import Any

import pytest

from services.airbyte.definitions.registry import registry
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.handlers.validation import validate
from tests.contract.airbyte.client import POSTGRES

GOOD = {"host": "h", "port": 5432, "database": "d", "username": "u"}


def problems(**changes: Any) -> list[tuple[str, str]]:
    (definition,) = (d for d in registry().listing("source") if str(d.id) == POSTGRES)
    with pytest.raises(InvalidInputError) as raised:
        validate(definition, {**GOOD, **changes})
    assert "hush" not in str(raised.value)
    return list(raised.value.problems)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"port": "hush"}, [("$.port", "does not fit type 'integer'")]),
        (
            {"replication_method": {"method": "CDC", "replication_slot": "s"}},
            [("$.replication_method", "'publication' is a required property")],
        ),
        (
            {"replication_method": {"method": "hush"}},
            [
                (
                    "$.replication_method",
                    "it fits none of the allowed forms: method 'CDC'; method 'Xmin';"
                    " method 'Standard'",
                )
            ],
        ),
        (
            {
                "tunnel_method": {
                    "tunnel_method": "SSH_PASSWORD_AUTH",
                    "tunnel_host": "h",
                    "tunnel_port": 99999,
                    "tunnel_user": "u",
                    "tunnel_user_password": "hush",
                }
            },
            [("$.tunnel_method.tunnel_port", "does not fit maximum 65536")],
        ),
    ],
)
def test_what_does_not_fit_is_said_of_the_form_that_was_meant(
    changes: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert problems(**changes) == wanted
