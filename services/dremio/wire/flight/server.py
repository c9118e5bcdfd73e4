"""The Flight server: commands in descriptors, rows in streams.

A descriptor's command is either SQL as UTF-8 text (Dremio's own way, older than Flight SQL) or a
Flight SQL message. Either is only planned when FlightInfo is asked for and run when its ticket
is redeemed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from pyarrow import flight

from services.dremio.state.engine import Engine
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.session import Session
from services.dremio.state.users import Users
from services.dremio.wire.flight import messages, metadata, sql_info, xdbc
from services.dremio.wire.flight.actions import ACTIONS, Actions
from services.dremio.wire.flight.auth import Authentication, NoHandshake
from services.dremio.wire.flight.errors import translated
from services.dremio.wire.flight.prepared import PreparedStatements
from services.dremio.wire.flight.sessions import Sessions, Visit
from services.dremio.wire.flight.streams import Rows, Watcher, empty
from services.dremio.wire.flight.tickets import Tickets
from services.dremio.wire.flight.updates import update

_AUTHENTICATION = "authentication"


class FlightServer(flight.FlightServerBase):  # type: ignore[misc]
    """Serves an engine; it listens from the moment it is made."""

    def __init__(
        self,
        engine: Engine,
        users: Users,
        location: str,
        certificate: tuple[bytes, bytes] | None = None,
    ) -> None:
        self._engine = engine
        self._sessions = Sessions()
        self._prepared = PreparedStatements()
        self._tickets = Tickets()
        self._watcher = Watcher(engine)
        self._actions = Actions(engine, self._sessions, self._prepared)
        super().__init__(
            location.replace("grpc://", "grpc+tcp://", 1),
            tls_certificates=[certificate] if certificate else None,
            auth_handler=NoHandshake(),
            middleware={_AUTHENTICATION: Authentication(users, self._sessions, engine.core.audit)},
        )

    def shutdown(self) -> None:
        """Stop serving; running calls end first."""
        self._watcher.stop()
        super().shutdown()

    def list_flights(self, context: Any, criteria: bytes) -> Iterator[flight.FlightInfo]:
        """There are no flights but those a command makes."""
        return iter(())

    def get_flight_info(self, context: Any, descriptor: Any) -> flight.FlightInfo:
        """Plan a command: the schema of its rows and the ticket that runs it."""
        with translated():
            schema, ticket = self._plan(_visit(context), descriptor)
        endpoint = flight.FlightEndpoint(ticket, [])
        return flight.FlightInfo(schema, descriptor, [endpoint], -1, -1)

    def get_schema(self, context: Any, descriptor: Any) -> flight.SchemaResult:
        """Plan a command; only the schema."""
        with translated():
            return flight.SchemaResult(self._plan(_visit(context), descriptor)[0])

    def do_get(self, context: Any, ticket: flight.Ticket) -> flight.FlightDataStream:
        """Run what a ticket stands for and stream its rows."""
        visit = _visit(context)
        found = messages.unwrap(ticket.ticket)
        with translated():
            if found is None:
                raise DremioError(
                    ErrorKind.VALIDATION, "not a ticket of this server's: ask get_flight_info"
                )
            name, message = found
            if name == "TicketStatementQuery":
                return self._run(context, visit.session, message.statement_handle)
            if name not in _METADATA:
                raise DremioError(ErrorKind.VALIDATION, f"{name} is not a ticket")
            table = _METADATA[name][1](self._engine, visit.session, message)
        batches = table.to_batches() or [empty(table.schema)]
        return flight.RecordBatchStream(pa.RecordBatchReader.from_batches(table.schema, batches))

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Run an update, or bind a prepared statement's parameters."""
        with translated():
            session, gone = _visit(context).session, context.is_cancelled
            update(self._engine, session, self._prepared, descriptor, reader, writer, gone)

    def do_action(self, context: Any, action: flight.Action) -> list[bytes]:
        """Prepared statements, cancelling, closing the session."""
        with translated():
            return self._actions.run(_visit(context), action.type, action.body.to_pybytes())

    def list_actions(self, context: Any) -> list[tuple[str, str]]:
        """Return the actions there are."""
        return list(ACTIONS.items())

    def _plan(self, visit: Visit, descriptor: Any) -> tuple[pa.Schema, flight.Ticket]:
        if descriptor.descriptor_type != flight.DescriptorType.CMD:
            raise DremioError(ErrorKind.VALIDATION, "send SQL as the descriptor's command")
        found = messages.unwrap(descriptor.command)
        if found is None:
            return self._statement(visit.session, _text(descriptor.command))
        name, message = found
        match name:
            case "CommandStatementQuery":
                return self._statement(visit.session, message.query)
            case "CommandPreparedStatementQuery":
                kept = self._prepared.get(message.prepared_statement_handle, visit.session.user.id)
                statements = kept.statements()
                if len(statements) != 1:
                    raise DremioError(
                        ErrorKind.UNSUPPORTED_OPERATION, "a query takes one row of parameters"
                    )
                return self._statement(visit.session, statements[0])
        if name not in _METADATA:
            raise DremioError(ErrorKind.UNSUPPORTED_OPERATION, f"{name} is not offered")
        schema = _METADATA[name][0]
        if name == "CommandGetTables" and message.include_schema:
            schema = metadata.TABLES_WITH_SCHEMA
        return schema, flight.Ticket(messages.wrap(message))

    def _statement(self, session: Session, sql: str) -> tuple[pa.Schema, flight.Ticket]:
        schema, planned = self._engine.plan(session, sql)
        ticket = str(uuid.uuid4())
        if planned is not None:
            self._tickets.keep(ticket, planned)
        handle = json.dumps({"id": ticket, "sql": sql}).encode()
        message = messages.new("TicketStatementQuery", statement_handle=handle)
        return schema, flight.Ticket(messages.wrap(message))

    def _run(self, context: Any, session: Session, handle: bytes) -> flight.FlightDataStream:
        try:
            ticket = json.loads(handle)
            planned, sql = str(ticket["id"]), str(ticket["sql"])
        except (ValueError, KeyError, TypeError) as error:
            raise DremioError(ErrorKind.VALIDATION, "the ticket is not whole") from error
        # A ticket may be redeemed twice: each time is a job of its own.
        job_id = str(uuid.uuid4())
        self._actions.running(planned, job_id, session.user.id)
        self._watcher.watch(job_id, context)
        try:
            execution = self._engine.execute(
                session, sql, job_id=job_id, planned=self._tickets.take(planned)
            )
        except BaseException:
            self._watcher.forget(job_id)
            raise
        rows = Rows(execution, self._watcher, lambda: self._actions.ended(planned))
        return flight.GeneratorStream(execution.schema, rows)


_Answer = Callable[[Engine, Session, Any], pa.Table]


def _metadata(ask: Callable[[metadata.Metadata, Any], pa.Table]) -> _Answer:
    return lambda engine, session, message: ask(metadata.Metadata(engine, session), message)


def _nothing(schema: pa.Schema) -> tuple[pa.Schema, _Answer]:
    return schema, lambda engine, session, message: schema.empty_table()


# Command → the schema of its answer, and the answer. Dremio has no keys to tell of.
_METADATA: dict[str, tuple[pa.Schema, _Answer]] = {
    "CommandGetCatalogs": (metadata.CATALOGS, _metadata(lambda m, _: m.catalogs())),
    "CommandGetDbSchemas": (metadata.DB_SCHEMAS, _metadata(lambda m, c: m.db_schemas(c))),
    "CommandGetTables": (metadata.TABLES, _metadata(lambda m, c: m.tables(c))),
    "CommandGetTableTypes": (metadata.TABLE_TYPES, _metadata(lambda m, _: m.table_types())),
    "CommandGetPrimaryKeys": _nothing(metadata.PRIMARY_KEYS),
    "CommandGetExportedKeys": _nothing(metadata.FOREIGN_KEYS),
    "CommandGetImportedKeys": _nothing(metadata.FOREIGN_KEYS),
    "CommandGetCrossReference": _nothing(metadata.FOREIGN_KEYS),
    "CommandGetXdbcTypeInfo": (
        xdbc.SCHEMA,
        lambda _, __, message: xdbc.type_info(
            message.data_type if message.HasField("data_type") else None
        ),
    ),
    "CommandGetSqlInfo": (
        sql_info.SCHEMA,
        lambda engine, _, message: sql_info.sql_info(engine.core.version, list(message.info)),
    ),
}


def _visit(context: Any) -> Visit:
    visit: Visit = context.get_middleware(_AUTHENTICATION).visit
    return visit


def _text(command: bytes) -> str:
    try:
        return command.decode()
    except UnicodeDecodeError as error:
        raise DremioError(
            ErrorKind.PARSE, "the command is neither UTF-8 text nor a Flight SQL message"
        ) from error


def create_flight_server(
    engine: Engine,
    users: Users,
    location: str,
    certificate: tuple[bytes, bytes] | None = None,
) -> FlightServer:
    """Return a server that listens at `location` (`grpc://host:port`, `grpc+tls://` with TLS).

    Raises OSError when the port is taken.
    """
    return FlightServer(engine, users, location, certificate)


__all__ = ["FlightServer", "create_flight_server"]
