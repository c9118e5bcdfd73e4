"""HyperLogLog sketches: made, kept as bytes, merged, read by Apache's own library."""

from __future__ import annotations

import datasketches
import duckdb
import pytest

from .conftest import Ask

THOUSAND = "(SELECT r AS n FROM (SELECT FLATTEN(ARRAY_GENERATE_RANGE(0, 1000)) AS r) x) t"


@pytest.mark.parametrize(
    "value", ["n", "CAST(n AS DOUBLE)", "'name ' || CAST(n AS VARCHAR)", "n * 1.5"]
)
def test_a_sketch_counts_distinct_values(ask: Ask, value: str) -> None:
    ((known, estimate),) = ask(
        f"SELECT COUNT(DISTINCT v), HLL_DECODE(HLL(v)) FROM (SELECT {value} AS v FROM {THOUSAND}) s"
    )
    assert known == 1000
    assert abs(estimate - 1000) < 50  # five standard errors of 2^12 buckets are 8 %


def test_merged_sketches_count_what_their_union_would(ask: Ask) -> None:
    groups = f"(SELECT MOD(n, 7) AS g, HLL(MOD(n, 400)) AS s FROM {THOUSAND} GROUP BY MOD(n, 7)) q"
    merged = ask(f"SELECT HLL_DECODE(HLL_MERGE(s)) FROM {groups}")
    whole = f"(SELECT HLL(MOD(n, 400)) AS s FROM {THOUSAND}) q"
    assert abs(merged - ask(f"SELECT HLL_DECODE(HLL_MERGE(s)) FROM {whole}")) <= 4
    assert abs(merged - 400) < 20


def test_apaches_library_reads_the_bytes(ask: Ask) -> None:
    sketch = datasketches.hll_sketch.deserialize(ask(f"SELECT HLL(n) FROM {THOUSAND}"))
    assert sketch.lg_config_k == 12
    assert sketch.tgt_type == datasketches.tgt_hll_type.HLL_8
    same = datasketches.hll_sketch(12, datasketches.tgt_hll_type.HLL_8)
    for n in range(1000):
        same.update(n)
    assert sketch.get_estimate() == pytest.approx(same.get_estimate(), rel=0.02)


def test_filter_and_over_belong_to_the_aggregate(ask: Ask) -> None:
    assert ask(f"SELECT HLL_DECODE(HLL(n) FILTER (WHERE n < 10)) FROM {THOUSAND}") == 10
    rows = ask(
        "SELECT k, HLL_DECODE(HLL(v) OVER (PARTITION BY k)) "
        "FROM (VALUES ('a', 1), ('a', 2), ('a', 2), ('b', 3)) t(k, v)"
    )
    assert sorted(rows) == [("a", 2), ("a", 2), ("a", 2), ("b", 1)]


def test_nothing_is_an_empty_sketch_and_nulls_do_not_count(ask: Ask) -> None:
    assert ask(f"SELECT HLL_DECODE(HLL(n)) FROM {THOUSAND} WHERE n < 0") == 0
    assert ask("SELECT HLL_DECODE(HLL(v)) FROM (VALUES (1), (NULL)) t(v)") == 1


def test_other_bytes_are_refused(ask: Ask) -> None:
    with pytest.raises(duckdb.Error, match="not a HyperLogLog sketch"):
        ask("SELECT HLL_DECODE(CONVERT_TO('junk', 'UTF8'))")
