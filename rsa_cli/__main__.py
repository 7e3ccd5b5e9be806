"""`rsa`, and `python -m rsa_cli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from rsa_cli.cli import app

        sys.exit(app())
    except KeyboardInterrupt:  # while modules are still being read; afterwards Typer sees to it
        sys.exit(130)


if __name__ == "__main__":
    main()
