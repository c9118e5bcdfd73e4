"""The engine's domain: catalog, users, jobs, execution. Imports no web framework."""
