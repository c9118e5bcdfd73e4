"""Import the assets, then ask every chart for its data: an import alone proves nothing.

Superset answers 200 to an import whose password is wrong or whose engine is down.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bootstrap.clients.dremio import SUPERSET, Dremio, login_of
from bootstrap.provision.watching import LOGS, SYNCS, watched
from bootstrap.runtime import choose_runtime
from bootstrap.superset.bundle import LOG_LINES, WATCHING, build_bundle
from bootstrap.superset.client import Superset
from services.common.errors import LakeletError, PermanentError
from services.common.settings import Settings


def import_assets(settings: Settings) -> str:
    """Bring Superset to what `superset_assets/` says; return what there is now, in words.

    What shows the platform itself is left out as far as Dremio has no source for it. A second
    import changes nothing: everything is found by its uuid. Raises PermanentError naming each
    chart that does not answer, with the engine's words.
    """
    without, without_tables = left_out(Dremio(settings))
    bundle = build_bundle(
        choose_runtime(settings)[0].inside,
        without=without,
        without_tables=without_tables,
        login=login_of(settings, SUPERSET),
    )
    superset = Superset(settings)
    superset.import_bundle(bundle.content, bundle.passwords)
    return check_dashboards(superset, bundle.dashboards)


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
