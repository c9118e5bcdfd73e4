"""`python -SE answers.py WHAT…`: exit 0 when everything named answers; containers' healthchecks.

WHAT: an address (it answers 2xx, or asks for a password), or `FILE:SECONDS` (written in the last
SECONDS). Standard library only and no package's imports: it runs every few seconds in each
container, where the supervisor's own question costs a second of processor time to load.
"""

from __future__ import annotations

import http.client
import sys
import time
from pathlib import Path


def problem(what: str) -> str | None:
    """Return why it does not answer, or None."""
    if not what.startswith("http://"):
        path, _, seconds = what.rpartition(":")
        try:
            age = time.time() - Path(path).stat().st_mtime
        except OSError as error:
            return str(error)
        return None if age < float(seconds) else f"{path} was written {age:.0f} s ago"
    host, _, path = what.removeprefix("http://").partition("/")
    try:
        connection = http.client.HTTPConnection(host, timeout=4)
        connection.request("GET", f"/{path}")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{what}: {error}"
    return None if 200 <= status < 300 or status in (401, 403) else f"{what}: {status}"


def main(names: list[str]) -> int:
    """Ask each; say on standard error what does not answer."""
    problems = [words for words in map(problem, names) if words]
    for words in problems:
        print(words, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
