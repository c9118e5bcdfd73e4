"""Import the assets, then ask every chart for its data: an import alone proves nothing.

Superset answers 200 to an import whose password is wrong or whose engine is down.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bootstrap.superset.bundle import build_bundle
from bootstrap.superset.client import Superset
from services.common.errors import LakeletError, PermanentError
from services.common.settings import Settings


def import_assets(settings: Settings) -> str:
    """Bring Superset to what `superset_assets/` says; return what there is now, in words.

    A second import changes nothing: everything is found by its uuid. Raises PermanentError
    naming each chart that does not answer, with the engine's words.
    """
    bundle = build_bundle(settings)
    superset = Superset(settings)
    superset.import_bundle(bundle.content, bundle.passwords)
    return check_dashboards(superset, bundle.dashboards)


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

    def problem(chart_id: int) -> str | None:
        try:
            superset.chart_data(chart_id)
        except LakeletError as error:
            return f"{charts[chart_id]!r}: {error}"
        return None

    with ThreadPoolExecutor(4) as pool:
        problems = [text for text in pool.map(problem, charts) if text]
    if problems:
        raise PermanentError(
            f"Superset: {len(problems)} of {len(charts)} charts do not answer: "
            + "; ".join(problems)
        )
    plural = "" if len(slugs) == 1 else "s"
    return f"{len(slugs)} dashboard{plural}, {len(charts)} charts, all answer"
