"""What the sync server remembers: definitions, connectors, connections, jobs, sync state."""
