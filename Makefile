# All but neon and clean install what they need into .venv first.
PYTHON ?= python3
BIN := .venv/bin
ENGINE := CMakeLists.txt $(wildcard rbsf/engine/src/*)

.PHONY: demo test lint format sanitize neon clean

demo: .venv/ready ## track a clip rendered by the project itself; writes demo.mp4
	$(BIN)/python tools/demo.py --output demo.mp4

test: .venv/ready-dev ## run the tests
	$(BIN)/python -m pytest

lint: .venv/ready-dev ## ruff, mypy and clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror rbsf/engine/src/*

format: .venv/ready-dev ## let ruff and clang-format mend what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i rbsf/engine/src/*

sanitize: .venv/ready-dev ## readers and kernels under AddressSanitizer and UBSan; 100,000 damaged files
	$(BIN)/python tools/fuzz_reader.py
	$(BIN)/cmake --build build/sanitize --target check_paths
	build/sanitize/check_paths

neon: ## the ARM kernels on this machine, under qemu
	tools/check_neon.sh

clean: ## remove what make and runs left behind, but no trained weights
	rm -rf .venv build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis demo.mp4

.venv/ready-dev: EXTRA := [dev]
.venv/ready .venv/ready-dev: pyproject.toml $(ENGINE)
	$(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --editable '.$(EXTRA)'
	touch .venv/ready $@
