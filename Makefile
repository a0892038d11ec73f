# What a developer and CI run. Everything is made below build/ (per checkout) and $GAIA_VRE_CACHE (downloads, images).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
ENV := source build/env.sh

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: setup
setup: ## The development environment in build/; source build/env.sh afterwards
	@tools/setup

.PHONY: clean
clean: ## Removes build/; what was downloaded stays in $$GAIA_VRE_CACHE
	rm -rf build
