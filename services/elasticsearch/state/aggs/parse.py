"""The table of aggregations, and building a request's tree of them."""

from __future__ import annotations

import re
from typing import Any

from services.elasticsearch.errors import not_supported, parsing
from services.elasticsearch.state.aggs.base import Aggregation, Bucket
from services.elasticsearch.state.aggs.composite import Composite
from services.elasticsearch.state.aggs.filters import DateRange, Filter, Filters, Missing, Range
from services.elasticsearch.state.aggs.histograms import DateHistogram, Histogram
from services.elasticsearch.state.aggs.metrics import METRICS
from services.elasticsearch.state.aggs.source import AggSource
from services.elasticsearch.state.aggs.terms import Terms
from services.elasticsearch.state.aggs.top_hits import FetchHits, TopHits

AGGREGATIONS: dict[str, type[Aggregation]] = {
    **METRICS,
    "terms": Terms,
    "histogram": Histogram,
    "date_histogram": DateHistogram,
    "range": Range,
    "date_range": DateRange,
    "filter": Filter,
    "filters": Filters,
    "missing": Missing,
    "composite": Composite,
    "top_hits": TopHits,
}

# Aggregations that Elasticsearch has and this store refuses by name.
REFUSED = frozenset(
    [
        "adjacency_matrix",
        "auto_date_histogram",
        "boxplot",
        "bucket_correlation",
        "bucket_count_ks_test",
        "bucket_script",
        "bucket_selector",
        "bucket_sort",
        "categorize_text",
        "change_point",
        "children",
        "cumulative_cardinality",
        "cumulative_sum",
        "derivative",
        "diversified_sampler",
        "extended_stats_bucket",
        "avg_bucket",
        "max_bucket",
        "min_bucket",
        "sum_bucket",
        "stats_bucket",
        "percentiles_bucket",
        "frequent_item_sets",
        "geo_bounds",
        "geo_centroid",
        "geo_distance",
        "geo_line",
        "geohash_grid",
        "geohex_grid",
        "geotile_grid",
        "global",
        "inference",
        "ip_prefix",
        "ip_range",
        "matrix_stats",
        "median_absolute_deviation",
        "moving_fn",
        "moving_percentiles",
        "multi_terms",
        "nested",
        "normalize",
        "parent",
        "percentile_ranks",
        "random_sampler",
        "rare_terms",
        "rate",
        "reverse_nested",
        "sampler",
        "scripted_metric",
        "serial_diff",
        "significant_terms",
        "significant_text",
        "string_stats",
        "t_test",
        "time_series",
        "top_metrics",
        "variable_width_histogram",
        "weighted_avg",
    ]
)
_NAME = re.compile(r"[^\[\]>]+")


def parse_aggregations(
    body: Any, source: AggSource, fetch: FetchHits, depth: int = 0
) -> dict[str, Aggregation]:
    """Return the tree of aggregations. Raises RequestError for what is wrong or not supported."""
    if not isinstance(body, dict):
        raise parsing("Expected [START_OBJECT] under [aggs]")
    if depth > 10:
        raise not_supported("a tree of aggregations more than ten deep")
    made: dict[str, Aggregation] = {}
    for name, definition in body.items():
        if not _NAME.fullmatch(name):
            raise parsing(
                f"Invalid aggregation name [{name}]. Aggregation names can contain any character "
                "except '[', ']', and '>'"
            )
        inner = definition.get("aggs", definition.get("aggregations", {}))
        subs = parse_aggregations(inner, source, fetch, depth + 1) if inner else {}
        kinds = [k for k in definition if k not in ("aggs", "aggregations", "meta")]
        if len(kinds) != 1:
            raise parsing(
                f"Missing definition for aggregation [{name}]"
                if not kinds
                else f"Found two aggregation type definitions in [{name}]: {kinds}"
            )
        kind = kinds[0]
        if kind in REFUSED:
            raise not_supported(f"the aggregation [{kind}]")
        if kind not in AGGREGATIONS:
            raise parsing(f"Unknown aggregation type [{kind}]")
        aggregation = AGGREGATIONS[kind](kind, definition[kind], source, subs)
        if subs and not isinstance(aggregation, Bucket):
            raise parsing(f"Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations")
        aggregation.meta = definition.get("meta")
        if isinstance(aggregation, TopHits):
            aggregation.fetch = fetch
        made[name] = aggregation
    return made
