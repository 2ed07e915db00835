# One word per deed. Each first runs scripts/bootstrap, which makes ready what that word needs and no more.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup dev demo check format test proof bench snapshots lock changelog new-module new-theme web release clean

PYTHON := .venv/bin/python
ARGS ?=

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## everything a developer needs: system parts, .venv, web/node_modules
	@scripts/bootstrap setup

demo: ## the made-up city in one command (ARGS="--speed 10")
	@scripts/bootstrap demo
	@exec $(PYTHON) -m scoc demo $(ARGS)

dev: ## web process, worker and Vite, each starting anew when its files change
	@scripts/bootstrap dev
	@exec scripts/dev

check: ## every rule of the house, about a minute
	@scripts/bootstrap check
	@scripts/check

format: ## put the code into the house's form
	@scripts/bootstrap check
	@.venv/bin/ruff check -q --fix . ; .venv/bin/ruff format -q .

test: ## all tests, on SQLite and on PostgreSQL, and the web's
	@scripts/bootstrap test
	@scripts/test

proof: ## the long ones: kill loops, soak, real servers
	@scripts/bootstrap proof
	@scripts/proof

bench: ## every benchmark prints its table (ARGS="facts" for one)
	@scripts/bootstrap bench
	@scripts/bench $(ARGS)

snapshots: ## write openapi.json and the public signatures anew; say why in changes/
	@scripts/bootstrap check
	@$(PYTHON) -m scripts.lints --renew-snapshots

lock: ## resolve the dependencies anew into requirements*.lock
	@scripts/bootstrap check
	@scripts/lock

changelog: ## gather changes/ into CHANGELOG.md (VERSION=0.2.0)
	@scripts/bootstrap check
	@.venv/bin/towncrier build --yes --version $(VERSION)

new-module: ## a new module with its first files (NAME=command.appraisal TITLE="KPI 考核")
	@scripts/bootstrap check
	@$(PYTHON) -m scripts.new_module $(NAME) $(if $(TITLE),'$(TITLE)')

new-theme: ## refuses until core.themes is there
	@echo "Thematic apps come with core.themes, which finds and checks them; until it is there a theme would be a"
	@echo "package that nothing loads. See docs/guide/architecture.md, 'Thematic apps'."
	@exit 1

web: ## build the front end into web/dist
	@scripts/bootstrap web
	@scripts/web build

release: ## wheel and sdist with the built front end and the city packs, in dist/
	@scripts/bootstrap release
	@scripts/release

clean: ## remove what was built; the state in var/ stays
	@rm -rf web/dist dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis
