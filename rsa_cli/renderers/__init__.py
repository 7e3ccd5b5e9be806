"""Renderers: one assessment as text, one file a format; the file's name is what `--format` accepts.

Each has `render(assessment, options) -> str`. Listing the formats imports none of them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from rsa_cli.assess import Assessment, Finding
from rsa_cli.light import Light


class Options(Light):
    """How to draw: columns, whether colours and styles may be used, whether everything, or management, is shown."""

    width: int = 80
    colour: bool = False
    everything: bool = False
    management: bool = False


def formats() -> tuple[str, ...]:
    """The formats there are, by the files of this folder."""
    return tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_")))


def render(assessment: Assessment, name: str, options: Options) -> str:
    """The assessment in a format, ending with a line break."""
    return cast(str, import_module(f"rsa_cli.renderers.{name}").render(assessment, options))


def explain(assessment: Assessment, finding: Finding, options: Options) -> str:
    """The whole proof of one finding, for a terminal."""
    return cast(str, import_module("rsa_cli.renderers.terminal").explain(assessment, finding, options))
