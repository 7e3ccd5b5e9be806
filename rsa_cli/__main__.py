"""`rsa`, and `python -m rsa_cli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from rsa_cli.cli import app

    sys.exit(app())


if __name__ == "__main__":
    main()
