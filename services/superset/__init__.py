"""Apache Superset itself, in its own environment: configuration and start-up."""
