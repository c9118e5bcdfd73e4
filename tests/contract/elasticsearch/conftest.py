"""A log store of the tests' own and elasticsearch-py to talk to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from services.common.settings import CHECKOUT
from services.common.waiting import wait_until
from services.supervisor.orphans import end_processes
from tests.support import elsewhere
from tests.support.platform import Home


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what says nothing about an Elasticsearch that is not ours."""
    elsewhere.skip_ours(item, "CONTRACT_ELASTICSEARCH")


class LogStore:
    """One `python -m services.elasticsearch` in a home of its own, or one that `there` names."""

    def __init__(self, folder: Path, **there: str) -> None:
        self.home = Home(folder, **there)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.home.settings.elasticsearch_url

    @property
    def password(self) -> str:
        return self.home.settings.elasticsearch_password.get_secret_value()

    def client(self, compatible_with: int = 9) -> Elasticsearch:
        """elasticsearch-py, speaking the media type of its own version or of the one before."""
        kind = f"application/vnd.elasticsearch+json; compatible-with={compatible_with}"
        return Elasticsearch(
            self.url,
            basic_auth=("elastic", self.password),
            max_retries=0,
            headers={"accept": kind} if compatible_with == 8 else None,
        )

    def start(self) -> None:
        with (self.home.folder / "elasticsearch.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.elasticsearch"],
                env=self.home.environment,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: self.client().ping(), seconds=90, what="elasticsearch")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogStore]:
    """A log store of this run's own, or the Elasticsearch of CONTRACT_ELASTICSEARCH."""
    folder = tmp_path_factory.mktemp("elasticsearch")
    if (there := elsewhere.elasticsearch()) is not None:
        named = LogStore(folder, **there)
        with named.client() as client:
            held = sorted(client.indices.get(index="*").body)
        assert not held, f"the tests delete every index there; name an empty one: {held}"
        yield named
        return
    made = LogStore(folder)
    made.start()
    yield made
    end_processes(made.home.settings)


@pytest.fixture(params=[8, 9])
def es(request: pytest.FixtureRequest, store: LogStore) -> Iterator[Elasticsearch]:
    """A client for each of the versions spoken, on an empty store."""
    client = store.client(request.param)
    yield client
    client.indices.delete(index="*", expand_wildcards="all", ignore_unavailable=True)
    client.close()
