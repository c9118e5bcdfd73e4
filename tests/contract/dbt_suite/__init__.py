"""dbt-dremio's own functional suite against the query engine; run by hand (`__main__.py`)."""
