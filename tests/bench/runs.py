"""A sync whose time is taken."""

from __future__ import annotations

import re
import time

from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte


class Run:
    """One sync: seconds of the whole job as a client sees it, and the worker's peak memory."""

    def __init__(self, airbyte: Airbyte, connection: str) -> None:
        began = time.monotonic()
        self.info = airbyte.wait(airbyte.start(connection), seconds=900)
        self.seconds = time.monotonic() - began
        self.records = int(self.info["job"]["aggregatedStats"]["recordsCommitted"])
        job = self.info["job"]["id"]
        # The last line is written right after the job's end.
        wait_until(lambda: bool(self._peaks(airbyte, job)), seconds=30, what="the attempt's end")
        peak = self._peaks(airbyte, job)[-1]
        self.peak = float(peak)
        assert self.info["job"]["status"] == "succeeded", self.info
        rate = self.records / self.seconds
        print(f"  {self.records:,} rows in {self.seconds:.2f} s: {rate:,.0f}/s, {peak} MiB")

    @staticmethod
    def _peaks(airbyte: Airbyte, job: int) -> list[str]:
        attempts = airbyte.post("jobs/get", id=job)["attempts"]
        lines = "\n".join(line for a in attempts for line in a["logs"]["logLines"])
        return re.findall(r"peak memory (\d+) MiB", lines)
