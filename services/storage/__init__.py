"""Stands for MinIO: SeaweedFS with S3 and an Iceberg REST catalog."""
