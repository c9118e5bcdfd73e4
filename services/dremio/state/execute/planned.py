"""A query between being planned and being run: what need not be worked out twice.

A Flight client asks for a query's columns first and for its rows right after. The names looked up
and the SQL made for the first are good for the second while the one who asks, the session, the
catalog, the grants, the policies and the reflections are the same. The tables' rows are not part
of it: DuckDB looks at the current snapshot when the query runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sqlglot import exp

from services.dremio.sql.functions import Context
from services.dremio.sql.statements import Path
from services.dremio.state.execute.run import Run
from services.dremio.state.reflections.plans import Versions, versions

# A ticket that is redeemed later is planned again.
_SECONDS = 60.0


@dataclass(frozen=True)
class Planned:
    """A resolved query and its SQL, with everything that they were made of."""

    versions: Versions
    text: str
    user_id: str
    context: Path
    options: dict[str, str]
    facts: Context
    resolved: exp.Expression
    sql: str
    reads: tuple[Path, ...]
    made_at: float = field(default_factory=time.monotonic)

    def holds(self, run: Run) -> bool:
        """Whether it is what the statement would be planned to now."""
        session = run.session
        return (
            time.monotonic() - self.made_at < _SECONDS
            and self.text == run.text
            and self.user_id == session.user.id
            and self.context == session.context
            and self.options == session.options
            and self.versions == versions(run)
            and self.facts == run.facts()
        )


def kept(run: Run, before: Versions, resolved: exp.Expression, sql: str) -> Planned | None:
    """Return what may be used again of a query that was planned, None where nothing may.

    `before`: the versions before its names were looked up. Rows that were made for the first
    statement (system tables, files) are none for the second, a name that was missing in a source
    may be there by then, and policies are looked at each time.
    """
    if run.registered or run.missed or run.guarded or before != versions(run):
        return None
    session = run.session
    return Planned(
        versions=before,
        text=run.text,
        user_id=session.user.id,
        context=session.context,
        options=dict(session.options),
        facts=run.facts(),
        resolved=resolved,
        sql=sql,
        reads=tuple(run.reads),
    )
