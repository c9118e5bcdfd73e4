"""Brings the services to what `lakelet.yml` says, over their wire APIs; each step is idempotent."""
