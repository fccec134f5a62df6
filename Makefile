# HiFiTune. `make help` lists the targets; `make demo` and `make test` are all that a new clone needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXIT ?=
ARGS ?=

.PHONY: results help setup demo serve test test-fast e2e check format migrate bench chromium clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv and install the pinned dependencies

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "HiFiTune needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned dependencies into $(VENV) (minutes, the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  --no-build-isolation -e '.[dev]' 2> >(grep -v '^WARNING: Location' >&2)
	@touch $@

demo: setup ## tune a VAE and an autoencoder on digits, show the best; EXIT=1 ends by itself
	@$(BIN)/hifitune demo $(if $(EXIT),--exit) $(ARGS)

serve: setup ## serve on 127.0.0.1 with the embedded SQLite
	@$(BIN)/hifitune serve $(ARGS)

chromium:
	@command -v chromium >/dev/null || { echo "installing Debian's chromium"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; }

# These start servers, workers and browsers and watch the clock: one test after the other.
ALONE := $(addprefix tests/,benchmarks e2e engine executors exports)
# These start servers too, but wait for what happens and not for a moment: a file at a time, two at once.
BESIDE := $(addprefix tests/,api cli client examples)

test: setup chromium ## the whole suite: real PostgreSQL, real browser, real processes
ifeq ($(strip $(ARGS)),)
	@OMP_NUM_THREADS=1 PYTHONHASHSEED=0 $(BIN)/python -m pytest -n 2 $(patsubst %,--ignore=%,$(ALONE) $(BESIDE))
	@OMP_NUM_THREADS=1 PYTHONHASHSEED=0 $(BIN)/python -m pytest -n 2 --dist loadfile $(BESIDE)
	@$(BIN)/python -m pytest $(ALONE)
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-fast: setup ## what needs neither a browser nor a database server
	@$(BIN)/python -m pytest -m "not browser and not database" $(ARGS)

e2e: setup chromium ## the pages in real Chromium; screenshots in build/screenshots
	@THOROUGH=1 $(BIN)/python -m pytest tests/e2e $(ARGS)

check: setup ## ruff, mypy strict, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_imports.py

results: setup ## tune a study of every family on data in ../shared/data; writes docs/results_by_family.md
	@$(BIN)/python -m benchmarks.results $(ARGS)

format: setup ## let ruff decide the layout
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

migrate: setup ## bring the database to the newest schema
	@$(BIN)/hifitune migrate $(ARGS)

bench: setup ## measure the service cost per trial; writes benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks.service_cost $(ARGS)

clean: ## remove what was built (not the data directory)
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
