"""`python -m services.shipper`: ship logs until SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading

from services.common import logs
from services.common.errors import TransientError
from services.common.settings import settings
from services.shipper.shipper import Shipper

_IDLE = 2.0  # seconds between two looks at files that do not grow
# After this one it is told: at the platform's start the shipper is there before the log store.
_SHORT = 16.0
_LONGEST_PAUSE = 30.0

log = logging.getLogger(__name__)


def main() -> None:
    """Look, ship, sleep; while a store is away, look ever more seldom."""
    config = settings()
    logs.configure("shipper", config.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    shipper = Shipper(config)
    pause = _IDLE
    while not stopping.is_set():
        try:
            shipped = shipper.step()
            if pause > _SHORT:
                log.info("shipping again")
            pause = _IDLE
            if shipped > 1000:
                continue
        except TransientError as error:
            if pause == _SHORT:
                log.warning("not shipping: %s; it is tried again", error)
            pause = min(pause * 2, _LONGEST_PAUSE)
        stopping.wait(pause)
    shipper.close()


if __name__ == "__main__":
    main()
