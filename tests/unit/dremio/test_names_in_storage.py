"""Dremio's names in a storage that knows lower-case letters, digits and `_` alone."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from services.dremio.state.lake.spelling import decode, encode


@given(st.text(min_size=1, max_size=40))
def test_every_name_is_stored_plainly_and_comes_back(name: str) -> None:
    stored = encode(name)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_]*", stored)
    assert stored != "main"
    if "0x" not in name.lower():
        assert decode(stored) == name.lower()


def test_usual_names_are_stored_as_they_are() -> None:
    assert encode("Customer_Metrics") == "customer_metrics"
    assert encode("main") != "main"
    assert decode(encode("main")) == "main"
    assert decode(encode("_airbyte raw-id")) == "_airbyte raw-id"
