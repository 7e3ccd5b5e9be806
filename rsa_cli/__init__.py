"""Work-up assistant for recurrent miscarriage: reads a case, judges it by rules written in YAML."""

__version__ = "0.1.0"
