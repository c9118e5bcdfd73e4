"""Every family of functions, and the look-up by Dremio's name."""

from __future__ import annotations

from services.dremio.sql.functions import (
    aggregates,
    arrays,
    binary,
    bitwise,
    conditional,
    conversion,
    crypto,
    datetime_arithmetic,
    datetime_formats,
    datetime_parts,
    directories,
    geo,
    hashing,
    lookaround,
    masking,
    math,
    quotients,
    regex,
    reprinted,
    session,
    sketches,
    strings,
    types,
    url,
    windows,
)
from services.dremio.sql.functions.registry import Family

FAMILIES: tuple[Family, ...] = (
    aggregates.FAMILY,
    arrays.FAMILY,
    binary.FAMILY,
    bitwise.FAMILY,
    conditional.FAMILY,
    conversion.FAMILY,
    crypto.FAMILY,
    types.FAMILY,
    datetime_parts.FAMILY,
    datetime_arithmetic.FAMILY,
    datetime_formats.FAMILY,
    directories.FAMILY,
    geo.FAMILY,
    hashing.FAMILY,
    masking.FAMILY,
    math.FAMILY,
    quotients.FAMILY,
    lookaround.FAMILY,
    regex.FAMILY,
    reprinted.FAMILY,
    session.FAMILY,
    sketches.FAMILY,
    strings.FAMILY,
    url.FAMILY,
    windows.FAMILY,
)

BY_NAME: dict[str, Family] = {name: family for family in FAMILIES for name in family.names()}
