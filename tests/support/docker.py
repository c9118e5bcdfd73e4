"""A Docker engine of the tests' own, and base images where no registry is reachable."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.compose.engine import can_pull, engine_version, has_image
from services.common.waiting import wait_until

BASE = "python:3.11-slim"
_KEEPER = Path(__file__).with_name("engine_keeper.py")
# How a kernel (or the sandbox around it) says that there shall be no containers.
_DENIED = re.compile(
    r"operation not permitted|permission denied|not supported by kernel|read-only file system"
    r"|function not implemented|no such device|table does not exist|iptables.*not supported"
    r"|devices cgroup isn't mounted|cgroup mountpoint does not exist",
    re.IGNORECASE,
)
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class KernelForbids(Exception):
    """No container can run on this machine, whatever one does; the message says what forbids it."""


def denial(text: str, begins: str = "failed to start daemon") -> str | None:
    """Return the last line of an engine's words that says so: what the kernel forbids, or None.

    Only the line with which the engine gave up counts: it warns of many things it can do without.
    """
    lines = [line for line in text.splitlines() if begins in line]
    return lines[-1].strip() if lines and _DENIED.search(lines[-1]) else None


def why_no_engine() -> str | None:
    """Return what is missing for an engine here, or None when there is or can be one."""
    if engine_version():
        return None
    missing = [p for p in ("docker", "dockerd", "mmdebstrap") if shutil.which(p) is None]
    if missing:
        return f"no Docker engine answers, and to start one {', '.join(missing)} is missing"
    return None if os.geteuid() == 0 else "no Docker engine answers, and only root may start one"


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """Use the engine that answers, else start one that keeps everything below `folder`.

    Never a second one beside one that runs: it would take the first one's bridge away. Raises
    KernelForbids where the kernel lets none start; every other failure is one.
    """
    if engine_version():
        yield
        return
    before = os.environ.get("DOCKER_HOST")
    with (folder / "dockerd.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, str(_KEEPER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # what ends the tests' own group must not end it
        )
        os.environ["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
        try:
            wait_until(
                lambda: keeper.poll() is not None or engine_version() is not None,
                seconds=90,
                what="dockerd",
            )
            if keeper.poll() is not None:
                words = (folder / "dockerd.log").read_text(errors="replace")
                forbidden = denial(words)
                if forbidden:
                    raise KernelForbids(forbidden)
                raise AssertionError(f"dockerd ended with {keeper.returncode}:\n{words[-3000:]}")
            yield
        finally:
            keeper.communicate(timeout=180)
            if before is None:
                del os.environ["DOCKER_HOST"]
            else:
                os.environ["DOCKER_HOST"] = before


def check_a_container_runs() -> None:
    """Run one. Raises KernelForbids where the kernel does not let it, AssertionError else."""
    result = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", BASE, "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        forbidden = denial(result.stderr, "OCI runtime")
        if forbidden:
            raise KernelForbids(forbidden)
        raise AssertionError(f"no container runs: {result.stderr}")


def ensure_base_image(folder: Path) -> None:
    """Make a stand-in for `python:3.11-slim` from Debian's packages where it cannot be pulled.

    The machine's own certificates go in, so that the Dockerfiles build as they are.
    """
    if has_image(BASE) or can_pull(BASE):
        return
    archive = folder / "base.tar"
    hooks = (
        'mkdir -p "$1/usr/local/share/ca-certificates"; '
        'cp /usr/local/share/ca-certificates/*.crt "$1/usr/local/share/ca-certificates/" || true',
        'chroot "$1" update-ca-certificates',
        'ln -sf python3 "$1/usr/bin/python"; rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
    )
    subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--variant=apt"),
            "--include=python3,python3-pip,ca-certificates",
            "--dpkgopt=force-unsafe-io",  # it is thrown away with the test
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
            '--aptopt=Acquire::Languages "none"',
            *(f"--customize-hook={hook}" for hook in hooks),
            *("bookworm", str(archive)),
        ],
        check=True,
    )
    changes = (f"ENV SSL_CERT_FILE={_CERTIFICATES} PIP_CERT={_CERTIFICATES}", 'CMD ["python3"]')
    options = [part for change in changes for part in ("--change", change)]
    subprocess.run(["docker", "import", *options, str(archive), BASE], check=True)
    archive.unlink()


def remove_images(ending: str) -> None:
    """Remove the images whose name holds this; those that an upgrade set aside too."""
    listed = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    names = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
    found = [name for name in names if ending in name]
    if found:
        subprocess.run(
            ["docker", "image", "rm", "--force", *found], stdout=subprocess.DEVNULL, check=False
        )
