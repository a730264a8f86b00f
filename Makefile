# All but neon, help and clean install what they need into .venv first.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ENGINE := CMakeLists.txt $(wildcard rbsf/engine/src/*)

.PHONY: help demo test lint format docs wheel readme sanitize attack neon weights clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/ready ## track a clip that the project renders itself; writes demo.mp4 and its clip
	$(BIN)/rbsf demo --keep --output demo.mp4

test: .venv/ready-dev ## run the tests
	$(BIN)/python -m pytest

lint: .venv/ready-dev ## run ruff, mypy and clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror rbsf/engine/src/*

format: .venv/ready-dev ## let ruff and clang-format mend what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i rbsf/engine/src/*

docs: .venv/ready-docs ## build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

wheel: .venv/ready-dev ## build the wheel and try it in a fresh environment
	$(BIN)/python tests/check_wheel.py

readme: ## run README's commands in a fresh clone, in order
	$(PYTHON) tests/check_readme.py

sanitize: .venv/ready-dev ## readers and kernels under AddressSanitizer and UBSan; 100,000 damaged files
	$(BIN)/python tools/fuzz_reader.py
	$(BIN)/cmake --build build/sanitize --target check_paths
	build/sanitize/check_paths

attack: .venv/ready-dev ## attack readers, trackers and runs for minutes; says what was mishandled
	$(BIN)/python tools/attack.py

neon: ## run the ARM kernels on this machine, under qemu
	tools/check_neon.sh

weights: .venv/ready-dev ## train and pack all shipped weights: make weights DATA=folder (hours; goes on if stopped)
	@test -d "$(DATA)" || { echo "say where the data is: make weights DATA=folder" >&2; exit 2; }
	$(BIN)/python tools/make_weights.py --data "$(DATA)"

clean: ## remove what make and runs left behind, but no trained weights
	rm -rf .venv build dist site .pytest_cache .ruff_cache .mypy_cache .hypothesis demo.mp4 demo_clip.mp4

.venv/ready: EXTRA :=
.venv/ready-dev: EXTRA := [dev]
.venv/ready-docs: EXTRA := [docs]
.venv/ready .venv/ready-dev .venv/ready-docs: pyproject.toml $(ENGINE)
	$(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv" >&2; exit 2; }
	@echo "installing into .venv: packages from PyPI, and the kernels compiled here (a minute or two)"
	$(PIP) install --editable '.$(EXTRA)'
	touch .venv/ready $@
