"""The `lakelet` command: desired state to wire APIs; knows no service from the inside."""
