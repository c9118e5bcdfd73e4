"""A shipper that hangs, or gets nowhere, is not well."""

from __future__ import annotations

import pytest

from services.common.shipping import ShippingStatus


@pytest.mark.parametrize(
    ("status", "well"),
    [
        (ShippingStatus(at=1000, behind_bytes=0, since=1000), True),
        (ShippingStatus(at=970, behind_bytes=0, since=100), True),  # nothing to ship for long
        (ShippingStatus(at=900, behind_bytes=0, since=900), False),  # looks no more
        (ShippingStatus(at=999, behind_bytes=10, since=990), True),
        (ShippingStatus(at=999, behind_bytes=10, since=800), False),  # looks, and gets nowhere
    ],
)
def test_who_is_well(status: ShippingStatus, well: bool) -> None:
    assert status.is_well(now=1000.0) is well


def test_seconds_behind_grow_for_both_kinds() -> None:
    assert ShippingStatus(1000, 10, 800).behind_for(1000.0) == 200
    assert ShippingStatus(1000, 0, 800).behind_for(1000.0) == 0
    assert ShippingStatus(500, 0, 500).behind_for(1000.0) > 120
