"""Microsoft's client for Python with the native driver that this machine can load.

The package `mssql-python` carries two: Microsoft's ODBC Driver 18, which needs libltdl and
Kerberos' libraries of the system (Debian: libltdl7, libgssapi-krb5-2), and one in Rust, which needs
OpenSSL alone. The first is taken where it loads. The environment variable
MSSQL_PYTHON_NATIVE_PROVIDER (`msodbcsql18`, `mssql-odbc`) decides otherwise; it is the package's
own.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from typing import Any

ODBC_18, RUST = "msodbcsql18", "mssql-odbc"
_VARIABLE = "MSSQL_PYTHON_NATIVE_PROVIDER"


@lru_cache(maxsize=1)
def client() -> Any:
    """Return the module `mssql_python`, ready to connect (without a pool: sessions really end)."""
    import mssql_python

    if not os.environ.get(_VARIABLE) and not _loads(mssql_python):
        setattr(mssql_python, "native_provider", RUST)  # noqa: B010 - the stubs lack it
    mssql_python.pooling(enabled=False)
    return mssql_python


def provider() -> str:
    """Return which of the two drivers is in use."""
    return str(client().get_native_provider_info()["id"])


def _loads(module: Any) -> bool:
    """Whether the libraries that the ODBC driver is linked to are there."""
    path = module.get_native_provider_info()["driver_path"]
    try:
        return path is not None and ctypes.CDLL(str(path)) is not None
    except OSError:
        return False
