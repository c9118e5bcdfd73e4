"""Where views and functions may be stored."""

from __future__ import annotations

from services.dremio.sql.statements import Path
from services.dremio.state.errors import validation
from services.dremio.state.execute.run import Run


def check_place(run: Run, path: Path) -> None:
    """Check that a view may be stored at `path`. Raises DremioError (VALIDATION)."""
    root = run.core.catalog.root(path)
    if root is None:
        raise validation(f"Cannot create view in [{path[0]}]: no such space")
    if root.kind == "SOURCE":
        raise validation(f"Cannot create view in [{root.name}]: sources of its type hold no views")
    if len(path) < 2:
        raise validation("A view needs a space and a name")
    if len(path) > 2 and run.core.entities.get(path[:-1]) is None:
        raise validation(f"Parent folder doesn't exist: [{'.'.join(path[:-1])}]")
