# make run    sets everything up in .venv and opens the window
# make test   sets everything up and runs all tests
# Both are safe to repeat; the set-up is done once and again when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint format bench bench-gpu screenshots clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make lint | format | bench | bench-gpu | screenshots | clean"

run: $(VENV)/.ready-to-run
	@$(BIN)/python -m gui $(ARGS)

test: $(VENV)/.ready-to-test
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-to-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready-to-test
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

bench-gpu: $(VENV)/.ready-to-test
	@PYTHON=$(BIN)/python tests/benchmarks/gpu.sh $(ARGS)

screenshots: $(VENV)/.ready-to-test
	$(BIN)/python tests/end_to_end/screenshots.py resources/screenshots

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Akin needs Python 3.11 or newer; $(PYTHON) is older or missing."; \
	    echo "hint: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@echo "== Making a Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "error: No environment could be made."; \
	    echo "hint: sudo apt-get install -y python3-venv"; exit 2; }

$(VENV)/.ready-to-run: $(VENV)/bin/python pyproject.toml
	@echo "== Installing Akin and what it needs, once. torch and its GPU libraries are about 3 GB"
	@echo "   to download and 5 GB on disk: some minutes. What arrives is listed below."
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e .
	@touch $@
	@echo "== Ready"

$(VENV)/.ready-to-test: $(VENV)/.ready-to-run
	@echo "== Installing the tools for tests"
	@$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[dev]"
	@touch $@
