"""What a source remembers of its listings: never what was read before a change of our own."""

from __future__ import annotations

import threading
from typing import Any, cast

from services.dremio.state.lake.source import LakeSource, Place

_PLACE = Place("gold", ("lake",), "dim_customers")


class _Catalog:
    """A table bucket with one table; a listing waits, having looked, until it may answer."""

    def __init__(self) -> None:
        self.names = ["dim_customers"]
        self.looked = threading.Event()
        self.answer = threading.Event()
        self.listings = 0

    def is_plain(self, _bucket: str) -> bool:
        return False

    def tables(self, _bucket: str, _namespace: tuple[str, ...]) -> list[str]:
        self.listings += 1
        names = list(self.names)
        self.looked.set()
        assert self.answer.wait(10)
        return names

    def load(self, _bucket: str, _namespace: tuple[str, ...], table: str) -> dict[str, Any] | None:
        return {} if table in self.names else None


def _source(catalog: _Catalog) -> LakeSource:
    unused = cast(Any, None)
    return LakeSource("gold", unused, {"rootPath": "/gold"}, cast(Any, catalog), unused)


def test_a_listing_that_a_drop_overtook_is_not_believed() -> None:
    catalog = _Catalog()
    source = _source(catalog)
    lister = threading.Thread(target=source.exists, args=[_PLACE])
    lister.start()
    assert catalog.looked.wait(10)
    catalog.names.clear()  # dropped by a statement of this process,
    source.changed()  # which says so, before the listing is back
    catalog.answer.set()
    lister.join(10)
    assert not source.exists(_PLACE)


def test_a_listing_is_believed_for_a_while_except_where_it_must_be_fresh() -> None:
    catalog = _Catalog()
    catalog.answer.set()
    source = _source(catalog)
    assert source.exists(_PLACE)
    assert source.exists(_PLACE)
    assert catalog.listings == 1
    catalog.names.clear()  # dropped by someone else
    assert source.exists(_PLACE)
    assert not source.exists(_PLACE, fresh=True)
