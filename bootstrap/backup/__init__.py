"""Backups: consistent copies of a whole platform, checked by digests, to a folder or to S3.

A backup place holds `objects/<aa>/<sha256>` (content, each once) and `backups/<id>.json` (what a
backup consists of). A second backup adds only what is new: Iceberg's files never change.
"""
