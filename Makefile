# What one can do with a clone of Boxwatch. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
CHECK := build/check
BIN := $(VENV)/bin
# The first of these that is new enough makes the virtual environment.
PYTHON ?= python3.13 python3.12 python3.11 python3
# Tests that wait for real hosts, daemons and processes, and those of the life of models: they run
# beside the others, and take about as long.
WAITING := tests/proof tests/sources tests/lifecycle tests/bench $(wildcard tests/wiring/test_model*) \
  $(wildcard tests/wiring/test_learning*) $(wildcard tests/wiring/test_succession*)
# What is installed to test with. `deep` and `lifecycle` are heavy; without them the tests that need
# them are skipped, and say so: make test EXTRAS=dev,lifecycle,deep
EXTRAS ?= dev
PIP_FLAGS := --quiet --disable-pip-version-check --constraint constraints.txt

.SECONDARY:
.PHONY: help demo test check lint types docs bench install wheel clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/core.stamp ## Show everything on a simulated AI server
	$(BIN)/boxwatch demo

test: $(VENV)/$(EXTRAS).stamp ## Run all tests (with EXTRAS=dev,lifecycle,deep those of heavy parts too)
	@mkdir -p build
	@set -m; $(BIN)/pytest $(WAITING) > build/waiting.txt 2>&1 & waiting=$$!; \
	trap 'kill -INT $$waiting 2>/dev/null && wait $$waiting || true' EXIT; failed=0; \
	$(BIN)/pytest $(WAITING:%=--ignore=%) || failed=$$?; \
	wait $$waiting || failed=$$?; cat build/waiting.txt; exit $$failed

check: wheel ## Lint, types, layers, docs and all tests against the built wheel: what CI runs
	$(MAKE) --no-print-directory VENV=$(CHECK) lint types
	$(CHECK)/bin/python -m boxwatch.cli.reference --check docs/reference Makefile
	$(MAKE) --no-print-directory VENV=$(CHECK) test

lint: $(VENV)/$(EXTRAS).stamp ## Look for mistakes and for lines out of shape
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests

types: $(VENV)/$(EXTRAS).stamp ## Check the types
	$(BIN)/mypy

docs: $(VENV)/$(EXTRAS).stamp ## Write docs/reference anew from the code
	$(BIN)/python -m boxwatch.cli.reference docs/reference Makefile

bench: $(VENV)/$(EXTRAS).stamp ## Measure the figures of the whole way
	$(BIN)/boxwatch bench spine

install: $(VENV)/core.stamp ## Install into .venv

wheel: $(CHECK)/$(EXTRAS).stamp ## Build the wheel and install it into an environment of its own
	rm -rf build/wheel
	$(CHECK)/bin/pip wheel $(PIP_FLAGS) --no-deps --wheel-dir build/wheel .
	$(CHECK)/bin/pip install $(PIP_FLAGS) --no-deps --force-reinstall build/wheel/*.whl

clean: ## Remove what was built; data folders stay
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

%/python.stamp:
	@for python in $(PYTHON) none; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break || true; \
	done; \
	if [ $$python = none ]; then \
	  echo "Boxwatch needs Python 3.11 or newer. On Debian or Ubuntu:" \
	    "apt-get install python3 python3-venv" >&2; exit 3; \
	fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	  package=$$($$python -c 'import sys; print(f"python3.{sys.version_info[1]}-venv")'); \
	  echo "$$python cannot make virtual environments." \
	    "On Debian or Ubuntu: apt-get install $$package" >&2; exit 3; \
	fi; \
	[ -x $*/bin/python ] || $$python -m venv $*
	@touch $@

%/core.stamp: %/python.stamp pyproject.toml constraints.txt
	$*/bin/pip install $(PIP_FLAGS) --editable .
	touch $@

$(CHECK)/$(EXTRAS).stamp: $(CHECK)/python.stamp pyproject.toml constraints.txt
	$(CHECK)/bin/pip install $(PIP_FLAGS) '.[$(EXTRAS)]'
	touch $@

%/$(EXTRAS).stamp: %/core.stamp
	$*/bin/pip install $(PIP_FLAGS) --editable '.[$(EXTRAS)]'
	touch $@
