"""The protocols that Dremio's clients speak: REST and Arrow Flight."""
