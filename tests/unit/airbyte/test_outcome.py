from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from services.airbyte.cdk.failures import config_error, describe, transient_error
from services.airbyte.jobs.outcome import (
    MAX_FAILED,
    MAX_LOST,
    MAX_PARTIAL,
    cancelled,
    lost_attempt,
    retry_pause,
)
from services.airbyte.state.records import Attempt

NOW = datetime.datetime.now(datetime.UTC)


def attempts(*failures: dict[str, Any]) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(1, number, "failed", NOW, NOW, NOW, {}, [failure])
        for number, failure in enumerate(failures)
    )


LOST = lost_attempt("killed")
AWAY = describe(transient_error("the source is away"))


def test_what_a_retry_cannot_help_is_not_tried_again() -> None:
    assert retry_pause(attempts(describe(config_error("wrong password")))) is None
    assert retry_pause(attempts(cancelled())) is None


def test_pauses_grow_and_end() -> None:
    pauses = [retry_pause(attempts(*[AWAY] * n)) for n in range(1, MAX_FAILED + 1)]
    assert pauses[-1] is None
    kept = [pause for pause in pauses if pause is not None]
    assert kept == sorted(kept)
    assert 0.8 <= kept[0] <= 1.2


def test_pauses_are_spread_around_their_length() -> None:
    shortest = [retry_pause(attempts(*[AWAY] * n), lambda low, _: low) for n in (1, 2, 3)]
    longest = [retry_pause(attempts(*[AWAY] * n), lambda _, high: high) for n in (1, 2, 3)]
    assert shortest == pytest.approx([0.8, 2.4, 7.2])
    assert longest == pytest.approx([1.2, 3.6, 10.8])


def test_progress_begins_the_count_anew() -> None:
    """A source that breaks off again and again, but brings something each time, is read on."""
    vain = attempts(*[AWAY] * (MAX_FAILED - 1))
    brought = replace(vain[0], stream_stats={"orders": {"recordsCommitted": 5}})
    assert retry_pause((*vain, brought, *vain)) is not None
    assert retry_pause((*vain, brought), lambda low, _: low) == pytest.approx(0.8)
    assert retry_pause((brought, *vain, vain[0])) is None
    assert retry_pause((brought,) * MAX_PARTIAL) is None


def test_attempts_that_the_platform_lost_do_not_count_as_failed() -> None:
    assert retry_pause(attempts(*[LOST] * (MAX_FAILED + 1))) is not None
    assert retry_pause(attempts(*[LOST] * MAX_LOST)) is None
    assert retry_pause(attempts(LOST, LOST, AWAY)) is not None


def test_a_failure_tells_whose_it_is() -> None:
    found = describe(config_error("set password", "FATAL: 28P01"), stream={"name": "orders"})
    assert found["failureOrigin"] == "source"
    assert found["failureType"] == "config_error"
    assert found["externalMessage"] == "set password"
    assert found["internalMessage"] == "FATAL: 28P01"
    assert found["retryable"] is False
    assert found["streamDescriptor"] == {"name": "orders"}
    assert describe(ValueError("x"))["failureType"] == "system_error"
