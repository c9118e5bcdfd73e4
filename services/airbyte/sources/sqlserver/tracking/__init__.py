"""SQL Server's change tracking as a log: versions, snapshots, windows."""
