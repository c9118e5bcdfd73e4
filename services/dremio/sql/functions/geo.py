"""Geospatial functions on latitudes and longitudes in degrees; distances in metres."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from services.dremio.sql.functions.columns import each
from services.dremio.sql.functions.registry import Family, Udf

_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
_VALUES = {char: index for index, char in enumerate(_ALPHABET)}


def geohash(latitude: float, longitude: float, precision: int) -> str:
    """Return the geohash of `precision` (1 to 20) characters. Raises ValueError out of range."""
    if not 1 <= precision <= 20:
        raise ValueError("precision must be between 1 and 20")
    if not -90 <= latitude <= 90:
        raise ValueError("latitude must be between –90° and +90°")
    if not -180 <= longitude <= 180:
        raise ValueError("longitude must be between –180° and +180°")
    ranges = [[-180.0, 180.0], [-90.0, 90.0]]
    point = (longitude, latitude)
    out, bits = "", 0
    for index in range(precision * 5):
        axis = ranges[index % 2]
        middle = sum(axis) / 2
        above = point[index % 2] > middle
        axis[0 if above else 1] = middle
        bits = bits << 1 | above
        if index % 5 == 4:
            out += _ALPHABET[bits]
            bits = 0
    return out


def from_geohash(code: str) -> dict[str, float]:
    """Return the middle of the geohash's cell. Raises ValueError when it is none."""
    ranges = [[-180.0, 180.0], [-90.0, 90.0]]
    turn = 0
    if not code or any(char not in _VALUES for char in code.lower()):
        raise ValueError("geohash must be a valid, base32-encoded geohash")
    for char in code.lower():
        for shift in (4, 3, 2, 1, 0):
            axis = ranges[turn]
            axis[0 if _VALUES[char] >> shift & 1 else 1] = sum(axis) / 2
            turn = 1 - turn
    return {"Latitude": sum(ranges[1]) / 2, "Longitude": sum(ranges[0]) / 2}


def _geohash(latitudes: Any, longitudes: Any, precisions: Any) -> pa.Array:
    return each(geohash, pa.string(), latitudes, longitudes, precisions)


def _from_geohash(codes: Any) -> pa.Array:
    kind = pa.struct([("Latitude", pa.float64()), ("Longitude", pa.float64())])
    return each(from_geohash, kind, codes)


# The haversine formula on a sphere of 6,371 km.
_HALF_CHORD = (
    "(pow(sin(radians(c - a) / 2), 2) + "
    "cos(radians(a)) * cos(radians(c)) * pow(sin(radians(d - b) / 2), 2))"
)

FAMILY = Family(
    title="Geospatial",
    macros={
        "GEO_DISTANCE": (
            "(a, b, c, d) AS @_METRES(CAST(a AS DOUBLE), CAST(b AS DOUBLE), CAST(c AS DOUBLE), "
            "CAST(d AS DOUBLE))",
        ),
        "_METRES": (
            f"(a, b, c, d) AS 12742000.0e0 * atan2(sqrt{_HALF_CHORD}, sqrt(1 - {_HALF_CHORD}))",
        ),
        "GEO_BEYOND": ("(a, b, c, d, e) AS @GEO_DISTANCE(a, b, c, d) > e",),
        "GEO_NEARBY": ("(a, b, c, d, e) AS @GEO_DISTANCE(a, b, c, d) <= e",),
        "ST_GEOHASH": (
            "(a, b) AS _dremio_geohash(CAST(a AS DOUBLE), CAST(b AS DOUBLE), 20)",
            "(a, b, c) AS _dremio_geohash(CAST(a AS DOUBLE), CAST(b AS DOUBLE), "
            "CAST(c AS INTEGER))",
        ),
        "ST_FROMGEOHASH": ("(a) AS _dremio_from_geohash(a)",),
    },
    udfs=(
        Udf("_dremio_geohash", ["DOUBLE", "DOUBLE", "INTEGER"], "VARCHAR", _geohash),
        Udf(
            "_dremio_from_geohash",
            ["VARCHAR"],
            'STRUCT("Latitude" DOUBLE, "Longitude" DOUBLE)',
            _from_geohash,
        ),
    ),
)
