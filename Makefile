# Everything that is done with this repository, from nothing: `make help`.
# Needs Python 3.11 or newer with venv, and make. Everything else goes into .venv/, from the locks in requirements/.

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
SHELL := /bin/bash

RECENT = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for one in python3.11 python3.12 python3.13 python3; do \
	$$one $(RECENT) 2>/dev/null && command -v $$one && break; done)
ARGS ?=
DATA ?= demo-pool
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed
SYSTEM := $(VENV)/.system-checked
SDKS := tests/e2e/segment/node_modules/.package-lock.json

.PHONY: help
help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  ARGS=… goes to the command (make demo ARGS=--no-serve), DATA=… names the pool's folder (make serve)."

# ── what it's for ──────────────────────────────────────────────────────────────────────────────

.PHONY: demo
demo: $(RUN) ## Set up, turn a year of a real retailer into a pool, serve it (ARGS=--no-serve: don't)
	$(BIN)/python -m demo.run $(ARGS)

.PHONY: serve
serve: $(RUN) ## Serve a pool on loopback (DATA=folder, by default the demo's)
	$(BIN)/yutang --data $(DATA) serve $(ARGS)

# ── checks ─────────────────────────────────────────────────────────────────────────────────────

.PHONY: test
test: check $(SYSTEM) $(SDKS) ## Set up and run every check and every test (ARGS=… goes to pytest)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

.PHONY: check
check: $(DEV) ## Lint, format, types, imports: quick
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: bench
bench: $(DEV) ## Measure the figures that are promised
	$(BIN)/python -m bench.run $(ARGS)

.PHONY: figures
figures: $(DEV) ## Write the chart and the table of what `make bench` measured last (docs/guides/figures.md)
	$(BIN)/python -m bench.charts

# ── upkeep ─────────────────────────────────────────────────────────────────────────────────────

.PHONY: docs
docs: $(DEV) ## Write the references that follow from the source (docs/reference)
	$(BIN)/python -m docs.generate

.PHONY: format
format: $(DEV) ## Mend what can be mended by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The demo's package asks for pandas and what that asks for, but only its data files are read.
UNUSED := --unsafe-package pandas
UNUSED_AT_RUN := --unsafe-package python-dateutil --unsafe-package six
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes $(UNUSED) \
	--strip-extras --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--no-emit-options --resolver=backtracking --extra build --extra demo

.PHONY: lock
lock: $(BIN)/pip-compile ## Write the locks anew from pyproject.toml (ARGS=--upgrade: newest versions)
	$(COMPILE) $(ARGS) --extra dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) $(ARGS) $(UNUSED_AT_RUN) --constraint requirements/dev.txt --output-file requirements/run.txt pyproject.toml

.PHONY: clean
clean: ## Remove everything that was set up or built, the demo's pool included
	rm -rf $(VENV) tests/e2e/segment/node_modules demo-pool build dist bench/out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# ── setting up ─────────────────────────────────────────────────────────────────────────────────

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) $(RECENT) \
		|| { echo "Yutang needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) has no venv; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The development lock holds everything that the running one does, in the same versions. Locks are complete.
$(DEV): requirements/dev.txt pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --no-deps --require-hashes -r requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(RUN) $(DEV)

$(RUN): requirements/run.txt pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --no-deps --require-hashes -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(RUN)

# What tests need of the system: a compiler (power loss is simulated below libc), Node and a browser (others' SDKs).
$(SYSTEM): | $(BIN)/python
	@missing=""; command -v cc >/dev/null || missing="$$missing gcc libc6-dev"; \
	command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	command -v chromium chromium-browser google-chrome >/dev/null || missing="$$missing chromium"; \
	if [ -n "$$missing" ]; then \
		echo "installing for the tests:$$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi
	@touch $@

$(SDKS): tests/e2e/segment/package-lock.json | $(SYSTEM)
	npm ci --prefix tests/e2e/segment --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

$(BIN)/pip-compile: | $(BIN)/python
	$(PIP) install --quiet pip-tools==7.6.2
