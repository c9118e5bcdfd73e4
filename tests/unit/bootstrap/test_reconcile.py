from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bootstrap.environment import ensure_env_file
from bootstrap.platform_file import read_platform
from bootstrap.reconcile import Flow, Hop
from bootstrap.source_counts import count_source
from services.common.errors import NotFoundError
from services.common.settings import read_settings


def flow(*hops: tuple[int, str | None]) -> Flow:
    return Flow(
        "orders",
        tuple(
            Hop(f"hop{i}", "t", rows, None if money is None else Decimal(money))
            for i, (rows, money) in enumerate(hops)
        ),
    )


def test_equal_hops_agree() -> None:
    assert flow((3, "10.10"), (3, "10.10"), (3, "10.10")).agrees
    assert flow((3, None), (3, None)).agrees


def test_a_lost_row_or_a_lost_cent_disagrees() -> None:
    assert not flow((3, "10.10"), (2, "10.10")).agrees
    assert not flow((3, "10.10"), (3, "10.09")).agrees


def test_money_is_text_in_json_so_that_no_cent_is_rounded() -> None:
    assert flow((1, "2500315.63")).as_dict()["hops"][0]["money"] == "2500315.63"


def test_a_file_that_is_gone_is_told_by_its_source(tmp_path: Path) -> None:
    ensure_env_file(tmp_path)
    settings = read_settings(tmp_path)
    platform = read_platform(settings)
    with pytest.raises(NotFoundError, match=r"source 'nycflights' cannot be counted: .*flights"):
        count_source(platform, platform.reconcile["flights"], settings)
