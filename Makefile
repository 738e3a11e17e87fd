# Everything that is done here, by one verb each. Needs make and Python 3.11, 3.12 or 3.13.
#
#   make            lists the verbs
#   make up PYTHON=/opt/python3.12/bin/python3      chooses the Python of a new .venv

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help up demo test lint types imports unit installed bench-ingest bench-search bench-strangers \
        check-deploy check-images check-cluster advisories sbom notifier chart-readme format lock clean

PYTHON ?=
# Which images `make sbom` looks into.
API_IMAGE ?= movies-r-us-api:local
WORKER_IMAGE ?= movies-r-us-worker:local
RUN := .venv/bin/python
# For bench-ingest and bench-search, say ARGS="--quick"; bench/README.md has them all. For lock,
# ARGS="--upgrade", or ARGS="--upgrade-package flask".
ARGS ?=
# More than there are cores: tests of real processes wait more than they compute.
TESTS_AT_A_TIME ?= 4
# Written last, so that an installation cut short begins again.
INSTALLED := .venv/installed

help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$2 }' Makefile

up: $(INSTALLED) ## Run the whole stack here, with its logs, until Ctrl-C
	@exec $(RUN) -m local up

demo: $(INSTALLED) ## Run the stack, import the samples, ask the example queries, stop
	@exec $(RUN) -m local demo

test: lint types imports unit installed ## Check everything: style, types, who imports whom, all tests

lint: $(INSTALLED) ## Check style and format
	@$(RUN) -m ruff check --quiet
	@$(RUN) -m ruff format --check --quiet
	@echo "style: good"

types: $(INSTALLED) ## Check types
	@$(RUN) -m mypy --no-error-summary
	@echo "types: good"

imports: $(INSTALLED) ## Check that rooms import only what they may
	@$(RUN) -c 'from importlinter.cli import lint_imports_command as run; run()' --config setup.cfg

unit: $(INSTALLED) ## Run all tests
	@exec $(RUN) -m pytest --ignore tests/deploy --ignore tests/images --ignore tests/cluster \
		--numprocesses $(TESTS_AT_A_TIME) --dist worksteal

installed: $(INSTALLED) ## Run the tests of migrations, commands and pages against the installed wheel
	@exec $(RUN) -m tests.artefact.installed

check-images: $(INSTALLED) ## Build both images from a fresh clone; run them hardened, and in compose
	@exec $(RUN) -m pytest tests/images --capture no --verbose

bench-ingest: $(INSTALLED) ## Measure imports against Postgres' own COPY: an hour on a quiet machine
	@exec $(RUN) -m bench.ingest $(ARGS)

bench-search: $(INSTALLED) ## Measure searches: half an hour on a quiet machine
	@exec $(RUN) -m bench.search $(ARGS)

bench-strangers: $(INSTALLED) ## Measure slow clients, dear searches and a locked table: a quarter of an hour
	@$(RUN) -m bench.strangers $(ARGS)

check-deploy: $(INSTALLED) ## Check images, chart and infrastructure, as far as no account is needed
	@sh tests/deploy/install-tools.sh
	@exec $(RUN) -m pytest tests/deploy --numprocesses 2

check-cluster: $(INSTALLED) ## Check the chart on a real Kubernetes control plane
	@$(RUN) -m tests.cluster.helm3
	@exec $(RUN) -m tests.cluster.plane $(RUN) -m pytest tests/cluster --numprocesses 8 --dist load --maxschedchunk 1

advisories: ## Check all pinned packages for known advisories: asks PyPI
	@PYTHON="$(PYTHON)" sh local/install.sh advisories

sbom: $(INSTALLED) ## List all that is in both images, as CycloneDX: writes build/sbom-*.cdx.json
	@$(RUN) -m tests.images.sbom $(API_IMAGE) build/sbom-api.cdx.json
	@$(RUN) -m tests.images.sbom $(WORKER_IMAGE) build/sbom-worker.cdx.json

notifier: $(INSTALLED) ## Pack the Lambda function: writes build/notifier.zip
	@$(RUN) -m local.archive notifier build/notifier.zip

chart-readme: $(INSTALLED) ## Write the chart's README.md from its values
	@$(RUN) -m tests.deploy.chart_readme charts/movies-r-us

format: $(INSTALLED) ## Put style and format right
	@$(RUN) -m ruff check --quiet --fix
	@$(RUN) -m ruff format --quiet

lock: ## Pin all packages by version and hash: writes requirements/ (ARGS=--upgrade: the newest)
	@PYTHON="$(PYTHON)" sh local/install.sh lock $(ARGS)

clean: ## Remove .venv, the stack's data and all caches
	@PYTHON="$(PYTHON)" sh local/install.sh clean

$(INSTALLED): setup.cfg pyproject.toml requirements/build.txt requirements/development.txt
	@PYTHON="$(PYTHON)" sh local/install.sh install
