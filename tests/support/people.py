"""Users of the tests: each with a REST session and a way over Flight."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pytest
from pyarrow import flight

from services.common.settings import Settings
from tests.support.dremio import Dremio, JobFailed


@dataclass
class Person:
    """A user of the tests with a REST session of their own."""

    name: str
    password: str
    rest: Dremio
    settings: Settings

    def flight(self, sql: str) -> pa.Table:
        """Read over Flight with name and password."""
        with flight.FlightClient(self.settings.flight_uri) as client:
            token = client.authenticate_basic_token(self.name, self.password)
            options = flight.FlightCallOptions(headers=[token])
            info = client.get_flight_info(flight.FlightDescriptor.for_command(sql), options)
            return client.do_get(info.endpoints[0].ticket, options).read_all()


def maker(settings: Settings, admin: Dremio) -> Callable[[str], Person]:
    """Return what makes users by name, once each."""
    made: dict[str, Person] = {}

    def person(name: str) -> Person:
        if name not in made:
            password = secrets.token_urlsafe(12)
            body = {"name": name, "password": password, "firstName": name.title()}
            admin.http.post("/api/v3/user", json=body).raise_for_status()
            rest = Dremio(settings.dremio_url, name, password)
            made[name] = Person(name, password, rest, settings)
        return made[name]

    return person


@contextmanager
def refused(text: str = "Access denied|does not have") -> Iterator[None]:
    """Expect a job that fails for want of a privilege."""
    with pytest.raises(JobFailed, match=text):
        yield
