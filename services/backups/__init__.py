"""Makes backups when BACKUP_EVERY says so, by the command that a user types."""
