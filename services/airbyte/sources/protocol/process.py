"""A connector's process: its lines in bulk, its end, and that it never outlives its parent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from services.airbyte.cdk.failures import transient_error

# Replaces itself by the program, which then gets SIGKILL when its parent dies (Linux).
_TIE = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    print(f"{sys.argv[2]} cannot be run: {error}", file=sys.stderr)
    sys.exit(127)
"""
# What a connector gets of our environment: nothing that might be a secret.
_PASSED = (
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy"),
)
_CHUNK = 1 << 20
LONGEST_LINE = 64 << 20
_HEAD = 100_000
# How long a connector may take to end after it has said all or closed its output.
LAST_SECONDS = 60.0


class CutLine(bytes):
    """The beginning of a line that is too long to be kept; `length` is the whole line's."""

    length: int


class Child:
    """A running connector. Use it as a context manager: it is gone afterwards."""

    def __init__(
        self, argv: Sequence[str], folder: Path, silence: float, log: Callable[[str], None]
    ) -> None:
        """Start `argv` in `folder`; `silence` is how many seconds it may say nothing."""
        self._silence, self._log = silence, log
        self.last_words: list[str] = []
        self.done = False
        """Whether it has said all that is wanted of it: then nobody waits for its end for long."""
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *argv],
            cwd=folder,
            env={**environment, "HOME": str(folder), "DEPLOYMENT_MODE": "OSS"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._errors = threading.Thread(target=self._listen, daemon=True)
        self._errors.start()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def batches(self) -> Iterator[list[bytes]]:
        """Yield the lines of its output as they come, many at a time.

        While the caller is busy nothing is read, and the connector waits on its full pipe. Of a
        line of more than LONGEST_LINE bytes comes a `CutLine`.
        Raises ConnectorError (transient) when it says nothing for too long.
        """
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        pipe = self._process.stdout.fileno()
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux; 64 KB are full in no time
            with contextlib.suppress(OSError):  # the user has used up what all pipes may take
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)
        rest: list[bytes] = []
        held = 0
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                seconds = min(self._silence, LAST_SECONDS) if self.done else self._silence
                if not selector.select(seconds):
                    if self.done:
                        break
                    raise transient_error(
                        f"the connector said nothing for {self._silence:.0f} s and was stopped;"
                        " set CONNECTOR_SILENCE_SECONDS if it needs longer"
                    )
                chunk = os.read(pipe, _CHUNK)
                if not chunk:
                    break
                first, newline, more = chunk.partition(b"\n")
                rest.append(first)
                held += len(first)
                if not newline:
                    if held > LONGEST_LINE:
                        rest = [b"".join(rest)[:_HEAD]]
                    continue
                lines = more.split(b"\n")
                last = lines.pop()
                lines.insert(0, _joined(rest, held))
                rest, held = [last], len(last)
                yield lines
        if held:
            yield [_joined(rest, held)]

    def exit_code(self) -> int:
        """Return its exit code, after its output ended; negative is a signal's number."""
        try:
            code = self._process.wait(min(self._silence, LAST_SECONDS))
        except subprocess.TimeoutExpired:
            self._log("the connector has said all and did not end; it is stopped")
            self.stop()
            if self.done:
                return 0
            raise transient_error(
                "the connector closed its output, did not end and was stopped: whether it gave all"
                " rows is not known"
            ) from None
        self._errors.join(timeout=5)
        return code

    def stop(self) -> None:
        """End it and all that it started."""
        self._signal(signal.SIGTERM)
        until = time.monotonic() + 5
        while self._process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._errors.join(timeout=5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _signal(self, number: signal.Signals) -> None:
        # The group outlives its leader when that left children behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - asked for above
        with contextlib.suppress(ValueError, OSError):  # closed under us by stop
            for line in iter(partial(self._process.stderr.readline, _HEAD), b""):
                text = line.decode(errors="replace").rstrip()[:10_000]
                if text:
                    self.last_words = [*self.last_words[-19:], text]
                    self._log(text)


def _joined(pieces: list[bytes], length: int) -> bytes:
    """Return a line from its pieces, only its beginning if it was `length` bytes and too long."""
    if length <= LONGEST_LINE:
        return b"".join(pieces)
    cut = CutLine(b"".join(pieces)[:_HEAD])
    cut.length = length
    return cut
