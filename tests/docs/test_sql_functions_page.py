"""The page of SQL functions says what is there."""

from __future__ import annotations

from services.dremio.sql.functions.page import PAGE, is_here, listed, page
from services.dremio.sql.functions.reference import ABSENT, DIFFERENCES


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run python -m services.dremio.sql.functions.page"


def test_what_is_absent_is_absent_for_a_reason() -> None:
    everything = {name for names in listed().values() for name in names}
    assert {name for name in everything if not is_here(name)} == set(ABSENT)
    assert all(is_here(name) for name in DIFFERENCES)
