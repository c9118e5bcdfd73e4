# Lakelet: `make up` for a running lakehouse, `make test` for the proof. `make help` lists all.
PYTHON ?= python3
SERVICE ?=
YES ?=
BIN := .venv/bin
LAKELET := $(BIN)/lakelet

.DEFAULT_GOAL := help
.PHONY: help install install-tests doctor up down restart status logs sync run query verify backup \
        restore upgrade destroy \
        test test-unit test-contract test-e2e test-compose check format bench lock

help: ## Show this help
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | \
		awk -F ':.*## ' '{printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}'

$(LAKELET):
	@echo 'nothing is installed here yet: run `make up`' >&2; exit 1

# A Python before 3.7 cannot even read the installer, which says the same of later ones.
install: ## Make the environments (up does this by itself)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 7) or sys.exit("error: this is Python " \
		+ sys.version.split()[0] + "; Lakelet needs 3.11 or newer: make up PYTHON=python3.11")'
	@$(PYTHON) -m bootstrap.install

install-tests: ## Also install what the tests need
	@$(PYTHON) -m bootstrap.install --tests

up: install ## Check, install, start, provision, run the pipeline, print links
	@$(LAKELET) up

down: $(LAKELET) ## Stop everything; data stays
	@$(LAKELET) down

restart: $(LAKELET) ## Restart everything, or SERVICE=name
	@$(LAKELET) restart $(SERVICE)

doctor: ## Check the machine for it; changes nothing
	@if [ -x $(LAKELET) ]; then $(LAKELET) doctor; else $(PYTHON) -m bootstrap.install --check; fi

status: $(LAKELET) ## Show each service
	@$(LAKELET) status

logs: $(LAKELET) ## Show the logs' ends, or SERVICE=name
	@$(LAKELET) logs $(SERVICE)

sync: $(LAKELET) ## Sync all connections into bronze
	@$(LAKELET) sync

run: $(LAKELET) ## Run the pipeline: sync, then dbt layer by layer
	@$(LAKELET) run

query: $(LAKELET) ## Run SQL="SELECT ..." on Dremio
	@$(LAKELET) query "$(or $(SQL),$(error set SQL="SELECT ..."))"

verify: $(LAKELET) ## Count rows and money at every hop
	@$(LAKELET) verify

backup: $(LAKELET) ## Back everything up: TO=/folder or TO=s3://bucket/prefix; KEEP=7 removes older
	@$(LAKELET) backup "$(or $(TO),$(error set TO=/folder or TO=s3://bucket/prefix))" \
		$(if $(KEEP),--keep $(KEEP))

restore: install ## Bring a backup back: FROM=/folder or FROM=s3://bucket/prefix
	@$(LAKELET) restore "$(or $(FROM),$(error set FROM=/folder or FROM=s3://bucket/prefix))" \
		$(if $(YES),--replace --yes)

upgrade: install ## Back up, go to version REF=tag (or the files as they are), undo if it fails
	@$(LAKELET) upgrade $(REF)

destroy: $(LAKELET) ## Delete all data and secrets (asks; YES=1 does not)
	@$(LAKELET) destroy $(if $(YES),--yes)

# The longest begin first, and the many short ones fill what is left.
SLOW_FIRST := tests/contract tests/compose tests/unit
test: install-tests ## Prove it: unit, Compose, contract and end-to-end tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(SLOW_FIRST)
	$(BIN)/python -m pytest tests/e2e

test-unit: install-tests ## Only the fast tests
	$(BIN)/python -m pytest tests/unit

test-contract: install-tests ## Only the vendors' clients against our services
	$(BIN)/python -m pytest tests/contract

test-e2e: install-tests ## Only the whole platform
	$(BIN)/python -m pytest tests/e2e

test-compose: install-tests ## Really bring up the light engines in containers
	LAKELET_TEST_ENGINE=1 $(BIN)/python -m pytest tests/compose/engine

check: install-tests ## Format, lint, types, layering, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/docs

format: install-tests ## Put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install-tests ## Measure against the machine's own limit in the same run
	$(BIN)/python -m tests.bench

# No index addresses in the locks; Superset's needs overrides, so nothing resolves it again.
COMPILE := $(CURDIR)/$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
           --generate-hashes --no-emit-index-url --no-header
lock: ## Compile requirements/*.in into locked *.txt
	cd requirements && $(COMPILE) uv.in -o uv.txt
	cd requirements && $(COMPILE) platform.in -o platform.txt
	cd requirements && $(COMPILE) dev.in -o dev.txt
	cd requirements && $(COMPILE) notebooks.in -o notebooks.txt
	cd requirements && $(COMPILE) --override superset.overrides superset.in -o superset.txt
	cd requirements && $(COMPILE) --no-deps data.in -o data.txt
