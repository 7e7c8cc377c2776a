# Every command here is one line around a script; `source .lab/activate` gives the same tools to a shell.
STACK ?= lab
ONLY ?=
python := ./toolchain/python
within := $(python) -m toolchain.within
stack := $(python) -m toolchain.stack
lab := ./lab/lab --dir .lab

.DEFAULT_GOAL := help
.PHONY: help tools up down preview drift outputs test bench check format requirements

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## find or build every tool, write .lab/activate
	@$(python) -m toolchain

up: tools ## lab hosts, then `pulumi up` of the stack lab; repairs drift
	@$(lab) up
	@$(stack) up

down: ## remove the hosts and everything they changed on this machine
	@$(lab) down
	@$(stack) forget

preview: tools ## what would change, and what that does to listeners (STACK=prod, DIFF=1)
	@$(stack) preview --stack $(STACK) $(if $(DIFF),--diff)

drift: tools ## what on the hosts is not as declared; exits 2 if anything (STACK=)
	@$(stack) drift --stack $(STACK)

outputs: tools ## the stack's outputs as JSON (STACK=)
	@$(stack) outputs --stack $(STACK)

test: check ## lint, types and every kind of test
	@$(within) python -m pytest

bench: tools ## the measured goals (ONLY="P1 H4")
	@$(within) python -m bench $(ONLY)

check: tools ## lint, format, types
	@$(within) ruff check .
	@$(within) ruff format --check .
	@$(within) pyright

format: tools ## put the code into its format
	@$(within) ruff format .
	@$(within) ruff check --fix .

requirements: tools ## resolve the exact versions anew from pyproject.toml
	@$(python) -m toolchain.requirements
