"""The Flight SQL protocol's messages, from a table of their fields.

Source: Apache Arrow's FlightSql.proto and Flight.proto. The classes are made when the module is
imported; `Any` wraps them in descriptors, tickets and action bodies.
"""

from __future__ import annotations

import typing

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

_SQL = "arrow.flight.protocol.sql"
_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
    "bool": _FIELD.TYPE_BOOL,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "sfixed64": _FIELD.TYPE_SFIXED64,
    "double": _FIELD.TYPE_DOUBLE,
}
_KEYS = ("?catalog:string", "?db_schema:string", "table:string")
# Message → its fields in the order of their numbers; `?` optional, `*` repeated.
_MESSAGES: dict[str, tuple[str, ...]] = {
    "CommandGetSqlInfo": ("*info:uint32",),
    "CommandGetXdbcTypeInfo": ("?data_type:int32",),
    "CommandGetCatalogs": (),
    "CommandGetDbSchemas": ("?catalog:string", "?db_schema_filter_pattern:string"),
    "CommandGetTables": (
        "?catalog:string",
        "?db_schema_filter_pattern:string",
        "?table_name_filter_pattern:string",
        "*table_types:string",
        "include_schema:bool",
    ),
    "CommandGetTableTypes": (),
    "CommandGetPrimaryKeys": _KEYS,
    "CommandGetExportedKeys": _KEYS,
    "CommandGetImportedKeys": _KEYS,
    "CommandGetCrossReference": (
        "?pk_catalog:string",
        "?pk_db_schema:string",
        "pk_table:string",
        "?fk_catalog:string",
        "?fk_db_schema:string",
        "fk_table:string",
    ),
    "CommandStatementQuery": ("query:string", "?transaction_id:bytes"),
    "CommandStatementUpdate": ("query:string", "?transaction_id:bytes"),
    "TableDefinitionOptions": ("if_not_exist:int32", "if_exists:int32"),
    "CommandStatementIngest": (
        "table_definition_options:TableDefinitionOptions",
        "table:string",
        "?schema:string",
        "?catalog:string",
        "temporary:bool",
        "?transaction_id:bytes",
    ),
    "CommandPreparedStatementQuery": ("prepared_statement_handle:bytes",),
    "CommandPreparedStatementUpdate": ("prepared_statement_handle:bytes",),
    "TicketStatementQuery": ("statement_handle:bytes",),
    "ActionCreatePreparedStatementRequest": ("query:string", "?transaction_id:bytes"),
    "ActionCreatePreparedStatementResult": (
        "prepared_statement_handle:bytes",
        "dataset_schema:bytes",
        "parameter_schema:bytes",
    ),
    "ActionClosePreparedStatementRequest": ("prepared_statement_handle:bytes",),
    "ActionCancelQueryRequest": ("info:bytes",),
    "ActionCancelQueryResult": ("result:int32",),
    "DoPutUpdateResult": ("record_count:int64",),
    "DoPutPreparedStatementResult": ("?prepared_statement_handle:bytes",),
    # Of Flight.proto; their action bodies are not wrapped in Any.
    "CancelFlightInfoRequest": ("info:bytes", "?unused:bytes"),
    "CancelFlightInfoResult": ("status:int32",),
    "CloseSessionResult": ("status:int32",),
    # A map is a repeated message of key and value.
    "StringListValue": ("*values:string",),
    "SessionOptionValue": (
        "?string_value:string",
        "?bool_value:bool",
        "?int64_value:sfixed64",
        "?double_value:double",
        "?string_list_value:StringListValue",
    ),
    "SessionOptionEntry": ("key:string", "value:SessionOptionValue"),
    "SetSessionOptionsRequest": ("*session_options:SessionOptionEntry",),
    "SessionOptionError": ("value:int32",),
    "SessionOptionErrorEntry": ("key:string", "value:SessionOptionError"),
    "SetSessionOptionsResult": ("*errors:SessionOptionErrorEntry",),
    "GetSessionOptionsResult": ("*session_options:SessionOptionEntry",),
}


def _build() -> dict[str, typing.Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="lakelet/flight_sql.proto", package=_SQL, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, text in enumerate(fields, 1):
            field, _, kind = text.lstrip("?*").partition(":")
            added = message.field.add(
                name=field,
                number=number,
                type=_TYPES.get(kind, _FIELD.TYPE_MESSAGE),
                label=_FIELD.LABEL_REPEATED if text[0] == "*" else _FIELD.LABEL_OPTIONAL,
            )
            if kind not in _TYPES:
                added.type_name = f".{_SQL}.{kind}"
            if text[0] == "?":
                added.proto3_optional = True
                added.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_SQL}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _build()


def new(name: str, **fields: typing.Any) -> typing.Any:
    """Return a message of the protocol."""
    return _CLASSES[name](**fields)


def read(name: str, data: bytes) -> typing.Any:
    """Parse a message that is not wrapped. Raises DecodeError."""
    return _CLASSES[name].FromString(data)


def wrap(message: typing.Any) -> bytes:
    """Return the message inside an `Any`, serialised."""
    wrapped = Any()
    wrapped.Pack(message)
    data: bytes = wrapped.SerializeToString()
    return data


def unwrap(data: bytes) -> tuple[str, typing.Any] | None:
    """Return (name, message) of a wrapped message, None when `data` holds none of ours."""
    try:
        wrapped = Any.FromString(data)
    except DecodeError:
        return None
    prefix, _, name = wrapped.type_url.rpartition(".")
    if not prefix.endswith(_SQL) or name not in _CLASSES:
        return None
    return name, _CLASSES[name].FromString(wrapped.value)
