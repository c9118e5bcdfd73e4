"""Which server the contract tests are pointed at."""

from __future__ import annotations

import pytest

from tests.support import elsewhere


def test_without_an_address_it_is_ours() -> None:
    assert elsewhere.dremio({}) is None
    assert elsewhere.elasticsearch({"CONTRACT_ELASTICSEARCH": ""}) is None


def test_a_named_dremio() -> None:
    named = {"CONTRACT_DREMIO": "http://admin:p%40ss-word@lake.example"}
    assert elsewhere.dremio(named) == {
        "DREMIO_HOST": "lake.example",
        "DREMIO_PORT": "9047",
        "DREMIO_FLIGHT_PORT": "32010",
        "ADMIN_USER": "admin",
        "ADMIN_PASSWORD": "p@ss-word",
    }
    moved = {"CONTRACT_DREMIO": "http://a:b@h:19047", "CONTRACT_DREMIO_FLIGHT_PORT": "42010"}
    found = elsewhere.dremio(moved)
    assert found is not None
    assert (found["DREMIO_PORT"], found["DREMIO_FLIGHT_PORT"]) == ("19047", "42010")


@pytest.mark.parametrize("address", ["lake.example:9047", "https://a:b@h", "http://h:9047"])
def test_an_address_that_lacks_something_says_what(address: str) -> None:
    with pytest.raises(ValueError, match="has to read http://USER:PASSWORD@HOST:9047"):
        elsewhere.dremio({"CONTRACT_DREMIO": address})


def test_elasticsearch_is_asked_as_its_superuser() -> None:
    with pytest.raises(ValueError, match="the tests are for 'elastic'"):
        elsewhere.elasticsearch({"CONTRACT_ELASTICSEARCH": "http://kibana:secret@h"})
