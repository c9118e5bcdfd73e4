"""Checksums and hashes. HASH and HASH64 are MurmurHash3 of the bytes, numbers as doubles."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Any

import mmh3
import pyarrow as pa

from services.dremio.sql.functions.columns import binary, each
from services.dremio.sql.functions.registry import Family, Udf


def _crc32(column: Any) -> pa.Array:
    return each(zlib.crc32, pa.int64(), binary(column))


def _sha512(column: Any) -> pa.Array:
    return each(lambda data: hashlib.sha512(data).hexdigest(), pa.string(), binary(column))


def _murmur64(data: bytes, seed: int) -> int:
    return int(mmh3.hash64(data, seed & 0xFFFFFFFF)[0])


def _hash64(column: Any, seeds: Any) -> pa.Array:
    return each(_murmur64, pa.int64(), binary(column), seeds)


def _hash64_double(column: Any, seeds: Any) -> pa.Array:
    return each(lambda v, seed: _murmur64(struct.pack("<d", v), seed), pa.int64(), column, seeds)


def _hash32(column: Any) -> pa.Array:
    return each(mmh3.hash, pa.int32(), binary(column))


def _hash32_double(column: Any) -> pa.Array:
    return each(lambda value: mmh3.hash(struct.pack("<d", value)), pa.int32(), column)


def _decimal_bytes(column: Any) -> pa.Array:
    def unscaled(written: str) -> bytes:
        return int(written.replace(".", "")).to_bytes(16, "little", signed=True)

    return each(unscaled, pa.binary(), column)


_NUMBERS = "'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'FLOAT', 'DOUBLE'"

FAMILY = Family(
    title="Hashing",
    macros={
        "CRC32": (
            "(a BLOB) AS _dremio_crc32(a)",
            "(a) AS _dremio_crc32(encode(CAST(a AS VARCHAR)))",
        ),
        "MD5": ("(a BLOB) AS md5(a)", "(a) AS md5(CAST(a AS VARCHAR))"),
        "SHA": ("(a BLOB) AS sha1(a)", "(a) AS sha1(CAST(a AS VARCHAR))"),
        "SHA1": ("(a BLOB) AS sha1(a)", "(a) AS sha1(CAST(a AS VARCHAR))"),
        "SHA256": ("(a BLOB) AS sha256(a)", "(a) AS sha256(CAST(a AS VARCHAR))"),
        "SHA512": (
            "(a BLOB) AS _dremio_sha512(a)",
            "(a) AS _dremio_sha512(encode(CAST(a AS VARCHAR)))",
        ),
        # Never NULL: a NULL hashes to 0. A decimal is its unscaled value in 16 bytes.
        "_HASH64": (
            "(a BLOB, s) AS _dremio_hash64(a, s)",
            "(a, s) AS CASE WHEN typeof(a) LIKE 'DECIMAL%' "
            "THEN _dremio_hash64(_dremio_decimal_bytes(CAST(a AS VARCHAR)), s) "
            f"WHEN typeof(a) IN ({_NUMBERS}) "
            "THEN _dremio_hash64_double(CAST(CAST(a AS VARCHAR) AS DOUBLE), s) "
            "ELSE _dremio_hash64(encode(CAST(a AS VARCHAR)), s) END",
        ),
        "HASH64": (
            "(a) AS coalesce(@_HASH64(a, 0), 0)",
            "(a, b) AS coalesce(@_HASH64(a, b), 0)",
        ),
        "HASH": (
            "(a BLOB) AS coalesce(_dremio_hash32(a), 0)",
            "(a) AS coalesce(CASE WHEN typeof(a) LIKE 'DECIMAL%' "
            "THEN _dremio_hash32(_dremio_decimal_bytes(CAST(a AS VARCHAR))) "
            f"WHEN typeof(a) IN ({_NUMBERS}) "
            "THEN _dremio_hash32_double(CAST(CAST(a AS VARCHAR) AS DOUBLE)) "
            "ELSE _dremio_hash32(encode(CAST(a AS VARCHAR))) END, 0)",
        ),
    },
    udfs=(
        Udf("_dremio_crc32", ["BLOB"], "BIGINT", _crc32),
        Udf("_dremio_sha512", ["BLOB"], "VARCHAR", _sha512),
        Udf("_dremio_decimal_bytes", ["VARCHAR"], "BLOB", _decimal_bytes),
        Udf("_dremio_hash64", ["BLOB", "BIGINT"], "BIGINT", _hash64),
        Udf("_dremio_hash64_double", ["DOUBLE", "BIGINT"], "BIGINT", _hash64_double),
        Udf("_dremio_hash32", ["BLOB"], "INTEGER", _hash32),
        Udf("_dremio_hash32_double", ["DOUBLE"], "INTEGER", _hash32_double),
    ),
)
