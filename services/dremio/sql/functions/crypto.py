"""Encryption: AES in the modes that Dremio offers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.dremio.sql.functions.columns import binary, each
from services.dremio.sql.functions.registry import Family, Udf

_BLOCK_BITS = 128


def _cipher(mode: str, key: bytes, iv: bytes | None) -> Cipher[Any]:
    if len(key) not in (16, 24, 32):
        raise ValueError(f"{mode}: the key has {len(key)} bytes, it must have 16, 24 or 32")
    if mode in ("AES-ECB", "AES-ECB-PKCS7"):
        return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - what was asked for
    if mode in ("AES-CBC", "AES-CBC-PKCS7"):
        if iv is None or len(iv) != 16:
            raise ValueError(f"{mode}: it needs an initialisation vector of 16 bytes")
        return Cipher(algorithms.AES(key), modes.CBC(iv))
    raise ValueError(f"unknown mode '{mode}': AES-ECB, AES-CBC and AES-GCM are known")


def encrypt(data: bytes, key: bytes, mode: str, iv: bytes | None, aad: bytes | None) -> bytes:
    """Return the ciphertext; GCM's tag follows it. Raises ValueError for a wrong key or mode."""
    mode = mode.upper()
    if mode == "AES-GCM":
        if not iv:
            raise ValueError("AES-GCM: it needs an initialisation vector")
        return AESGCM(key).encrypt(iv, data, aad)
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    encryptor = _cipher(mode, key, iv).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def decrypt(data: bytes, key: bytes, mode: str, iv: bytes | None, aad: bytes | None) -> bytes:
    """Undo `encrypt`. Raises ValueError for a wrong key, mode, iv or ciphertext."""
    mode = mode.upper()
    if mode == "AES-GCM":
        if not iv:
            raise ValueError("AES-GCM: it needs an initialisation vector")
        return AESGCM(key).decrypt(iv, data, aad)
    decryptor = _cipher(mode, key, iv).decryptor()
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    plain = unpadder.update(decryptor.update(data) + decryptor.finalize())
    return plain + unpadder.finalize()


def _over(function: Any) -> Any:
    def apply(data: Any, key: Any, mode: Any, iv: Any, aad: Any) -> pa.Array:
        def one(*row: Any) -> bytes | None:
            return None if None in row[:3] else function(*row)

        return each(
            one, pa.binary(), binary(data), binary(key), mode, binary(iv), binary(aad), nulls=True
        )

    return apply


_PARAMETERS = ("BLOB", "BLOB", "VARCHAR", "BLOB", "BLOB")
_NONE = "CAST(NULL AS BLOB)"


def _overloads(name: str) -> tuple[str, ...]:
    return (
        f"(a, b, c) AS {name}(@_BYTES(a), @_BYTES(b), c, {_NONE}, {_NONE})",
        f"(a, b, c, d) AS {name}(@_BYTES(a), @_BYTES(b), c, @_BYTES(d), {_NONE})",
        f"(a, b, c, d, e) AS {name}(@_BYTES(a), @_BYTES(b), c, @_BYTES(d), @_BYTES(e))",
    )


FAMILY = Family(
    title="Cryptography",
    macros={
        "ENCRYPT": _overloads("_dremio_encrypt"),
        "DECRYPT": _overloads("_dremio_decrypt"),
        "AES_ENCRYPT": ("(a, b) AS @ENCRYPT(a, b, 'AES-ECB')",),
        "AES_DECRYPT": ("(a, b) AS decode(@DECRYPT(a, b, 'AES-ECB'))",),
    },
    udfs=(
        Udf("_dremio_encrypt", _PARAMETERS, "BLOB", _over(encrypt), nulls=True),
        Udf("_dremio_decrypt", _PARAMETERS, "BLOB", _over(decrypt), nulls=True),
    ),
)
