"""`tunnel_method` of Airbyte's database sources: an SSH tunnel through a jump server.

As in Airbyte (its SshTunnel accepts every server key), the jump server's key is not checked.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh

from services.airbyte.cdk.failures import config_error, transient_error

Json = dict[str, Any]

NONE, KEY, PASSWORD = "NO_TUNNEL", "SSH_KEY_AUTH", "SSH_PASSWORD_AUTH"
_SECONDS = 30
_KEEPALIVE = 30


@contextmanager
def through(config: Json, default_port: int) -> Iterator[tuple[str, int] | None]:
    """Give the local address that leads to the configured `host` and `port`; None: no tunnel.

    Raises ConnectorError when the jump server refuses or is away.
    """
    tunnel = config.get("tunnel_method") or {}
    method = tunnel.get("tunnel_method", NONE)
    if method == NONE:
        yield None
        return
    login = _login(tunnel, method)
    target = (str(config["host"]), int(config.get("port") or default_port))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="ssh tunnel", daemon=True)
    thread.start()
    try:
        connection, port = _run(loop, _open(tunnel, login, target), tunnel)
        try:
            yield "127.0.0.1", port
        finally:
            _run(loop, _close(connection), tunnel)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
        loop.close()


def _login(tunnel: Json, method: str) -> Json:
    if method == PASSWORD:
        return {"password": tunnel.get("tunnel_user_password") or "", "client_keys": None}
    if method != KEY:
        raise config_error(f"tunnel_method {method} is not {NONE}, {KEY} or {PASSWORD}")
    try:
        key = asyncssh.import_private_key(tunnel.get("ssh_key") or "")
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise config_error(
            f"ssh_key is not a private key that can be read: {error}; set ssh_key of"
            " tunnel_method to the text of a PEM or OpenSSH key without passphrase"
        ) from error
    return {"client_keys": [key], "password": None}


async def _open(
    tunnel: Json, login: Json, target: tuple[str, int]
) -> tuple[asyncssh.SSHClientConnection, int]:
    connection = await asyncssh.connect(
        str(tunnel["tunnel_host"]),
        int(tunnel.get("tunnel_port") or 22),
        username=str(tunnel["tunnel_user"]),
        known_hosts=None,
        agent_path=None,
        config=None,
        connect_timeout=_SECONDS,
        keepalive_interval=_KEEPALIVE,
        **login,
    )
    try:
        listener = await connection.forward_local_port("127.0.0.1", 0, *target)
    except BaseException:
        connection.abort()
        raise
    return connection, listener.get_port()


async def _close(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    try:
        await asyncio.wait_for(connection.wait_closed(), 5)
    except TimeoutError:
        connection.abort()


def _run(loop: asyncio.AbstractEventLoop, work: Any, tunnel: Json) -> Any:
    """Run a coroutine in the tunnel's thread; its errors say what to set."""
    where = f"{tunnel.get('tunnel_user')}@{tunnel.get('tunnel_host')}:{tunnel.get('tunnel_port')}"
    try:
        return asyncio.run_coroutine_threadsafe(work, loop).result(_SECONDS * 2)
    except asyncssh.PermissionDenied as error:
        raise config_error(
            f"the SSH server refused {where}; set tunnel_user and its key or password in"
            " tunnel_method",
            str(error),
        ) from error
    except (OSError, TimeoutError, asyncssh.Error) as error:
        raise transient_error(
            f"the SSH tunnel through {where} cannot be opened: {error}; is the server running, are"
            " tunnel_host and tunnel_port right?",
            str(error),
        ) from error
