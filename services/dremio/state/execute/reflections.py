"""The statements about reflections."""

from __future__ import annotations

from dataclasses import replace

from apscheduler.triggers.cron import CronTrigger

from services.dremio.sql.reflections.statements import (
    AlterReflection,
    CreateReflection,
    DropReflection,
    Ignored,
    RefreshReflections,
    SetAcceleration,
)
from services.dremio.sql.statements import Path
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.execute.run import Result, Run, ok
from services.dremio.state.reflections.choose import default_measures, default_reflection
from services.dremio.state.reflections.definition import (
    AGGREGATION,
    MEASURES,
    RAW,
    Dimension,
    Measure,
    Policy,
    Reflection,
)
from services.dremio.state.reflections.registry import new_reflection


def create(run: Run, statement: CreateReflection) -> Result:
    """Define a reflection; it is built in the background. Raises DremioError."""
    dataset = run.path_of(statement.dataset)
    wire = {
        "arrowCachingEnabled": statement.arrow_cache,
        "partitionFields": [
            {"name": name, "transform": _transform(text)} for name, text in statement.partition
        ],
    }
    types = default_measures(run.core, dataset)
    reflection = new_reflection(
        dataset,
        statement.name,
        statement.kind,
        display=tuple(statement.display),
        dimensions=tuple(Dimension(name, date) for name, date in statement.dimensions),
        measures=tuple(
            Measure(name, tuple(kinds(each)) or types.get(name.lower(), ("COUNT",)))
            for name, each in statement.measures
        ),
        partition=tuple(name for name, _ in statement.partition),
        sort=tuple(statement.sort),
        distribution=tuple(statement.distribution),
        wire=wire,
    )
    try:
        run.core.reflections.define(reflection)
    except DremioError as error:
        if error.kind is not ErrorKind.CONFLICT:
            raise
        if statement.if_not_exists:
            return ok(f"Reflection [{statement.name}] already exists.")
        raise validation(str(error)) from error
    return ok("Reflection created.")


def kinds(words: list[str]) -> list[str]:
    """Return measure types by their one spelling. Raises DremioError (VALIDATION)."""
    found = []
    for word in words:
        kind = MEASURES.get(word.strip().upper())
        if kind is None:
            raise validation(f"Unknown measure type [{word.strip()}]: {', '.join(MEASURES)}")
        found.append(kind)
    return found


def drop(run: Run, statement: DropReflection) -> Result:
    """Remove a reflection. Raises DremioError."""
    try:
        found = run.core.reflections.named(statement.name, _dataset(run, statement.dataset))
    except DremioError:
        if statement.if_exists:
            return ok(f"Reflection [{statement.name}] not found.")
        raise
    run.core.reflections.remove(found)
    return ok("Reflection dropped.")


def set_acceleration(run: Run, statement: SetAcceleration) -> Result:
    """Switch a dataset's reflections of a kind on or off; on makes one where there is none."""
    dataset = run.path_of(statement.dataset)
    chosen = (statement.kind,) if statement.kind else (RAW, AGGREGATION)
    for kind in chosen:
        found = [r for r in run.core.reflections.of_dataset(dataset) if r.kind == kind]
        if not found and statement.enabled:
            run.core.reflections.define(default_reflection(run.core, dataset, kind))
        for each in found:
            changed = replace(each, enabled=statement.enabled)
            run.core.reflections.change(changed, rebuild=False)
    return ok(f"Acceleration {'enabled' if statement.enabled else 'disabled'}.")


def refresh(run: Run, statement: RefreshReflections) -> Result:
    """Have reflections refreshed now, in the background. Raises DremioError."""
    reflections = run.core.reflections
    if statement.name:
        found = [reflections.named(statement.name, _dataset(run, statement.dataset))]
    else:
        found = reflections.of_dataset(run.path_of(statement.dataset))
    for each in found:
        if reflections.refresher is not None:
            reflections.refresher.ask(each.id)
    return ok(f"Refreshing {len(found)} reflection{'s' * (len(found) != 1)}.")


def alter(run: Run, statement: AlterReflection) -> Result:
    """Change a reflection's policy, or whether it is used. Raises DremioError."""
    found = run.core.reflections.named(statement.name, _dataset(run, statement.dataset))
    run.core.reflections.change(_altered(found, statement), rebuild=False)
    return ok(f"Reflection [{found.name}] altered.")


def ignored(run: Run, statement: Ignored) -> Result:
    """Say why nothing is done."""
    return ok(statement.summary)


def _altered(found: Reflection, statement: AlterReflection) -> Reflection:
    policy = found.policy
    if statement.enabled is not None:
        return replace(found, enabled=statement.enabled)
    if statement.expires is not None:
        return replace(found, policy=checked(replace(policy, expires=statement.expires)))
    if statement.staleness is not None:
        return replace(found, policy=replace(policy, staleness=statement.staleness))
    return replace(
        found,
        policy=checked(
            replace(
                policy,
                method=statement.method,
                period=statement.period if statement.method == "PERIOD" else policy.period,
                cron=statement.cron,
            )
        ),
    )


def checked(policy: Policy) -> Policy:
    """Return the policy. Raises DremioError (VALIDATION) when it cannot be followed."""
    if policy.method == "SCHEDULE":
        try:
            CronTrigger.from_crontab(policy.cron, timezone="UTC")
        except ValueError as error:
            raise validation(
                f"'{policy.cron}' is no cron line of five fields, such as '0 2 * * *': {error}"
            ) from None
    if policy.method == "PERIOD" and policy.period < 1:
        raise validation("A reflection is refreshed every second at most")
    if policy.expires < 0 or policy.staleness < 0:
        raise validation("A reflection's staleness and expiry are positive numbers of seconds")
    return policy


def _dataset(run: Run, path: Path) -> Path | None:
    return run.path_of(path) if path else None


def _transform(text: str) -> dict[str, object]:
    name, _, rest = text.partition("(")
    if name == "BUCKET":
        return {"type": name, "bucketTransform": {"bucketCount": int(rest.rstrip(")"))}}
    if name in ("TRUNCATE", "TRUNC"):
        return {"type": "TRUNCATE", "truncateTransform": {"truncateLength": int(rest.rstrip(")"))}}
    return {"type": name}
