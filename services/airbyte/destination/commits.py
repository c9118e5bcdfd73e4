"""Committing tables: one by one, or several at once so that readers see all of them or none.

Several go through the catalog's `POST /v1/{prefix}/transactions/commit` (Iceberg REST): it checks
every table's requirements before it changes any. Tables that are new are not taken there: they are
committed first, alone. A catalog without that endpoint gets one commit after the other.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import requests
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table import CommitTableRequest, Namespace, TableIdentifier

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.destination.table import CommitNote, Staged, StreamTable

log = logging.getLogger(__name__)

_NOT_THERE = (404, 405, 406, 501)


@dataclass(frozen=True)
class Commit:
    """One table's part of a commit; without `staged` only the state is stored."""

    stream: ConfiguredStream
    table: StreamTable
    staged: Staged | None
    note: CommitNote


def commit_together(catalog: RestCatalog, commits: Sequence[Commit]) -> None:
    """Make staged files the tables' own.

    Raises CommitFailedException when a table was changed by someone else, and
    CommitStateUnknownException when the catalog failed in the middle.
    """
    ready = [
        (commit.table, commit.staged)
        for commit in commits
        if commit.staged is not None and commit.table.prepare(commit.staged, commit.note)
    ]
    together = [(table, staged) for table, staged in ready if not staged.new_table]
    alone = [staged for _, staged in ready if staged.new_table]
    if len(together) < 2 or not _at_once(catalog, together):
        alone += [staged for _, staged in together]
    for staged in alone:
        staged.transaction.commit_transaction()


def _at_once(catalog: RestCatalog, parts: Sequence[tuple[StreamTable, Staged]]) -> bool:
    """Commit all or nothing; False when the catalog cannot."""
    changes = []
    for table, staged in parts:
        identifier = TableIdentifier(
            namespace=Namespace(list(table.identifier[:-1])), name=table.identifier[-1]
        )
        request = CommitTableRequest(
            identifier=identifier,
            requirements=staged.transaction._requirements,
            updates=staged.transaction._updates,
        )
        changes.append(request.model_dump(mode="json", by_alias=True, exclude_none=True))
    answer = catalog._session.post(
        catalog.url("transactions/commit", prefixed=True), json={"table-changes": changes}
    )
    if answer.status_code in _NOT_THERE and "NoSuchTable" not in answer.text:
        log.info("the catalog has no commit of several tables: %s", answer.status_code)
        return False
    if answer.status_code == 409:
        raise CommitFailedException(answer.text)
    if answer.status_code >= 500:
        raise CommitStateUnknownException(answer.text)
    try:
        answer.raise_for_status()
    except requests.HTTPError as error:
        raise CommitFailedException(f"{error}: {answer.text}") from error
    for table, _ in parts:
        # What PyIceberg does after each commit of its own: old metadata files go.
        before = table.table
        after = catalog.load_table(table.identifier)
        with contextlib.suppress(Exception):
            catalog._delete_old_metadata(before.io, before.metadata, after.metadata)
    return True
