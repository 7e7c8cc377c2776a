# Every command here is one line around a script; `source .lab/activate` gives the same tools to a shell.
STACK ?= lab
ONLY ?=
FROM ?= staging
TO ?= prod
STACKS ?= staging prod
REVIEW ?=
FILE ?=
python := ./toolchain/python
within := $(python) -m toolchain.within
stack := $(python) -m toolchain.stack
promotion := ./promotion/run
lab := ./lab/lab --dir .lab

.DEFAULT_GOAL := help
.PHONY: help tools up down preview compare verify promote drift outputs state-export state-import test bench profile check format \
  requirements

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## find or build every tool, write .lab/activate
	@$(python) -m toolchain

up: tools ## `pulumi up` that repairs drift, of the lab with its hosts (STACK=)
	@$(if $(filter lab,$(STACK)),$(lab) up)
	@$(stack) up --stack $(STACK)

down: ## remove the hosts and everything they changed on this machine
	@$(lab) down
	@$(stack) forget

preview: tools ## what would change, and what that does to listeners (STACK=prod, DIFF=1, REPORT=file.md, REVIEW=dir)
ifeq ($(REPORT)$(REVIEW),)
	@$(stack) preview --stack $(STACK) $(if $(DIFF),--diff)
else
	@$(promotion) preview $(STACK) $(if $(REPORT),--report $(REPORT)) $(if $(REVIEW),--review $(REVIEW)) $(if $(DIFF),--diff)
endif

compare: tools ## what differs between two stacks (FROM=staging TO=prod)
	@$(promotion) compare $(FROM) $(TO)

verify: tools ## no drift, every probe answers, no certificate due; exits 2 if not (STACK=)
	@$(promotion) verify $(STACK)

promote: tools ## what was reviewed, stack after stack, each verified (STACKS="staging prod" REVIEW=review)
	@$(promotion) promote $(STACKS) --review $(or $(REVIEW),review)

drift: tools ## what on the hosts is not as declared; exits 2 if anything (STACK=)
	@$(stack) drift --stack $(STACK)

outputs: tools ## the stack's outputs as JSON (STACK=)
	@$(stack) outputs --stack $(STACK)

state-export: tools ## an encrypted copy of a stack's state in one file (STACK=, FILE=)
	@$(stack) state-export --stack $(STACK) $(if $(FILE),--file $(FILE))

state-import: tools ## puts such a copy back where the state was lost (STACK=, FILE=)
	@$(stack) state-import --stack $(STACK) $(if $(FILE),--file $(FILE))

test: check ## lint, types and every kind of test
	@$(within) python -m pytest

bench: tools ## the measured goals (ONLY="P1 H4")
	@$(within) python -m bench $(ONLY)

profile: tools ## where the time of P1 goes, by phase and by part
	@$(within) python -m bench.profile

check: tools ## lint, format, types, workflows
	@$(within) ruff check .
	@$(within) ruff format --check .
	@$(within) pyright
	@$(python) -m toolchain.workflows

format: tools ## put the code into its format
	@$(within) ruff format .
	@$(within) ruff check --fix .

requirements: tools ## resolve the exact versions anew from pyproject.toml
	@$(python) -m toolchain.requirements
