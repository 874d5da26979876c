# `make run` runs the whole system, `make test` tests it; each sets up what it needs.

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
DATA ?= var
URL ?= http://127.0.0.1:$(PORT)
# Of a release: the commit, where its images go, for which machines, and with an SBOM and the provenance.
TAG ?= $(shell git rev-parse --short HEAD)
IMAGE_PREFIX ?= example/fibsite
PLATFORMS ?= linux/amd64,linux/arm64
ATTEST ?= --attest

.DELETE_ON_ERROR:
.PHONY: help run test containers rehearsal benchmark lighthouse screenshots stack release bundle deploy lint format lock clean

help: ## List what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run: .venv/installed ## Run the whole system here (PORT=8000 HOST=127.0.0.1 DATA=var)
	@exec .venv/bin/python manage.py serve --host $(HOST) --port $(PORT) --data "$(DATA)"

test: .venv-dev/installed ## Run all tests (ARGS= for pytest)
	@.venv-dev/bin/python -m pytest --numprocesses 2 --dist loadgroup --cov --cov-report=term $(ARGS)

containers: .venv-dev/installed ## Test the images and both compose stacks; needs Docker (ARGS= for pytest)
	@.venv-dev/bin/python -m pytest tests/containers $(ARGS)

rehearsal: .venv-dev/installed ## Rehearse the deployment with a simulated AWS; needs Docker and port 80, or HTTP_PORT= (ARGS= for pytest)
	@.venv-dev/bin/python -m pytest tests/deploy -p no:randomly --capture=no $(ARGS)

benchmark: .venv-benchmark/installed ## Compare the computation with others of its kind (ARGS=--quick)
	@.venv-benchmark/bin/python -m benchmarks.digits $(ARGS)

lighthouse: ## Score the pages of a running system (URL=http://127.0.0.1:8000); needs npm and Chromium
	@$(PYTHON) -m benchmarks.lighthouse --url "$(URL)" $(ARGS)

screenshots: .venv-dev/installed ## Make the README's pictures from a running system (URL=http://127.0.0.1:8000)
	@.venv-dev/bin/python -m docs.screenshots --url "$(URL)" $(ARGS)

lint: .venv-dev/installed ## Check style, types, templates and migrations
	.venv-dev/bin/ruff check
	.venv-dev/bin/ruff format --check
	.venv-dev/bin/mypy
	.venv-dev/bin/mypy deploy/*.py
	.venv-dev/bin/djlint --quiet --check --lint frontend/templates calculator/templates
	@# Without a database it warns that it cannot compare what was applied, which nobody asks here.
	.venv-dev/bin/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

format: .venv-dev/installed ## Format code and templates
	.venv-dev/bin/ruff check --fix-only
	.venv-dev/bin/ruff format
	.venv-dev/bin/djlint --quiet --reformat frontend/templates calculator/templates || true

stack: ## Rehearse production in containers on http://localhost:3080/ (Ctrl-C stops it; HTTP_PORT=3080)
	docker build --quiet --file docker/Dockerfile --target app --tag fibsite-app:local .
	docker build --quiet --file docker/Dockerfile --target frontend --tag fibsite-frontend:local .
	docker build --quiet --file docker/Dockerfile --target nginx --tag fibsite-nginx:local .
	APP_IMAGE=fibsite-app:local FRONTEND_IMAGE=fibsite-frontend:local NGINX_IMAGE=fibsite-nginx:local \
	HTTP_PORT=$${HTTP_PORT:-3080} \
	docker compose --file deploy/docker-compose.yml --file deploy/docker-compose.local.yml up

release: ## Build the images of this tree and push them (TAG= IMAGE_PREFIX=name/fibsite)
	@mkdir -p build
	$(PYTHON) deploy/push.py --prefix "$(IMAGE_PREFIX)" --tag "$(TAG)" \
	  --platforms "$(PLATFORMS)" $(ATTEST) --output build/images.json

bundle: .venv-deploy/installed ## Make the bundle for Elastic Beanstalk with those images
	.venv-deploy/bin/python deploy/bundle.py --images build/images.json --output build/fibsite.zip

deploy: bundle ## Deploy that bundle (TAG= ARGS=--dry-run)
	.venv-deploy/bin/python deploy/deploy.py deploy build/fibsite.zip --label "$(TAG)" $(ARGS)

lock: .venv-dev/installed ## Write the locks anew from pyproject.toml (ARGS=--upgrade for newer versions)
	PATH="$(CURDIR)/.venv-dev/bin:$$PATH" requirements/lock $(ARGS)

clean: ## Remove the virtual environments; the data in var/ stays
	rm -rf .venv .venv-dev .venv-benchmark .venv-deploy

.venv/installed: requirements/run.txt
.venv-dev/installed: requirements/all.txt
.venv-benchmark/installed: requirements/benchmark.txt
.venv-deploy/installed: requirements/deploy.txt

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
