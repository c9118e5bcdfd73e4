"""PostgreSQL's log: logical decoding by pgoutput over the replication protocol."""
