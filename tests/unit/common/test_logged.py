"""A service's output in a container: to the engine and to a rotated file, signals passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from services.common.settings import CHECKOUT
from services.supervisor.answers import problem
from services.supervisor.logged import KEPT, rotate

LOGGED = CHECKOUT / "services" / "supervisor" / "logged.py"


def run(log: Path, code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-SE", LOGGED, log, sys.executable, "-u", "-c", code],
        stdout=subprocess.PIPE,
    )


def test_output_goes_both_ways_and_the_status_comes_through(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    output, _ = (process := run(log, code)).communicate(timeout=30)
    assert process.returncode == 7
    assert sorted(output.split()) == [b"err", b"out"]
    assert log.read_bytes() == output


def test_signals_reach_the_service(tmp_path: Path) -> None:
    code = (
        "import signal, sys\n"
        "def stop(*_): print('stopping'); sys.exit(3)\n"
        "signal.signal(signal.SIGINT, stop); print('ready'); signal.pause()"
    )
    process = run(tmp_path / "a.log", code)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=30)[0] == b"stopping\n"
    assert process.returncode == 3


def test_large_files_are_rotated_between_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    code = "line = 'x' * 999\nfor _ in range(25_000): print(line)"
    output, _ = run(log, code).communicate(timeout=60)
    files = sorted(tmp_path.glob("a.log*"), key=lambda p: p.name, reverse=True)
    assert len(files) == 3
    assert b"".join(file.read_bytes() for file in files) == output
    assert all(file.read_bytes().endswith(b"\n") for file in files)


def test_the_oldest_file_goes(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for number in range(KEPT + 3):
        log.write_text(str(number))
        rotate(log)
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == {f"a.log.{age}": str(KEPT + 3 - age) for age in range(1, KEPT + 1)}


@pytest.mark.parametrize(("status", "well"), [(200, True), (204, True), (401, True), (500, False)])
def test_an_answer_is_a_success_or_a_question_for_a_password(status: int, well: bool) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        found = problem(f"http://127.0.0.1:{server.server_port}/x")
    assert (found is None) == well


def test_silence_and_old_files_are_problems(tmp_path: Path) -> None:
    assert "refused" in (problem("http://127.0.0.1:9/") or "")
    status = tmp_path / "status.json"
    assert "No such file" in (problem(f"{status}:90") or "")
    status.touch()
    assert problem(f"{status}:90") is None
    os.utime(status, (1, 1))
    assert "written" in (problem(f"{status}:90") or "")
