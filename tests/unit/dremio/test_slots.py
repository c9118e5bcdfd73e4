"""The queue of statements: its bounds, its order, and what ends the wait."""

from __future__ import annotations

import threading

import pytest

from services.common.waiting import wait_until
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.jobs.slots import Slots
from services.dremio.state.limits import Limits


def _never() -> threading.Event:
    return threading.Event()


def test_no_more_than_allowed_run_and_they_start_in_order() -> None:
    slots = Slots(Limits(at_once=2))
    order: list[int] = []
    most: list[int] = []
    go = threading.Event()

    def work(number: int) -> None:
        slots.enter(_never())
        order.append(number)
        most.append(slots.running)
        go.wait(20)
        slots.leave()

    threads = []
    for number in range(6):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        threads.append(thread)
        here = number + 1
        wait_until(lambda here=here: slots.running + slots.waiting == here, seconds=20, what="it")
    assert (slots.running, slots.waiting) == (2, 4)
    go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(order[:2]) == [0, 1]
    assert sorted(order) == list(range(6))
    assert max(most) <= 2
    assert (slots.running, slots.waiting) == (0, 0)


def test_a_full_queue_refuses_and_a_long_wait_ends() -> None:
    slots = Slots(Limits(at_once=1, queue_length=0))
    slots.enter(_never())
    with pytest.raises(DremioError, match="queue is full") as full:
        slots.enter(_never())
    assert full.value.kind is ErrorKind.RESOURCE
    patient = Slots(Limits(at_once=1, queue_seconds=0.01))
    patient.enter(_never())
    told: list[bool] = []
    with pytest.raises(DremioError, match="was not started"):
        patient.enter(_never(), lambda: told.append(True))
    assert told == [True]
    assert patient.waiting == 0
    patient.leave()
    assert patient.enter(_never()) == 0.0


def test_one_that_waits_can_be_cancelled() -> None:
    slots = Slots(Limits(at_once=1))
    slots.enter(_never())
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(DremioError, match="canceled") as refused:
        slots.enter(cancelled)
    assert refused.value.kind is ErrorKind.CANCELED


def test_full_memory_lets_one_run_and_no_second() -> None:
    full = [True]
    slots = Slots(Limits(at_once=8, queue_seconds=0.01), lambda: full[0])
    slots.enter(_never())  # the first may always run: it alone can free what is held
    with pytest.raises(DremioError, match="DREMIO_MEMORY_LIMIT"):
        slots.enter(_never())
    full[0] = False
    slots.enter(_never())
    assert slots.running == 2
