"""`rsa`, and `python -m rsa_cli`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line."""
    gc.disable()  # one case a process: there is nothing to collect, and looking for it is felt at start-up
    try:
        from rsa_cli.commands import plainly

        if not plainly(sys.argv[1:]):
            from rsa_cli.cli import app

            sys.exit(app())
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
