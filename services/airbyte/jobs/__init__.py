"""Running jobs: one process per attempt, started, watched and retried by the server."""
