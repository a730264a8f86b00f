# demo, test, lint: each installs what it needs into .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format clean

demo: .venv/ready ## track a clip rendered by the project itself; writes demo.mp4
	$(BIN)/python tools/demo.py --output demo.mp4

test: .venv/ready-dev ## run the tests
	$(BIN)/python -m pytest

lint: .venv/ready-dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready-dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what make and runs left behind, but no trained weights
	rm -rf .venv build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis demo.mp4

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@
