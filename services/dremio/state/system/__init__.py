"""The tables that describe the engine itself: INFORMATION_SCHEMA and sys."""
