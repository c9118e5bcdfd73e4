"""`python -m bootstrap`: the `lakelet` command."""

from bootstrap.cli import main

if __name__ == "__main__":
    main()
