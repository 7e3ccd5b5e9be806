"""Engines judge the rules of a rulebook over the evidence of a case.

Each file is one engine and its name is the engine's; it has `judge(rulebook, evidence)`, which
returns a `Judgement` for every rule. `reference` defines what the language means and keeps the
why; any other engine is checked against it.
"""
