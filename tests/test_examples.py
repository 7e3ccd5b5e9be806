"""Every example that stands beside a rule in `rules/` comes out as it says."""

from __future__ import annotations

import pytest
from rsa_cli.assess import expected
from rsa_cli.rulebook import Example, read_rulebook

RULEBOOK = read_rulebook("article", whole=True)


def test_there_are_examples_for_every_rule():
    shown = {name for example in RULEBOOK.examples for name in example.expect}
    assert set(RULEBOOK.rules) - shown == set()


@pytest.mark.parametrize("example", RULEBOOK.examples, ids=lambda e: e.name.replace(" ", "-"))
def test_example(example: Example):
    assert expected(RULEBOOK, example) == example.expect
