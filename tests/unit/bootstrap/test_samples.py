from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

from bootstrap.samples.shop import read_purchases


def test_purchases_are_read_exactly_in_the_order_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(
        " customer_id  date number_of_cds  dollar_value\n"
        " 00001 19970101  1   11.77\n 23570 19980630  2   0.00\n"
    )
    assert list(read_purchases(log)) == [
        (1, 1, datetime.date(1997, 1, 1), 1, Decimal("11.77")),
        (2, 23570, datetime.date(1998, 6, 30), 2, Decimal("0.00")),
    ]
