"""Stands for Elasticsearch: documents, mappings and searches over its REST API, on DuckDB."""
