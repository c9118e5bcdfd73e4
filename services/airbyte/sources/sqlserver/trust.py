"""A certificate that is trusted besides the system's while a connection is made.

Facts, as seen: the ODBC driver leaves the checking to OpenSSL, which reads what is trusted from the
file that SSL_CERT_FILE names, each time a connection is made; its keyword ServerCertificate is for
Encrypt=strict alone. The driver in Rust takes ServerCertificate, the server's own certificate,
which then need not carry the host's name.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.common.mssql import RUST, provider

_VARIABLE = "SSL_CERT_FILE"
_one_at_a_time = threading.Lock()


@contextmanager
def trusting(keywords: dict[str, str], certificate: str | None) -> Iterator[dict[str, str]]:
    """Give the connection's keywords such that a certificate (PEM) is trusted within."""
    if not certificate:
        yield keywords
        return
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="lakelet-tls-") as folder:
        path = Path(folder) / "trusted.pem"
        if provider() == RUST:
            path.write_text(certificate)
            rest = {key: v for key, v in keywords.items() if key != "HostnameInCertificate"}
            yield {**rest, "ServerCertificate": str(path)}
            return
        before = os.environ.get(_VARIABLE)
        system = Path(before or ssl.get_default_verify_paths().openssl_cafile)
        known = system.read_text() if system.is_file() else ""
        path.write_text(f"{certificate}\n{known}")
        os.environ[_VARIABLE] = str(path)
        try:
            yield keywords
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before
