"""Connector definitions: id, names and specification, one JSON file each."""
