"""What counts as a kernel that forbids containers: only what the engine gave up with."""

from __future__ import annotations

import pytest

from tests.support.docker import denial


@pytest.mark.parametrize(
    "last",
    [
        "failed to start daemon: Error initializing network controller: error obtaining controller "
        "instance: failed to create NAT chain DOCKER: iptables failed: iptables -t nat -N DOCKER: "
        "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Permission denied (you "
        "must be root)",
        "failed to start daemon: Devices cgroup isn't mounted",
        "failed to start daemon: error initializing graphdriver: operation not permitted",
    ],
)
def test_what_the_kernel_forbids_is_told(last: str) -> None:
    words = f'time="…" level=info msg="Starting up"\n{last}\n'
    assert denial(words) == last


@pytest.mark.parametrize(
    "words",
    [
        "",
        'level=warning msg="could not mount: operation not permitted"\nlevel=info msg="API listen"',
        "failed to start daemon: unable to configure the Docker daemon with file /etc/docker/daemon"
        ".json: invalid character",
        "mkdir /x: permission denied\nfailed to start daemon: timeout connecting to containerd",
        'failed to start daemon: pid file found, ensure docker is not running or delete "/x/pid"',
    ],
)
def test_every_other_failure_is_one(words: str) -> None:
    assert denial(words) is None


def test_a_container_that_may_not_run() -> None:
    words = (
        "docker: Error response from daemon: OCI runtime create failed: runc create failed: unable "
        "to start container process: error mounting proc: operation not permitted: unknown."
    )
    assert denial(words, "OCI runtime") == words
    assert denial(words.replace("operation not permitted", "no such file"), "OCI runtime") is None
