"""The subcommands of `lakelet`, by what they are for; each module registers its own."""
