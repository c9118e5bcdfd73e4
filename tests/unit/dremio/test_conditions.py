"""The filters that DuckDB pushes into an Arrow scan, read back."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from services.dremio.state.sources.conditions import Comparison, Group, Null, OneOf, condition_of

_A, _B = pc.field("a"), pc.field("b c")
_COLUMNS = frozenset({"a", "a b", "b c"})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (_A == "x", Comparison("a", "=", "x")),
        (_A == 'quote " and \\ and ) or (', Comparison("a", "=", 'quote " and \\ and ) or (')),
        (_A >= 5, Comparison("a", ">=", "5")),
        (_A == True, Comparison("a", "=", "true")),  # noqa: E712
        (Decimal("1.50") == _A, Comparison("a", "=", "1.50")),
        (
            pa.scalar(datetime.datetime(2026, 1, 2, 3), pa.timestamp("us")) > _A,
            Comparison("a", "<", "2026-01-02 03:00:00.000000"),
        ),
        (
            (_A > 1) & (_B == "x and y"),
            Group("and", (Comparison("a", ">", "1"), Comparison("b c", "=", "x and y"))),
        ),
        (_A.isin(["x", "y, z\\"]), OneOf("a", ("x", "y, z\\"))),
        # Such texts are printed so that they cannot be told from other lists.
        (_A.isin(["x", 'y"']), None),
        (_A.isin(["x", "a,\nb"]), None),
        (_A.isin(['x",\n  "y', "z"]), None),
        (_A.isin([1, 2]), OneOf("a", ("1", "2"))),
        (_A.is_null(), Null("a", null=True)),
        (_A.is_valid(), Null("a", null=False)),
        # An unknown part of AND is dropped; of OR it drops all.
        ((_A > 1) & pc.starts_with(_B, "x"), Comparison("a", ">", "1")),
        ((_A > 1) | pc.starts_with(_B, "x"), None),
        (~(_A > 1), None),
        (_A.isin(list(range(100))), None),  # printed with its middle left out
    ],
)
def test_read(expression: pc.Expression, expected: object) -> None:
    """Each form that DuckDB makes; what is not understood is no condition."""
    assert condition_of(expression, _COLUMNS) == expected
