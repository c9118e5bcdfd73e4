"""Docker Compose as the commands of this platform use it."""
