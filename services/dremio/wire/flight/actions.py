"""Flight actions: prepared statements, cancelling, closing the session."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyarrow import flight

from services.dremio.state.engine import Engine
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.session import Session
from services.dremio.wire.flight import messages
from services.dremio.wire.flight.prepared import (
    PreparedStatements,
    fill,
    parameter_schema,
    places,
)
from services.dremio.wire.flight.session_options import get_options, set_options
from services.dremio.wire.flight.sessions import Sessions, Visit

ACTIONS = {
    "CreatePreparedStatement": "Prepare a statement",
    "ClosePreparedStatement": "Forget a prepared statement",
    "CancelFlightInfo": "Cancel a query",
    "CancelQuery": "Cancel a query (older clients)",
    "SetSessionOptions": "Set the schema or the time limit of the session",
    "GetSessionOptions": "Tell the session's options",
    "CloseSession": "Forget the session",
}
# CancelResult / CancelStatus and CloseSessionResult.Status.
_CANCELLED, _NOT_CANCELLABLE = 1, 3
_CLOSED = 1


class Actions:
    """Runs actions, and knows which tickets are being redeemed. Safe to use from many threads."""

    def __init__(self, engine: Engine, sessions: Sessions, prepared: PreparedStatements) -> None:
        self._engine = engine
        self._sessions = sessions
        self._prepared = prepared
        self._lock = threading.Lock()
        self._jobs: dict[str, tuple[str, str]] = {}
        self._handlers: dict[str, Callable[[Visit, bytes], list[bytes]]] = {
            "CreatePreparedStatement": self._create,
            "ClosePreparedStatement": self._close,
            "CancelFlightInfo": self._cancel,
            "CancelQuery": self._cancel_query,
            "SetSessionOptions": lambda visit, body: [set_options(visit.session, body)],
            "GetSessionOptions": lambda visit, body: [get_options(visit.session)],
            "CloseSession": self._close_session,
        }

    def running(self, planned: str, job_id: str, user_id: str) -> None:
        """Remember that the ticket planned as `planned` runs as `job_id`."""
        with self._lock:
            self._jobs[planned] = (job_id, user_id)

    def ended(self, planned: str) -> None:
        """Forget a ticket that has been redeemed to its end."""
        with self._lock:
            self._jobs.pop(planned, None)

    def run(self, visit: Visit, name: str, body: bytes) -> list[bytes]:
        """Run an action. Raises DremioError (UNSUPPORTED_OPERATION) for one there is not."""
        handler = self._handlers.get(name)
        if handler is None:
            what = "transactions" if "Transaction" in name or "Savepoint" in name else name
            raise DremioError(ErrorKind.UNSUPPORTED_OPERATION, f"{what}: not offered by Dremio")
        return handler(visit, body)

    def _create(self, visit: Visit, body: bytes) -> list[bytes]:
        message = _wrapped(body, "ActionCreatePreparedStatementRequest")
        if message.transaction_id:
            raise DremioError(
                ErrorKind.UNSUPPORTED_OPERATION, "transactions: not offered by Dremio"
            )
        schema = self._schema(visit.session, message.query)
        handle, prepared = self._prepared.create(message.query, visit.session.user.id)
        result = messages.new(
            "ActionCreatePreparedStatementResult",
            prepared_statement_handle=handle,
            dataset_schema=schema.serialize().to_pybytes(),
            parameter_schema=parameter_schema(prepared.count).serialize().to_pybytes(),
        )
        return [messages.wrap(result)]

    def _schema(self, session: Session, sql: str) -> pa.Schema:
        """The rows' schema; with parameters, that of the statement with NULLs in their places."""
        nulls = [None] * len(places(sql))
        try:
            return self._engine.describe(session, fill(sql, nulls))
        except DremioError:
            if not nulls:
                raise
            return pa.schema([])  # it depends on the parameters' types; execution will tell

    def _close(self, visit: Visit, body: bytes) -> list[bytes]:
        message = _wrapped(body, "ActionClosePreparedStatementRequest")
        self._prepared.close(message.prepared_statement_handle, visit.session.user.id)
        return []

    def _cancel(self, visit: Visit, body: bytes) -> list[bytes]:
        info = messages.read("CancelFlightInfoRequest", body).info
        status = self._cancel_info(visit, info)
        return [messages.new("CancelFlightInfoResult", status=status).SerializeToString()]

    def _cancel_query(self, visit: Visit, body: bytes) -> list[bytes]:
        info = _wrapped(body, "ActionCancelQueryRequest").info
        status = self._cancel_info(visit, info)
        return [messages.wrap(messages.new("ActionCancelQueryResult", result=status))]

    def _cancel_info(self, visit: Visit, info: bytes) -> int:
        status = _NOT_CANCELLABLE
        for endpoint in flight.FlightInfo.deserialize(info).endpoints:
            found = messages.unwrap(endpoint.ticket.ticket)
            if found is None or found[0] != "TicketStatementQuery":
                continue
            planned = json.loads(found[1].statement_handle)["id"]
            with self._lock:
                job_id, user_id = self._jobs.get(planned, ("", ""))
            if user_id == visit.session.user.id and self._engine.cancel(job_id):
                status = _CANCELLED
        return status

    def _close_session(self, visit: Visit, body: bytes) -> list[bytes]:
        self._sessions.close(visit)
        return [messages.new("CloseSessionResult", status=_CLOSED).SerializeToString()]


def _wrapped(body: bytes, expected: str) -> Any:
    found = messages.unwrap(body)
    if found is None or found[0] != expected:
        raise DremioError(ErrorKind.VALIDATION, f"the action's body is no {expected}")
    return found[1]
