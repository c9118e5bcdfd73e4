"""Ports for platforms under test: of two processes no one is given the other's."""

from __future__ import annotations

import json
import subprocess
import sys

from services.common.settings import CHECKOUT
from tests.support.ports import free_port, free_ports

_OTHER = """
import json, sys
from tests.support.ports import free_port, free_ports
print(json.dumps([[*free_ports().values()] for _ in range(20)] + [[free_port()]]), flush=True)
sys.stdin.read()
"""


def test_two_processes_have_no_port_in_common() -> None:
    """Nothing listens on any of them: the other process has them until it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        theirs = {number for block in json.loads(other.stdout.readline()) for number in block}
        ours = [*(number for _ in range(20) for number in free_ports().values()), free_port()]
        assert len(theirs) > 400
        assert theirs.isdisjoint(ours)
        assert len(set(ours)) == len(ours)
