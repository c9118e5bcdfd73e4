"""A search request, parsed: what is known, what is refused, what is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.elasticsearch.errors import (
    illegal_argument,
    invalid_request,
    not_supported,
    parsing,
)
from services.elasticsearch.state.highlight import Highlighter
from services.elasticsearch.state.sorting import SortKey, parse_sort
from services.elasticsearch.state.source import SourceFilter

MAX_WINDOW = 10_000  # index.max_result_window's default
_REFUSED = frozenset(
    [
        "collapse",
        "suggest",
        "rescore",
        "knn",
        "script_fields",
        "runtime_mappings",
        "slice",
        "retriever",
        "rank",
        "indices_boost",
        "ext",
        "explain",
        "profile",
    ]
)
_IGNORED = frozenset(
    [
        "timeout",
        "stats",
        "preference",
        "batched_reduce_size",
    ]
)
_TRACKED = 10_000


@dataclass
class SearchRequest:
    """`total_up_to`: hits are counted up to this number (None: not at all, -1: all)."""

    query: dict[str, Any] = field(default_factory=lambda: {"match_all": {}})
    post_filter: dict[str, Any] | None = None
    start: int = 0
    size: int = 10
    sort: list[SortKey] = field(default_factory=list)
    search_after: list[Any] | None = None
    aggs: dict[str, Any] | None = None
    source: SourceFilter = field(default_factory=SourceFilter)
    fields: list[Any] = field(default_factory=list)
    doc_fields: list[Any] = field(default_factory=list)
    highlight: Highlighter | None = None
    total_up_to: int | None = _TRACKED
    min_score: float | None = None
    version: bool = False
    seq_no: bool = False
    pit: dict[str, Any] | None = None
    scroll: bool = False
    hide_source: bool = False
    track_scores: bool = False
    typed_keys: bool = False
    terminate_after: int = 0  # of each index so many documents are looked at; 0: all


def parse_search(body: dict[str, Any], *, scroll: bool = False) -> SearchRequest:
    """Return the request. Raises RequestError for what is wrong or not supported."""
    made = SearchRequest(scroll=scroll)
    for name, value in body.items():
        if name in _REFUSED:
            if value:
                raise not_supported(f"[{name}] in a search")
        elif name in ("query", "post_filter"):
            if value is not None:
                setattr(made, name, value)
        elif name == "from":
            made.start = int(value)
        elif name == "size":
            made.size = int(value)
        elif name == "sort":
            made.sort = parse_sort(value)
        elif name == "search_after":
            made.search_after = value
        elif name in ("aggs", "aggregations"):
            made.aggs = value
        elif name == "_source":
            made.source = SourceFilter(value)
        elif name == "fields":
            made.fields = value
        elif name == "docvalue_fields":
            made.doc_fields = value
        elif name == "stored_fields":
            made.hide_source = value == "_none_" or "_source" not in value
        elif name == "highlight":
            made.highlight = Highlighter(value)
        elif name == "track_total_hits":
            made.total_up_to = (
                {True: -1, False: None}[value] if isinstance(value, bool) else int(value)
            )
        elif name == "min_score":
            made.min_score = float(value)
        elif name == "version":
            made.version = bool(value)
        elif name == "seq_no_primary_term":
            made.seq_no = bool(value)
        elif name == "pit":
            made.pit = value
        elif name == "track_scores":
            made.track_scores = bool(value)
        elif name == "terminate_after":
            made.terminate_after = int(value)
        elif name not in _IGNORED:
            raise parsing(f"Unknown key for a value in [{name}].")
    _check(made)
    return made


def check_window(request: SearchRequest) -> None:
    """Raise illegal_argument_exception when more is asked for than an index gives at once."""
    if request.start + request.size > MAX_WINDOW:
        raise illegal_argument(
            f"Result window is too large, from + size must be less than or equal to: "
            f"[{MAX_WINDOW}] but was [{request.start + request.size}]. See the scroll api for a "
            "more efficient way to request large data sets. This limit can be set by changing the "
            "[index.max_result_window] index level setting."
        )


def _check(made: SearchRequest) -> None:
    if made.start < 0 or made.size < 0:
        raise illegal_argument("[from] and [size] parameters cannot be negative")
    if made.scroll and made.size == 0:
        raise invalid_request("[size] cannot be [0] in a scroll context")
    if made.search_after is not None:
        wrong = "`from` parameter must be set to 0 when `search_after` is used" * bool(made.start)
        wrong = wrong or "`search_after` cannot be used in a scroll context" * made.scroll
        if wrong:
            raise invalid_request(wrong)
    if made.scroll and made.aggs is None and made.total_up_to is None:
        raise illegal_argument("disabling [track_total_hits] is not allowed in a scroll context")
