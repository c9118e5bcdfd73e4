"""sys.timezone_names and sys.timezone_abbrevs: the zones that CONVERT_TIMEZONE takes."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

from services.dremio.sql.functions.zones import ABBREVIATIONS
from services.dremio.state.core import Core


def rows(core: Core) -> list[dict[str, Any]]:
    """Return each zone's standard offset and the one of its summer time, if it keeps one."""
    year = datetime.datetime.now(datetime.UTC).year
    found = []
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        # Where two offsets are kept in a year, one holds in January and the other in July.
        moments = [datetime.datetime(year, month, 15, tzinfo=zone) for month in (1, 7)]
        offsets = [moment.utcoffset() or datetime.timedelta() for moment in moments]
        found.append(
            {
                "timezone_name": name,
                "tz_offset": _written(min(offsets)),
                "offset_daylight_savings": _written(max(offsets)),
                "is_daylight_savings": offsets[0] != offsets[1],
            }
        )
    return found


def abbreviations(core: Core) -> list[dict[str, Any]]:
    """Return the zones that go by an abbreviation."""
    return [
        {
            "timezone_abbrev": zone.name,
            "tz_offset": zone.offset,
            "is_daylight_savings": zone.summer,
        }
        for zone in sorted(ABBREVIATIONS)
    ]


def _written(offset: datetime.timedelta) -> str:
    minutes = abs(int(offset.total_seconds() // 60))
    return f"{'-' if offset < datetime.timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"
