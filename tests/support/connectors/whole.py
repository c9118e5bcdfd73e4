"""A connector that keeps one state for all of its streams.

`data` in its configuration is the path of a document {"columns": [...], "rows":
[{"stream", "id", ...}]} to which rows are only added: a row's place in it is its place in the log.

LEGACY   one object: how far each stream was read
GLOBAL   how far the log was read, and which streams were copied before: of those the log's new rows
         are sent, of others all rows

Where there is a file `die` beside the document it is removed, and the connector kills itself after
the first stream's state.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def argument(name: str) -> Any:
    return json.loads(Path(sys.argv[sys.argv.index(name) + 1]).read_text())


def say(message: Json) -> None:
    print(json.dumps(message), flush=True)


def send(name: str, rows: list[Json], after: int) -> None:
    for place, row in enumerate(rows, start=1):
        if row["stream"] == name and place > after:
            data = {key: value for key, value in row.items() if key != "stream"}
            say({"type": "RECORD", "record": {"stream": name, "data": data, "emitted_at": 1}})


def legacy(rows: list[Json], names: list[str], given: Any, die: Path) -> None:
    state = dict(given or {})
    for name in names:
        send(name, rows, state.get(name, 0))
        state[name] = len(rows)
        say({"type": "STATE", "state": {"data": state}})
        perhaps_die(die)


def of_log(rows: list[Json], names: list[str], given: Any, die: Path) -> None:
    told = given[0]["global"] if given else {"shared_state": None, "stream_states": []}
    copied = {one["stream_descriptor"]["name"] for one in told["stream_states"]}
    before, after = (told["shared_state"] or {"place": 0})["place"], len(rows)
    for name in names:
        send(name, rows, before if name in copied else 0)
    states = [{"stream_descriptor": {"name": n}, "stream_state": {"copied": True}} for n in names]
    shared = {"shared_state": {"place": after}, "stream_states": states}
    say({"type": "STATE", "state": {"type": "GLOBAL", "global": shared}})
    perhaps_die(die)


def perhaps_die(die: Path) -> None:
    if die.exists():
        die.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


operation = sys.argv[1]
if operation == "spec":
    say({"type": "SPEC", "spec": {"connectionSpecification": {"type": "object"}}})
elif operation == "check":
    say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}})
else:
    config = argument("--config")
    path = Path(config["data"])
    document = json.loads(path.read_text())
    if operation == "discover":
        schema = {"properties": {name: {"type": "integer"} for name in document["columns"]}}
        offered = {
            "json_schema": schema,
            "supported_sync_modes": ["full_refresh", "incremental"],
            "source_defined_cursor": True,
            "source_defined_primary_key": [["id"]],
        }
        found = [{"name": name, **offered} for name in ("a", "b")]
        say({"type": "CATALOG", "catalog": {"streams": found}})
    else:
        wanted = [one["stream"]["name"] for one in argument("--catalog")["streams"]]
        given = argument("--state") if "--state" in sys.argv else None
        read = {"LEGACY": legacy, "GLOBAL": of_log}[config["kind"]]
        read(document["rows"], wanted, given, path.with_name("die"))
