"""Import the assets, then ask every chart for its data: an import alone proves nothing.

Superset answers 200 to an import whose password is wrong or whose engine is down.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bootstrap.clients.dremio import SUPERSET, Dremio, login_of
from bootstrap.differences import DIFFERS, Difference
from bootstrap.provision.watching import LOGS, SYNCS, watched
from bootstrap.runtime import choose_runtime
from bootstrap.superset.bundle import LOG_LINES, WATCHING, build_bundle, read_assets
from bootstrap.superset.client import Superset
from bootstrap.superset.drift import drift, exported
from bootstrap.superset.leaving_out import Documents
from services.common.errors import LakeletError, PermanentError
from services.common.settings import Settings


def import_assets(settings: Settings) -> str:
    """Bring Superset to what `superset_assets/` says; return what there is now, in words.

    What shows the platform itself is left out as far as Dremio has no source for it. A second
    import changes nothing: everything is found by its uuid. What it overwrites is kept in a file.
    Raises PermanentError naming each chart that does not answer, with the engine's words.
    """
    without, without_tables = left_out(Dremio(settings))
    bundle = build_bundle(
        choose_runtime(settings)[0].inside,
        without=without,
        without_tables=without_tables,
        login=login_of(settings, SUPERSET),
    )
    superset = Superset(settings)
    kept = keep_edits(superset.export(), bundle.documents, settings.data_dir / "superset")
    superset.import_bundle(bundle.content, bundle.passwords)
    told = check_dashboards(superset, bundle.dashboards)
    return f"{told}; as they were before: {kept}" if kept else told


def keep_edits(export: bytes, files: Documents, folder: Path) -> Path | None:
    """Write an export into `folder` when an import of `files` would overwrite any of it.

    Returns the file; None when there is nothing to keep.
    """
    if not any(found.state == DIFFERS for found in drift(files, exported(export))):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"dashboards-{time.strftime('%Y%m%d-%H%M%S')}.zip"
    kept.write_bytes(export)
    return kept


def plan_assets(superset: Superset, dremio: Dremio) -> Iterator[Difference]:
    """Yield each dataset, chart and dashboard of the files that Superset has otherwise or not."""
    without, without_tables = left_out(dremio)
    files = read_assets(without=without, without_tables=without_tables)
    yield from drift(files, exported(superset.export()))


def left_out(dremio: Dremio) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the sets of assets and the tables that Dremio has no sources for."""
    there = watched(dremio)
    return (
        () if SYNCS in there else (WATCHING,),
        () if LOGS in there else (LOG_LINES,),
    )


def check_dashboards(superset: Superset, slugs: tuple[str, ...]) -> str:
    """Run the query of every chart of these dashboards; return how many answered, in words.

    Raises PermanentError when a dashboard has no charts or a chart does not answer.
    """
    charts: dict[int, str] = {}
    for slug in slugs:
        found = superset.charts_of(slug)
        if not found:
            raise PermanentError(f"Superset: dashboard {slug!r} was imported without its charts")
        charts.update({chart["id"]: chart["slice_name"] for chart in found})

    with ThreadPoolExecutor(4) as pool:
        problems = list(pool.map(lambda chart_id: _problem(superset, chart_id), charts))
    if any(problems):
        raise PermanentError(_told(dict(zip(charts.values(), problems, strict=True))))
    plural = "" if len(slugs) == 1 else "s"
    return f"{len(slugs)} dashboard{plural}, {len(charts)} charts, all answer"


def _problem(superset: Superset, chart_id: int) -> str:
    """Return why a chart does not answer, the first line of it; empty when it does."""
    try:
        superset.chart_data(chart_id)
    except LakeletError as error:
        return str(error).rpartition("answered ")[2].strip().splitlines()[0][:300]
    return ""


def _told(problems: dict[str, str]) -> str:
    """Return the problems in words, charts with the same one together."""
    reasons: dict[str, list[str]] = {}
    for name, problem in problems.items():
        if problem:
            reasons.setdefault(problem, []).append(name)
    failed = sum(len(names) for names in reasons.values())
    lines = [f"{', '.join(sorted(names))}: {reason}" for reason, names in reasons.items()]
    return f"Superset: {failed} of {len(problems)} charts do not answer: " + "; ".join(lines)
