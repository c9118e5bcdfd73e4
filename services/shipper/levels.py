"""Levels that a writer gives its lines and that they do not have: what each really is, and why.

A changed line keeps the writer's own level in `level_said`: nothing is hidden, and
`{"exists": {"field": "level_said"}}` finds them all.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """Lines of level `said` by `logger` whose message matches are of level `means`."""

    said: str
    logger: re.Pattern[str]
    message: re.Pattern[str]
    means: str


# yoyo, which migrates every service's database, tries at its first start whether a transaction
# takes back the making of a table, by dropping one that must be gone; and makes its table of locks
# at every start. Our supervisor may be root's (PostgreSQL is not), and its socket lies in a folder
# that only its owner may enter: what it calls critical is a remark.
#
# Superset looks for a picture among the sources of its pages, which its wheel has not, and draws
# another one.
#
# SeaweedFS 4 logs every answer of its table catalog (S3 Tables, under the Iceberg REST catalog)
# that is no 200 as an error, and one line for each request for a namespace. Clients ask whether a
# table or namespace is there before they make it: a 404 or 409 is what they want to know, and
# what it means to them they log themselves. Other answers (access denied, a store that fails)
# keep their level.
RULES = (
    Rule(
        "ERROR",
        re.compile(""),
        re.compile(r'table "yoyo_tmp_\w+" does not exist$|relation "yoyo_lock" already exists$'),
        "DEBUG",
    ),
    Rule(
        "CRITICAL",
        re.compile(""),
        re.compile(
            r"Supervisor is running as root\."
            r"|Server 'unix_http_server' running without any HTTP authentication checking$"
        ),
        "INFO",
    ),
    Rule(
        "WARNING",
        re.compile(r"superset\..*"),
        re.compile("Could not load default spinner SVG: "),
        "DEBUG",
    ),
    Rule(
        "ERROR",
        re.compile(r"handler\.go:\d+"),
        re.compile(
            r"S3Tables: error handling \w+: (?:.*not found"
            r"|.*no entry is found in filer store|.*already exists)(?:: .*)?$"
        ),
        "INFO",
    ),
    Rule(
        "ERROR",
        re.compile(r"handler_\w+\.go:\d+"),
        re.compile(r"S3Tables: handle\w+ called$"),
        "DEBUG",
    ),
)


def meant(level: str, logger: str, message: str) -> str:
    """Return the level that a line deserves: mostly the one that it says."""
    for rule in RULES:
        if rule.said == level and rule.logger.fullmatch(logger) and rule.message.match(message):
            return rule.means
    return level
