"""The table of endpoints: methods, path pattern, handler."""

from __future__ import annotations

from collections.abc import Callable

from services.elasticsearch.handlers import (
    bulk,
    by_query,
    cat,
    cluster,
    documents,
    field_caps,
    indices,
    lifecycle,
    metadata,
    search,
    security,
    tasks,
    templates,
)
from services.elasticsearch.handlers.call import Answer, Call

Handler = Callable[[Call], Answer]
Route = tuple[str, str, Handler]

_CLUSTER: list[Route] = [
    ("GET HEAD", "/", cluster.info),
    ("GET", "/_cluster/health", cluster.health),
    ("GET", "/_cluster/health/{index}", cluster.health),
    ("GET", "/_cluster/stats", cluster.cluster_stats),
    ("GET", "/_cluster/state", cluster.state),
    ("GET", "/_cluster/state/{metric}", cluster.state),
    ("GET", "/_cluster/state/{metric}/{index}", cluster.state),
    ("GET", "/_cluster/settings", cluster.get_settings),
    ("PUT", "/_cluster/settings", cluster.put_settings),
    ("GET", "/_cluster/pending_tasks", cluster.pending_tasks),
    ("GET", "/_nodes", cluster.nodes),
    ("GET", "/_nodes/stats", cluster.nodes_stats),
    ("GET", "/_nodes/stats/{metric}", cluster.nodes_stats),
    ("GET", "/_nodes/{node}/stats", cluster.nodes_stats),
    ("GET", "/_nodes/{node}", cluster.nodes),
    ("GET", "/_nodes/{node}/{metric}", cluster.nodes),
    ("GET", "/_tasks", tasks.list_tasks),
    ("GET", "/_tasks/{id}", tasks.get_task),
    ("POST", "/_tasks/{id}/_cancel", tasks.cancel),
    ("GET", "/_license", cluster.license_),
    ("GET", "/_xpack", cluster.xpack),
    ("GET POST", "/_search_shards", cluster.search_shards),
    ("GET POST", "/{index}/_search_shards", cluster.search_shards),
]

_CAT: list[Route] = [
    ("GET", "/_cat", cat.overview),
    *(("GET POST", f"/_cat/{name}", cat.table(name)) for name in cat.TABLES),
    *(
        ("GET POST", f"/_cat/{name}/{{index}}", cat.table(name))
        for name in ("count", "indices", "recovery", "segments", "shards")
    ),
    *(
        ("GET", f"/_cat/{name}/{{name}}", cat.table(name))
        for name in ("aliases", "templates", "component_templates")
    ),
]

_DOCUMENTS: list[Route] = [
    ("POST PUT", "/_bulk", bulk.bulk),
    ("POST PUT", "/{index}/_bulk", bulk.bulk),
    ("POST", "/{index}/_doc", documents.index),
    ("PUT POST", "/{index}/_doc/{id}", documents.index),
    ("GET HEAD", "/{index}/_doc/{id}", documents.get),
    ("DELETE", "/{index}/_doc/{id}", documents.delete),
    ("PUT POST", "/{index}/_create/{id}", documents.create),
    ("POST", "/{index}/_update/{id}", documents.update),
    ("GET HEAD", "/{index}/_source/{id}", documents.get_source),
    ("GET POST", "/_mget", documents.mget),
    ("GET POST", "/{index}/_mget", documents.mget),
    *(
        ("POST", path, tasks.in_background(f"indices:data/write/{name}", handler))
        for name, path, handler in (
            ("delete/byquery", "/{index}/_delete_by_query", by_query.delete_by_query),
            ("update/byquery", "/{index}/_update_by_query", by_query.update_by_query),
            ("reindex", "/_reindex", by_query.reindex),
        )
    ),
    *(
        ("POST", f"/{name}/{{id}}/_rethrottle", tasks.rethrottle)
        for name in ("_delete_by_query", "_update_by_query", "_reindex")
    ),
]

_SEARCH: list[Route] = [
    ("GET POST", "/_search", search.search),
    ("GET POST", "/_search/scroll", search.scroll),
    ("GET POST", "/_search/scroll/{scroll_id}", search.scroll),
    ("DELETE", "/_search/scroll", search.clear_scroll),
    ("DELETE", "/_search/scroll/{scroll_id}", search.clear_scroll),
    ("GET POST", "/{index}/_search", search.search),
    ("GET POST", "/_msearch", search.msearch),
    ("GET POST", "/{index}/_msearch", search.msearch),
    ("GET POST", "/_count", search.count),
    ("GET POST", "/{index}/_count", search.count),
    ("POST", "/{index}/_pit", search.open_pit),
    ("DELETE", "/_pit", search.close_pit),
    ("GET POST", "/_validate/query", search.validate),
    ("GET POST", "/{index}/_validate/query", search.validate),
    ("GET POST", "/{index}/_explain/{id}", search.explain),
    ("GET POST", "/_field_caps", field_caps.field_caps),
    ("GET POST", "/{index}/_field_caps", field_caps.field_caps),
]

_TOUCHED: list[Route] = [
    ("GET POST", f"{prefix}/{name}", indices.flush if name == "_flush" else indices.touch)
    for name in ("_refresh", "_flush", "_forcemerge", "_cache/clear")
    for prefix in ("", "/{index}")
]

_INDICES: list[Route] = [
    ("GET POST", "/_analyze", indices.analyze),
    ("GET POST", "/{index}/_reload_search_analyzers", indices.reload_analyzers),
    ("GET POST", "/{index}/_analyze", indices.analyze),
    ("GET", "/_stats", indices.stats),
    ("GET", "/_stats/{metric}", indices.stats),
    ("GET", "/{index}/_stats", indices.stats),
    ("GET", "/{index}/_stats/{metric}", indices.stats),
    ("GET POST", "/_resolve/index/{index}", indices.resolve),
    ("POST", "/{index}/_close", indices.close),
    ("POST", "/{index}/_open", indices.open_),
    ("POST", "/{index}/_rollover", indices.rollover),
    ("POST", "/{index}/_rollover/{new_index}", indices.rollover),
    ("PUT", "/{index}/_block/{block}", indices.block),
    ("DELETE", "/{index}/_block/{block}", indices.unblock),
    ("GET", "/_mapping", metadata.get_mapping),
    ("GET", "/{index}/_mapping", metadata.get_mapping),
    ("PUT POST", "/{index}/_mapping", metadata.put_mapping),
    ("GET", "/_mapping/field/{fields}", metadata.get_field_mapping),
    ("GET", "/{index}/_mapping/field/{fields}", metadata.get_field_mapping),
    ("GET", "/_settings", metadata.get_settings),
    ("GET", "/_settings/{name}", metadata.get_settings),
    ("GET", "/{index}/_settings", metadata.get_settings),
    ("GET", "/{index}/_settings/{name}", metadata.get_settings),
    ("PUT", "/_settings", metadata.put_settings),
    ("PUT", "/{index}/_settings", metadata.put_settings),
    ("GET HEAD", "/_alias", metadata.get_alias),
    ("GET HEAD", "/_alias/{name}", metadata.get_alias),
    ("GET HEAD", "/{index}/_alias", metadata.get_alias),
    ("GET HEAD", "/{index}/_alias/{name}", metadata.get_alias),
    *(
        ("PUT POST", f"/{{index}}/{word}/{{name}}", metadata.put_alias)
        for word in ("_alias", "_aliases")
    ),
    *(
        ("DELETE", f"/{{index}}/{word}/{{name}}", metadata.delete_alias)
        for word in ("_alias", "_aliases")
    ),
    ("POST", "/_aliases", metadata.update_aliases),
]

_TEMPLATES: list[Route] = [
    ("POST", "/_index_template/_simulate_index/{name}", templates.simulate_index),
    ("POST", "/_index_template/_simulate", templates.simulate),
    ("POST", "/_index_template/_simulate/{name}", templates.simulate),
    ("GET", "/_index_template", templates.get_index_template),
    ("GET HEAD", "/_index_template/{name}", templates.get_index_template),
    ("PUT POST", "/_index_template/{name}", templates.put_index_template),
    ("DELETE", "/_index_template/{name}", templates.delete_of("index_template")),
    ("GET", "/_component_template", templates.get_component_template),
    ("GET HEAD", "/_component_template/{name}", templates.get_component_template),
    ("PUT POST", "/_component_template/{name}", templates.put_component_template),
    ("DELETE", "/_component_template/{name}", templates.delete_of("component_template")),
    ("GET", "/_template", templates.get_legacy),
    ("GET HEAD", "/_template/{name}", templates.get_legacy),
    ("PUT POST", "/_template/{name}", templates.put_legacy),
    ("DELETE", "/_template/{name}", templates.delete_of("legacy_template")),
]

_LIFECYCLE: list[Route] = [
    ("GET", "/_data_stream", lifecycle.get_streams),
    ("GET", "/_data_stream/_stats", lifecycle.stream_stats),
    ("GET", "/_data_stream/{name}/_stats", lifecycle.stream_stats),
    ("PUT", "/_data_stream/{name}", lifecycle.create_stream),
    ("GET", "/_data_stream/{name}", lifecycle.get_streams),
    ("DELETE", "/_data_stream/{name}", lifecycle.delete_streams),
    ("GET", "/_data_stream/{name}/_lifecycle", lifecycle.get_stream_lifecycle),
    ("PUT", "/_data_stream/{name}/_lifecycle", lifecycle.put_stream_lifecycle),
    ("DELETE", "/_data_stream/{name}/_lifecycle", lifecycle.delete_stream_lifecycle),
    ("GET", "/_ilm/policy", lifecycle.get_policies),
    ("GET", "/_ilm/policy/{name}", lifecycle.get_policies),
    ("PUT", "/_ilm/policy/{name}", lifecycle.put_policy),
    ("DELETE", "/_ilm/policy/{name}", lifecycle.delete_policy),
    ("GET", "/_ilm/status", lifecycle.status),
    ("POST", "/_ilm/start", lifecycle.start),
    ("POST", "/_ilm/stop", lifecycle.stop),
    ("POST", "/{index}/_ilm/remove", lifecycle.remove_policy),
    ("GET", "/{index}/_ilm/explain", lifecycle.explain),
    ("GET POST", "/{index}/_lifecycle/explain", lifecycle.explain_stream_lifecycle),
]

_SECURITY: list[Route] = [
    ("GET", "/_security/_authenticate", security.authenticate),
    ("POST PUT", "/_security/api_key", security.create_key),
    ("GET", "/_security/api_key", security.get_keys),
    ("DELETE", "/_security/api_key", security.invalidate_keys),
    ("GET POST", "/_security/_query/api_key", security.query_keys),
]

# An index' own path comes last: any other first part would fit it too.
ROUTES: list[Route] = [
    *_CLUSTER,
    *_CAT,
    *_DOCUMENTS,
    *_SEARCH,
    *_TOUCHED,
    *_INDICES,
    *_TEMPLATES,
    *_LIFECYCLE,
    *_SECURITY,
    ("PUT", "/{index}", indices.create),
    ("GET", "/{index}", indices.get),
    ("HEAD", "/{index}", indices.exists),
    ("DELETE", "/{index}", indices.delete),
]
