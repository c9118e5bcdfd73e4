"""Dremio's first user: what the script sends and takes, held to Dremio's own source.

Facts (dremio-oss, its source): `BootstrapResource` takes `PUT /apiv2/bootstrap/firstuser` while
there is no user, a `UserForm` (the password beside `SimpleUser`'s fields), and answers with a
`UserUI`, else 400 with its message; `NoUserFilter` answers 403 "No User Available" to all else,
logins too, until then; `SimpleUserService` wants eight characters with a letter and a number.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.common.settings import CHECKOUT

SCRIPT = CHECKOUT / "compose" / "processing" / "first_user.sh"
FIELDS = {
    *("uid", "userName", "firstName", "lastName", "email", "createdAt", "modifiedAt", "version"),
    "password",
}
ONCE = "First user can only be created when no user is already registered"
# What JSON, a shell and curl each could spoil.
PASSWORDS = [
    "plain-Passw0rd",
    "q\"uo'te\\d 1",
    "$HOME`id`;&|<>#%s%% 1a",
    "Grüße-世界-1",
    "@a1-b2-c3",
]


class Dremio(BaseHTTPRequestHandler):
    """Answers as Dremio's resources do; `server.users` is who there is."""

    server: Vendor

    def do_POST(self) -> None:
        """Log in (`LoginResource`)."""
        asked = self._body()
        if self.path != "/apiv2/login" or not self.server.users:
            return self._answer(403, {"errorMessage": "No User Available", "moreInfo": ""})
        if self.server.users.get(asked["userName"]) != asked["password"]:
            return self._answer(401, {"errorMessage": "Login failed: Invalid username or password"})
        return self._answer(200, {"token": "t", "userName": asked["userName"], "admin": True})

    def do_PUT(self) -> None:
        """Make the first user (`BootstrapResource`)."""
        form = self._body()
        if self.path != "/apiv2/bootstrap/firstuser":
            return self._answer(404, {"errorMessage": "HTTP 404 Not Found"})
        if self.server.users:
            return self._answer(400, {"errorMessage": ONCE, "context": [], "moreInfo": ""})
        assert form.keys() <= FIELDS
        assert isinstance(form["createdAt"], int)
        secret = form["password"]
        if (
            len(secret) < 8
            or not any(map(str.isdigit, secret))
            or not any(map(str.isalpha, secret))
        ):
            return self._answer(400, {"errorMessage": "Invalid password"})
        self.server.users[form["userName"]] = secret
        config = {k: v for k, v in form.items() if k != "password"}
        user = {"userName": form["userName"], "userConfig": {**config, "uid": {"id": "1"}}}
        return self._answer(200, {"resourcePath": f"/user/{form['userName']}", **user})

    def _body(self) -> dict[str, Any]:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/json"
        document: dict[str, Any] = json.loads(content)
        self.server.asked.append(f"{self.command} {self.path}")
        return document

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Vendor(ThreadingHTTPServer):
    """A Dremio with its users."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Dremio)
        self.users: dict[str, str] = {}
        self.asked: list[str] = []


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A Dremio that was just installed."""
    with Vendor() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def run(vendor: Vendor, folder: Path, password: str) -> subprocess.CompletedProcess[str]:
    """Run the script as the container does."""
    assert shutil.which("curl"), "the script needs curl: apt-get install curl"
    secret = folder / "admin_password"
    secret.write_text(password)
    return subprocess.run(
        ["/bin/sh", SCRIPT],
        env={
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "ADMIN_USER": "admin",
            "ADMIN_PASSWORD_FILE": str(secret),
            "DREMIO_URL": f"http://127.0.0.1:{vendor.server_port}",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_first_user_is_made_and_can_log_in(
    vendor: Vendor, tmp_path: Path, password: str
) -> None:
    made = run(vendor, tmp_path, password)
    assert made.returncode == 0, made.stderr
    assert vendor.users == {"admin": password}
    assert vendor.asked == [
        "POST /apiv2/login",
        "PUT /apiv2/bootstrap/firstuser",
        "POST /apiv2/login",
    ]
    again = run(vendor, tmp_path, password)
    assert (again.returncode, again.stdout) == (0, "Dremio knows admin\n")
    assert vendor.asked[3:] == ["POST /apiv2/login"]


@pytest.mark.parametrize("users", [{"someone": "else-12345"}, {"admin": "changed-in-Dremio-1"}])
def test_another_first_user_or_password_is_told_and_nothing_is_changed(
    vendor: Vendor, tmp_path: Path, users: dict[str, str]
) -> None:
    vendor.users = dict(users)
    refused = run(vendor, tmp_path, "from-env-12345")
    assert refused.returncode == 1
    assert "status 400" in refused.stderr
    assert "from-env-12345" not in refused.stderr + refused.stdout
    assert vendor.users == users


def test_a_password_that_dremio_does_not_take_is_told(vendor: Vendor, tmp_path: Path) -> None:
    refused = run(vendor, tmp_path, "no-number-in-it")
    assert refused.returncode == 1
    assert "did not take admin" in refused.stderr
