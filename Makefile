# What a developer and CI run. Everything is made below build/ (per checkout) and $GAIA_VRE_CACHE (downloads, images).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
IN_ENV := source build/env.sh &&
# make units ARGS="-k lock"
ARGS ?=
SUBSTRATE ?= docker

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: setup
setup: ## The development environment in build/; source build/env.sh afterwards
	@tools/setup dev

.PHONY: check
check: ## Everything that needs no lab: lint, types, sanity, documentation, unit tests on both ansible-cores
	@tools/setup dev oldest galaxy-importer
	@$(IN_ENV) python tools/check.py

.PHONY: lint
lint: setup ## Only the linters and types
	@$(IN_ENV) python tools/check.py ruff ruff-format mypy yamllint ansible-lint shellcheck

.PHONY: units
units: setup ## Unit tests on the newest ansible-core; ARGS go to pytest
	@$(IN_ENV) python -m pytest $(ARGS)

.PHONY: units-oldest
units-oldest: ## Unit tests on the oldest ansible-core that we promise
	@tools/setup dev oldest
	@$(IN_ENV) python tools/check.py units-oldest

.PHONY: sanity
sanity: setup ## ansible-test sanity; ARGS go to ansible-test
	@$(IN_ENV) python tools/sanity.py $(ARGS)

.PHONY: test
test: ## Everything, in the lab too; what CI runs
	@tools/setup dev oldest galaxy-importer system
	@molecule/lab/lab doctor --install
	@$(IN_ENV) python tools/check.py -units # tools/test-all has them
	@$(IN_ENV) tools/test-all

.PHONY: bench
bench: ## Measures what the goals say, to the screen and build/bench.json
	@tools/setup dev
	@molecule/lab/lab doctor --install
	@$(IN_ENV) tools/bench $(ARGS)

.PHONY: demo
demo: ## A centre on this machine: prints its address and logins; SUBSTRATE=batch has a cluster with Slurm, SUBSTRATE=kubernetes one of its own
	@tools/setup dev
	@molecule/lab/lab doctor --install
	@$(IN_ENV) tools/demo up $(SUBSTRATE)

.PHONY: demo-down
demo-down: setup ## Removes the demo
	@$(IN_ENV) tools/demo down

.PHONY: docs
docs: setup ## The reference of modules and roles, in build/docs
	@$(IN_ENV) tools/docs

.PHONY: lock
lock: setup ## Pins requirements/*.in again; ARGS=--upgrade takes the newest
	@tools/lock-requirements $(ARGS)

.PHONY: clean
clean: ## Removes build/; what was downloaded stays in $$GAIA_VRE_CACHE
	rm -rf build
