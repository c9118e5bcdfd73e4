"""The binary log: row events read over the replication protocol, decoded by NumPy in batches."""
