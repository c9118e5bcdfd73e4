"""Reflections and their materializations in PostgreSQL."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from services.dremio.state.reflections.definition import Reflection, body_of, with_body
from services.dremio.state.reflections.materialization import Materialization, pack, unpack

_KEPT = 20  # finished builds of a reflection that sys.materializations tells of


class Store:
    """Writes are done when a method returns; a crash keeps all or nothing of each."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def reflections(self) -> list[Reflection]:
        """Return every definition."""
        return [_reflection(row) for row in self._read("SELECT * FROM reflection", ())]

    def save(self, reflection: Reflection) -> None:
        """Add or replace a definition."""
        self._write(
            "INSERT INTO reflection VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, enabled = excluded.enabled, "
            "tag = excluded.tag, updated_at = excluded.updated_at, body = excluded.body, "
            "kind = excluded.kind, dataset = excluded.dataset",
            (
                reflection.id,
                list(reflection.dataset),
                reflection.name,
                reflection.kind,
                reflection.enabled,
                reflection.tag,
                reflection.created_at,
                reflection.updated_at,
                Jsonb(body_of(reflection)),
            ),
        )

    def delete(self, reflection_id: str) -> None:
        """Remove a definition and the records of its builds."""
        with self._pool.connection() as connection, connection.transaction():
            for sql in (
                "DELETE FROM materialization WHERE reflection_id = %s",
                "DELETE FROM reflection_use WHERE reflection_id = %s",
                "DELETE FROM reflection WHERE id = %s",
            ):
                connection.execute(sql, (reflection_id,))

    def current(self) -> list[Materialization]:
        """Return what is built and in use; builds cut short by a crash become FAILED."""
        self._write(
            "UPDATE materialization SET state = 'FAILED', finished_at = now(), "
            "failure = 'The engine was restarted during this refresh' WHERE state = 'RUNNING'",
            (),
        )
        rows = self._read("SELECT * FROM materialization WHERE state = 'DONE'", ())
        return [_materialization(row) for row in rows]

    def history(self) -> list[dict[str, Any]]:
        """Return the records of every build that is still told of, newest first."""
        return self._read("SELECT * FROM materialization ORDER BY created_at DESC", ())

    def started(self, reflection_id: str) -> str:
        """Record that a build has begun; return its id."""
        new = str(uuid.uuid4())
        now = datetime.datetime.now(datetime.UTC)
        self._write(
            "INSERT INTO materialization (id, reflection_id, state, method, created_at) "
            "VALUES (%s, %s, 'RUNNING', '', %s)",
            (new, reflection_id, now),
        )
        return new

    def finished(self, built: Materialization) -> None:
        """Make a build the one in use: it replaces the former one in the same moment."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(
                "UPDATE materialization SET state = 'DELETED' "
                "WHERE reflection_id = %s AND state = 'DONE'",
                (built.reflection_id,),
            )
            connection.execute(
                "UPDATE materialization SET state = 'DONE', method = %s, finished_at = %s, "
                "decision = %s, row_count = %s, size_bytes = %s, body = %s WHERE id = %s",
                (
                    built.method,
                    built.finished_at,
                    built.decision,
                    built.rows,
                    built.size,
                    Jsonb(pack(built.contents)),
                    built.id,
                ),
            )
            connection.execute(
                "DELETE FROM materialization WHERE reflection_id = %s AND state <> 'DONE' AND id "
                "NOT IN (SELECT id FROM materialization WHERE reflection_id = %s "
                "ORDER BY created_at DESC LIMIT %s)",
                (built.reflection_id, built.reflection_id, _KEPT),
            )

    def failed(self, materialization_id: str, why: str) -> None:
        """Record that a build failed."""
        self._write(
            "UPDATE materialization SET state = 'FAILED', finished_at = now(), failure = %s "
            "WHERE id = %s",
            (why, materialization_id),
        )

    def retired(self, reflection_id: str) -> None:
        """Record that nothing built of a reflection is in use any more."""
        self._write(
            "UPDATE materialization SET state = 'DELETED' "
            "WHERE reflection_id = %s AND state = 'DONE'",
            (reflection_id,),
        )

    def record_job(self, job_id: str, considered: list[dict[str, Any]]) -> None:
        """Keep what a job made of the reflections, and count it."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(
                "INSERT INTO job_reflection (job_id, body) VALUES (%s, %s) "
                "ON CONFLICT (job_id) DO UPDATE SET body = excluded.body",
                (job_id, Jsonb(considered)),
            )
            for entry in considered:
                matched = int(entry["relationship"] in ("MATCHED", "CHOSEN"))
                chosen = int(entry["relationship"] == "CHOSEN")
                connection.execute(
                    "INSERT INTO reflection_use VALUES (%s, 1, %s, %s) ON CONFLICT (reflection_id)"
                    " DO UPDATE SET considered = reflection_use.considered + 1, "
                    "matched = reflection_use.matched + excluded.matched, "
                    "chosen = reflection_use.chosen + excluded.chosen",
                    (entry["reflectionId"], matched, chosen),
                )

    def job(self, job_id: str) -> list[dict[str, Any]]:
        """Return what `record_job` kept of a job."""
        found = self._read("SELECT body FROM job_reflection WHERE job_id::text = %s", (job_id,))
        return list(found[0]["body"]) if found else []

    def accelerated_jobs(self) -> set[str]:
        """Return the ids of the jobs that a reflection answered, of those kept."""
        rows = self._read(
            "SELECT job_id FROM job_reflection WHERE body @> %s::jsonb",
            ('[{"relationship": "CHOSEN"}]',),
        )
        return {str(row["job_id"]) for row in rows}

    def uses(self) -> dict[str, tuple[int, int, int]]:
        """Return, by reflection, how often it was considered, matched and chosen."""
        rows = self._read("SELECT * FROM reflection_use", ())
        return {str(r["reflection_id"]): (r["considered"], r["matched"], r["chosen"]) for r in rows}

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return connection.cursor(row_factory=dict_row).execute(sql, values).fetchall()

    def _write(self, sql: str, values: tuple[Any, ...]) -> None:
        with self._pool.connection() as connection:
            connection.execute(sql, values)


def _reflection(row: dict[str, Any]) -> Reflection:
    plain = Reflection(
        id=str(row["id"]),
        dataset=tuple(row["dataset"]),
        name=row["name"],
        kind=row["kind"],
        tag=str(row["tag"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        enabled=row["enabled"],
    )
    return with_body(plain, row["body"])


def _materialization(row: dict[str, Any]) -> Materialization:
    return Materialization(
        id=str(row["id"]),
        reflection_id=str(row["reflection_id"]),
        contents=unpack(row["body"]),
        rows=row["row_count"],
        size=row["size_bytes"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        method=row["method"],
        decision=row["decision"],
    )
