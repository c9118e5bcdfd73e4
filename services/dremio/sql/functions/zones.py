"""Time zones by abbreviation, as `sys.timezone_abbrevs` lists them.

Dremio's set is PostgreSQL's default one: where an abbreviation stands for several zones (IST:
Israel, India, Ireland) the offset is the one Dremio chose.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Abbreviation(NamedTuple):
    """A zone's short name, its offset from UTC (`+05:30`) and whether it is a summer time."""

    name: str
    offset: str
    summer: bool


# Offset from UTC → abbreviations; those of summer time end with a star.
_BY_OFFSET = {
    "-11:00": "NUT",
    "-10:00": "CKT HST TAHT",
    "-09:30": "MART",
    "-09:00": "AKST GAMT",
    "-08:00": "AKDT* PST",
    "-07:00": "MST PDT*",
    "-06:00": "CST EASST EAST GALT MDT*",
    "-05:00": "ACT CDT* COT EST PET",
    "-04:00": "AMT AST BOT CLT EDT* GYT PYT VET",
    "-03:30": "NFT NST",
    "-03:00": "ADT* ARST ART BRA BRT CLST* FKST FKT GFT PMST PYST* UYT WGT",
    "-02:30": "NDT*",
    "-02:00": "BRST* FNT PMDT* UYST* WGST*",
    "-01:00": "AZOT EGT FNST*",
    "+00:00": "AZOST* EGST* GMT UCT UT UTC WET Z ZULU",
    "+01:00": "BST* CET MET MEZ WAT WEST* WETDST*",
    "+02:00": "BDST* CEST* CETDST* EET IST MEST* METDST* SAST",
    "+03:00": "EAT EEST* EETDST* FET IDT* MSK VOLT",
    "+03:30": "IRT",
    "+04:00": "AMST AZST AZT GEST GET MSD* MUT RET SCT",
    "+04:30": "AFT",
    "+05:00": "MAWT MUST* MVT PKT TFT TJT TMT UZT YEKT",
    "+05:30": "LKT",
    "+05:45": "NPT",
    "+06:00": "ALMT BDT BTT IOT KGST* KGT OMSST OMST PKST* UZST* XJT YEKST*",
    "+06:30": "MMT",
    "+07:00": "ALMST* CXT DAVT ICT KRAST KRAT NOVST NOVT WAST",
    "+08:00": "AWST BNT BORT CCT HKT IRKST IRKT MYT PHT SGT ULAT WADT*",
    "+08:45": "ACWST",
    "+09:00": "AWSST* JAYT JST KST PWT ULAST* WDT* YAKST YAKT",
    "+09:30": "ACST CAST",
    "+10:00": "AEST CHUT DDUT KDT* LIGT MPT PGT TRUT VLAST VLAT YAPT",
    "+10:30": "ACDT* ACSST* CADT* LHDT LHST SADT*",
    "+11:00": "AEDT* AESST* KOST MAGST MAGT PONT VUT",
    "+12:00": "ANAST ANAT FJT GILT MHT NZST NZT PETST PETT TVT WAKT WFT",
    "+12:45": "CHAST",
    "+13:00": "FJST* NZDT* PHOT TKT TOT",
    "+13:45": "CHADT*",
    "+14:00": "LINT",
}

ABBREVIATIONS = tuple(
    Abbreviation(word.rstrip("*"), offset, word.endswith("*"))
    for offset, words in _BY_OFFSET.items()
    for word in words.split()
)
_OFFSETS = {zone.name: zone.offset for zone in ABBREVIATIONS}
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$", re.IGNORECASE)
_FARTHEST = 18
"""Hours from UTC beyond which java.time takes no offset."""


def zone_offset(name: str) -> float | None:
    """Return a fixed zone's offset from UTC in hours; None for a name of the zone database.

    Raises ValueError for an offset that no zone can have.
    """
    match = _OFFSET.match(_OFFSETS.get(name.upper(), name))
    if match is None:
        return None
    hours = int(match[2]) + int(match[3] or 0) / 60
    if hours > _FARTHEST:
        raise ValueError(
            f"Zone offset hours not in valid range: value {int(match[2])} is not in the range "
            f"-{_FARTHEST} to {_FARTHEST}"
        )
    return -hours if match[1] == "-" else hours


def offsets_literal() -> str:
    """Return DuckDB's map from abbreviation to offset."""
    return "MAP {" + ", ".join(f"'{z.name}': '{z.offset}'" for z in ABBREVIATIONS) + "}"
