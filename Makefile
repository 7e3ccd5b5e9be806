# `make demo` and `make test` are all the set-up there is: both make .venv on first use.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check gate docs golden bench clean
demo: .venv/ready
	@$(BIN)/rsa assess sample_cases/antiphospholipid-awaiting.yaml

test: .venv/ready
	$(BIN)/python -m pytest -n auto --maxprocesses 4

check: gate test

# Everything of the gate but the tests.
gate: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.make_docs --check
	$(BIN)/rsa rules check

docs: .venv/ready
	$(BIN)/python -m tests.make_docs

golden: .venv/ready
	$(BIN)/python -m pytest -q tests/test_golden.py --golden

bench: .venv/ready
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/judging.py

# pip 25.1 and later install dependency groups; the one a new environment brings may be older.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

clean:
	rm -rf .venv
