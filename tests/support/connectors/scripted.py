"""A connector that says what its configuration tells it to: `messages`, one after the other.

A message is sent as it is. Instead of one may stand {"repeat": n, "message": m} (with {i} in its
text counted up), {"raw": text}, {"stderr": text}, {"exit": code}, {"hang": true},
{"child": path} (starts a process of its own and writes its number there), {"given": path}
(copies catalog and state there), {"chatter": text} (logs it for ever), {"kill": true} (kills
itself), {"half": text} (a line without its end), {"close": true} (closes its output and lives on),
{"from the start": [...], "and then": [...]} (one or the other, as it is given no state or one).

With `vendor`, a path, in its configuration it has a token (`token`, a number) that is good for one
time: each use gives another one, which the vendor keeps there and a CONTROL message tells.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SPEC = {"type": "object", "properties": {"token": {"type": "string", "airbyte_secret": True}}}


def argument(name: str) -> Any:
    if name not in sys.argv:
        return None
    return json.loads(Path(sys.argv[sys.argv.index(name) + 1]).read_text())


def say(message: Any) -> None:
    print(json.dumps(message) if not isinstance(message, str) else message, flush=True)


def act(step: dict[str, Any]) -> None:
    if "repeat" in step:
        text = json.dumps(step["message"])
        for number in range(step["repeat"]):
            print(text.replace('"{i}"', str(number)))
        sys.stdout.flush()
    elif "raw" in step:
        say(step["raw"])
    elif "stderr" in step:
        print(step["stderr"], file=sys.stderr, flush=True)
    elif "exit" in step:
        sys.exit(step["exit"])
    elif "hang" in step:
        time.sleep(3600)
    elif "child" in step:
        child = subprocess.Popen(["sleep", "3600"])
        Path(step["child"]).write_text(f"{os.getpid()} {child.pid}")
    elif "given" in step:
        given = {"catalog": argument("--catalog"), "state": argument("--state")}
        mode = Path(sys.argv[sys.argv.index("--config") + 1]).stat().st_mode & 0o777
        Path(step["given"]).write_text(json.dumps({**given, "mode": mode, "env": dict(os.environ)}))
    elif "chatter" in step:
        while True:
            say({"type": "LOG", "log": {"level": "WARN", "message": step["chatter"]}})
            time.sleep(0.02)
    elif "half" in step:
        print(step["half"], end="", flush=True)
    elif "close" in step:
        os.close(1)
        time.sleep(3600)
    elif "kill" in step:
        os.kill(os.getpid(), signal.SIGKILL)
    elif "from the start" in step:
        for inner in step["and then" if argument("--state") else "from the start"]:
            act(inner)
    else:
        say(step)


def use_token(config: dict[str, Any]) -> None:
    """Exchange the token for a new one, as with an OAuth refresh token."""
    vendor = Path(config["vendor"])
    if vendor.exists() and vendor.read_text() != str(config["token"]):
        sys.exit("invalid_grant: this token has been used already")
    renewed = {**config, "token": str(int(config["token"]) + 1)}
    vendor.write_text(renewed["token"])
    told = {"type": "CONNECTOR_CONFIG", "emitted_at": 1, "connectorConfig": {"config": renewed}}
    say({"type": "CONTROL", "control": told})


operation = sys.argv[1]
if operation == "spec":
    say({"type": "LOG", "log": {"level": "INFO", "message": "a log before the answer"}})
    say({"type": "SPEC", "spec": {"connectionSpecification": SPEC}})
else:
    config = argument("--config")
    if "vendor" in config:
        use_token(config)
    if operation == "check":
        status = config.get("status", {"status": "SUCCEEDED"})
        say({"type": "CONNECTION_STATUS", "connectionStatus": status})
    elif operation == "discover":
        say({"type": "CATALOG", "catalog": {"streams": config["streams"]}})
    else:
        for step in config["messages"]:
            act(step)
