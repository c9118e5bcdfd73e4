"""An SSH server that leads to a database no one else can reach: its name is known there only."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh

USER, PASSWORD = "jumper", "open sesame"
HIDDEN = "database.invalid"  # a name that never resolves (RFC 2606)


@dataclass
class JumpServer:
    """Its port, the one key it takes, who is connected, and who was let through to where."""

    port: int
    key: str
    loop: asyncio.AbstractEventLoop
    passed: list[tuple[str, int]] = field(default_factory=list)
    open: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    def cut(self) -> int:
        """Break every connection as a network would, and return how many there were."""

        async def abort() -> int:
            connections = list(self.open)
            for connection in connections:
                connection.abort()
            return len(connections)

        return asyncio.run_coroutine_threadsafe(abort(), self.loop).result(30)


@contextmanager
def jump_server(target_port: int) -> Iterator[JumpServer]:
    """Serve on a free port; `HIDDEN` leads to `target_port` of this machine."""
    private = asyncssh.generate_private_key("ssh-ed25519")
    known = private.export_public_key()
    loop = asyncio.new_event_loop()
    told = JumpServer(0, private.export_private_key().decode(), loop)

    async def pipe(reader: Any, writer: Any) -> None:
        with contextlib.suppress(OSError, asyncssh.Error):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, asyncssh.Error):
            writer.close()

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn
            told.open.add(conn)

        def connection_lost(self, exc: Exception | None) -> None:
            told.open.discard(self._connection)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == USER and key.export_public_key() == known

        def connection_requested(
            self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
        ) -> Any:
            if dest_host != HIDDEN:
                return False
            told.passed.append((dest_host, dest_port))

            async def lead(reader: Any, writer: Any) -> None:
                inside, outside = await asyncio.open_connection("127.0.0.1", target_port)
                await asyncio.gather(pipe(reader, outside), pipe(inside, writer))

            return lead

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Server,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        )

    acceptor = loop.run_until_complete(start())
    told.port = acceptor.get_port()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield told
    loop.call_soon_threadsafe(acceptor.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=5)
