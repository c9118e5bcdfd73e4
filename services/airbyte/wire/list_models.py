"""Request bodies of the web application's lists: how they are sorted, filtered and paged."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from services.airbyte.state.lists import Filters, Page
from services.airbyte.wire.bodies import Body

PAGE_SIZE = 20
MAX_PAGE = 2**31 - 1
State = Literal["active", "inactive"]
ConnectionSort = Literal[
    "connectionName_asc",
    "connectionName_desc",
    "sourceName_asc",
    "sourceName_desc",
    "destinationName_asc",
    "destinationName_desc",
    "lastSync_asc",
    "lastSync_desc",
]
ActorSort = Literal[
    "actorName_asc",
    "actorName_desc",
    "actorDefinitionName_asc",
    "actorDefinitionName_desc",
    "lastSync_asc",
    "lastSync_desc",
]


class ActorFilters(Body):
    """Of a list of sources or destinations."""

    states: list[State] | None = None
    search_term: str | None = None

    def as_filters(self) -> Filters:
        """Return them as the state wants them."""
        return Filters(states=tuple(self.states or ()), search=self.search_term or "")


class ConnectionFilters(ActorFilters):
    """Of a list of connections."""

    source_definition_ids: list[UUID] | None = None
    destination_definition_ids: list[UUID] | None = None
    statuses: list[Literal["healthy", "failed", "running", "paused"]] | None = None
    tag_ids: list[UUID] | None = None
    on_demand_enabled: bool | None = None


class _List(Body):
    cursor: UUID | None = None
    page_size: int | None = Field(default=None, ge=0, le=MAX_PAGE)

    def page(self, sort: str) -> Page:
        """Return which part is asked for.

        Who names nothing of sorting, filters and pages knows none of it and gets everything, as
        from an older Airbyte; for others a page has 20 entries unless they say how many.
        """
        name, _, way = sort.partition("_")
        asked = self.model_fields_set & {"cursor", "sort_key", "filters", "page_size"}
        size = self.page_size if self.page_size is not None else PAGE_SIZE if asked else None
        return Page(name, way == "desc", self.cursor, size)


class Connections(_List):
    """Whose connections, and of which ends."""

    workspace_id: UUID
    source_id: list[UUID] | None = None
    destination_id: list[UUID] | None = None
    sort_key: ConnectionSort | None = None
    filters: ConnectionFilters | None = None

    def wanted(self) -> tuple[Filters, Page]:
        """Return what is listed, and which part of it."""
        given = self.filters or ConnectionFilters()
        filters = Filters(
            source_ids=tuple(self.source_id or ()),
            destination_ids=tuple(self.destination_id or ()),
            source_definition_ids=tuple(given.source_definition_ids or ()),
            destination_definition_ids=tuple(given.destination_definition_ids or ()),
            statuses=tuple(given.statuses or ()),
            states=tuple(given.states or ()),
            tag_ids=tuple(given.tag_ids or ()),
            search=given.search_term or "",
            on_demand=given.on_demand_enabled,
        )
        return filters, self.page(self.sort_key or "connectionName_asc")


class Actors(_List):
    """Whose sources or destinations."""

    workspace_id: UUID | None = None
    sort_key: ActorSort | None = None
    filters: ActorFilters | None = None

    def wanted(self) -> tuple[Filters, Page]:
        """Return what is listed, and which part of it."""
        given = self.filters or ActorFilters()
        return given.as_filters(), self.page(self.sort_key or "actorName_asc")
