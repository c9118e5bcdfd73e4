"""The bronze layer: Iceberg tables behind a REST catalog (Airbyte's S3 Data Lake destination)."""
