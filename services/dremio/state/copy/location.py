"""`@source/path` → the files that lie there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.dremio.sql.parse_copy import OPTIONS
from services.dremio.sql.statements import CopyInto
from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import unsupported, validation
from services.dremio.state.execute.run import Run
from services.dremio.state.lake.source import LakeSource


@dataclass(frozen=True)
class File:
    """A file to load: `address` is what DuckDB opens, `name` the path below the location."""

    address: str
    name: str


def find_files(run: Run, statement: CopyInto) -> tuple[list[File], str]:
    """Return the files of a COPY INTO and their format. Raises DremioError."""
    source, *rest = _parts(statement.location[1:])
    entity = run.core.entities.get((source,))
    if entity is None or entity.kind != "SOURCE":
        raise validation(f"Specified location '{statement.location}' is in no known source")
    if entity.body["type"] != "S3":
        raise unsupported(f"COPY INTO from a source of type {entity.body['type']} is not offered")
    if statement.format is not None:
        _check_options(statement, statement.format)
    run.core.access.require(run.session.user, "SELECT", (entity.name, *rest))
    lake = run.core.lakes.of(entity)
    full = [*lake.root, *rest]
    if not full:
        raise validation(f"'{statement.location}' names no bucket")
    bucket, key = full[0], "/".join(full[1:])
    _allow(run, lake, bucket)
    found = _chosen(lake, bucket, key, statement)
    kind = statement.format or _common(found)
    _check_options(statement, kind)
    return found, kind


def _check_options(statement: CopyInto, kind: str) -> None:
    wrong = [name for name in statement.options if name not in OPTIONS[kind]]
    if wrong:
        raise validation(f"'{wrong[0]}' is not an option of the file format {kind}")


def _chosen(lake: LakeSource, bucket: str, key: str, statement: CopyInto) -> list[File]:
    prefix = f"{key.rstrip('/')}/" if key else ""
    below = {
        address.removeprefix(f"s3://{bucket}/{prefix}"): address
        for address, _, _ in lake.files(f"s3://{bucket}/{prefix}")
        if not address.endswith("/")
    }
    if statement.files:
        missing = [name for name in statement.files if name.lstrip("/") not in below]
        if missing:
            raise validation(f"Cannot find file(s) {missing} in '{statement.location}'")
        return [File(below[n], n) for n in (name.lstrip("/") for name in statement.files)]
    if statement.regex is not None:
        try:
            pattern = re.compile(statement.regex)
        except re.error as error:
            raise validation(f"REGEX '{statement.regex}' is no pattern: {error}") from None
        below = {name: address for name, address in below.items() if pattern.fullmatch(name)}
    elif not below and key:
        alone = {a: s for a, _, s in lake.files(f"s3://{bucket}/{key}")}
        if f"s3://{bucket}/{key}" in alone:
            return [File(f"s3://{bucket}/{key}", key.split("/")[-1])]
    if statement.format is not None and statement.regex is None:
        extension = statement.format
        below = {n: a for n, a in below.items() if _kind(n) in (extension, "")}
    if not below:
        raise validation(f"No files found at '{statement.location}'")
    return [File(below[name], name) for name in sorted(below)]


def _common(files: list[File]) -> str:
    """Return the format that all the files' names say. Raises DremioError."""
    kinds = {_kind(file.name) for file in files}
    kind = kinds.pop()
    if kinds or kind not in OPTIONS:
        raise validation(
            "The files' format cannot be told by their names: write FILE_FORMAT 'csv', 'json' or "
            "'parquet'"
        )
    return kind


def _kind(name: str) -> str:
    """Return what the name says the format is; `a.csv.gz` is csv, a name without dot is ''."""
    parts = name.lower().split("/")[-1].split(".")[1:]
    while parts and parts[-1] in ("gz", "zst"):
        parts.pop()
    return parts[-1] if parts else ""


def _parts(location: str) -> list[str]:
    """Split `source/"a folder"/b` at the slashes outside of quotes."""
    return [
        (match[1] or match[2]).replace('""', '"')
        for match in re.finditer(r'"((?:[^"]|"")+)"|([^/"]+)', location)
    ]


def secret_name(run: Run) -> str:
    """Return the name of the secret that a COPY INTO reads with, to be dropped after it."""
    return f"copy {run.job_id}"


def _allow(run: Run, lake: LakeSource, bucket: str) -> None:
    """Let DuckDB read the bucket with the source's own keys."""
    access = lake.access
    run.execute(
        f"CREATE OR REPLACE SECRET {quoted(secret_name(run))} (TYPE s3, "
        f"KEY_ID {literal(access.access_key)}, SECRET {literal(access.secret_key)}, "
        f"ENDPOINT {literal(access.s3_endpoint)}, URL_STYLE 'path', USE_SSL false, "
        f"REGION 'us-east-1', SCOPE {literal(f's3://{bucket}')})"
    )
