"""What every service shares: settings, errors, logging, migrations."""
