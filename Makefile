# `make run` runs the whole system, `make test` tests it; each sets up what it needs.

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
DATA ?= var

.DELETE_ON_ERROR:
.PHONY: help run test lint format lock clean

help: ## List what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run: .venv/installed ## Run the whole system here (PORT=8000 HOST=127.0.0.1 DATA=var)
	@exec .venv/bin/python manage.py serve --host $(HOST) --port $(PORT) --data "$(DATA)"

test: .venv-dev/installed ## Run all tests (ARGS= for pytest)
	@.venv-dev/bin/python -m pytest --numprocesses 2 --dist loadgroup --cov --cov-report=term $(ARGS)

lint: .venv-dev/installed ## Check style, types, templates and migrations
	.venv-dev/bin/ruff check
	.venv-dev/bin/ruff format --check
	.venv-dev/bin/mypy
	.venv-dev/bin/djlint --quiet --check --lint frontend/templates
	.venv-dev/bin/python manage.py makemigrations --check --dry-run

format: .venv-dev/installed ## Format code and templates
	.venv-dev/bin/ruff check --fix-only
	.venv-dev/bin/ruff format
	.venv-dev/bin/djlint --quiet --reformat frontend/templates || true

lock: .venv-dev/installed ## Write the locks anew from pyproject.toml (ARGS=--upgrade for newer versions)
	PATH="$(CURDIR)/.venv-dev/bin:$$PATH" requirements/lock $(ARGS)

clean: ## Remove the virtual environments; the data in var/ stays
	rm -rf .venv .venv-dev

.venv/installed: requirements/run.txt
.venv-dev/installed: requirements/all.txt

# The stamp is written last, so that an interrupted installation is done again.
%/installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Fibsite needs Python 3.11 or newer; name one with PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "This Python cannot make virtual environments: install python3-venv (on Debian and Ubuntu)" >&2; exit 1; }
	@echo "Installing the packages of $< into $(@D) …"
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement $<
	@touch $@
