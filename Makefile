# Everything a contributor runs. Needs Python >= 3.11 and make; `.venv` and its hash-checked contents are made once.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage chaos bench lint format docs site links pictures lock clean

# The first Python that is new enough; `make PYTHON=/path/to/python …` names another.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$python"; break; }; done)
CHECK_PYTHON = test -n '$(PYTHON)' || { echo 'zekt needs Python >= 3.11, and none of these is: $(CANDIDATES)'; \
	echo 'Install one, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)'; exit 2; }; \
	'$(PYTHON)' -c 'import ensurepip, venv' || { echo '$(PYTHON) cannot make virtual environments, see above.'; \
	echo 'On Debian and Ubuntu: apt-get install python3-venv'; exit 2; }

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# uv writes the locks and is needed for nothing else, so it lives apart from what is tested.
UV_VERSION := 0.13.8
UV := .cache/uv/bin/uv
# The other things to lint beside Python.
WORKFLOWS := $(wildcard .github/workflows/*.yml examples/*/*/*/.github/workflows/*.yml)
ACTIONS := $(wildcard action.yml send/action.yml confirm/action.yml complete/action.yml)
SCRIPTS := $(wildcard .ci/run .ci/*.sh src/zekt_action/launch.sh)

# The embedded PostgreSQL never runs as root: it makes a system user and opens the folders above its data, which
# `zekt serve` refuses to do unasked. Here it is asked, and said.
ifeq ($(shell id -u),0)
ifndef ZEKT_DATABASE_URL
export ZEKT_EMBEDDED_AS_ROOT := 1
AS_ROOT_NOTE := running as root: ZEKT_EMBEDDED_AS_ROOT=1 lets the embedded PostgreSQL make its own system user
endif
endif

help: ## show this
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(READY) ## a message from one organisation to another and back, here, in a minute
	@$(if $(AS_ROOT_NOTE),echo '$(AS_ROOT_NOTE)',:)
	@$(BIN)/python -m zekt_backend.cli demo

# Most tests wait as long as they compute: four of them at a time fill two cores. What compares times comes before, by
# itself: what Python compiles meanwhile, none of the four compiles again. Asked for less than everything, one process
# is quicker.
TEST_PROCESSES := 4
SIDE_BY_SIDE := --numprocesses $(TEST_PROCESSES) --no-loadscope-reorder --durations 25

test: $(READY) ## all tests on a real PostgreSQL; ARGS="tests/laws -x" narrows, ZEKT_TEST_REQUIRE=all forbids skips
	@$(if $(AS_ROOT_NOTE),echo '$(AS_ROOT_NOTE)',:)
ifdef ARGS
	@$(BIN)/pytest $(COUNTED) $(ARGS)
else
	@status=0; \
	$(BIN)/pytest -m alone $(COUNTED:%=% --cov-report=) || status=$$?; \
	$(BIN)/pytest $(SIDE_BY_SIDE) -m 'not alone' $(COUNTED:%=% --cov-append) || status=$$?; \
	exit $$status
endif

# Apart from `test`: no test depends on it, and with it each takes half as long again.
COUNTED :=
coverage: COUNTED := --cov
coverage: test ## the tests, and the lines that none of them ran; ARGS as for test

chaos: $(READY) ## kills everything at random and counts what was lost; ARGS="--items 10000 --seed 1 --json chaos.json"
	@$(if $(AS_ROOT_NOTE),echo '$(AS_ROOT_NOTE)',:)
	@PYTHONPATH=tests $(BIN)/python -m chaos $(ARGS)

bench: $(READY) ## how fast, at what cost; ARGS="--only webhooks --runs 3 --json NEW.json --against OLD.json"
	@$(if $(AS_ROOT_NOTE),echo '$(AS_ROOT_NOTE)',:)
	@PYTHONPATH=benchmarks $(BIN)/python -m zekt_bench $(ARGS)

lint: $(READY) ## ruff, mypy, the actions and workflows, the shell scripts
	@status=0; run() { echo "+ $$*"; "$$@" || status=1; }; \
	run $(BIN)/ruff check .; \
	run $(BIN)/ruff format --check .; \
	run $(BIN)/mypy; \
	run $(BIN)/zizmor --offline --no-progress --persona pedantic $(ACTIONS) $(WORKFLOWS) .github/dependabot.yml; \
	run $(BIN)/zekt lint $(WORKFLOWS); \
	run $(BIN)/check-jsonschema --builtin-schema vendor.github-actions $(ACTIONS); \
	run $(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS); \
	run $(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml; \
	if command -v shellcheck >/dev/null; then run shellcheck $(SCRIPTS); \
	elif [ "$$ZEKT_TEST_REQUIRE" = all ]; then echo "shellcheck is required here and missing"; status=1; \
	else echo "- shellcheck is not installed: the scripts in .ci are not checked"; fi; \
	exit $$status

format: $(READY) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(READY) ## write the table of endpoints in docs/api.md anew
	PYTHONPATH=tests $(BIN)/python -m zekt_testing.api_page

# A warning, such as of a link that leads nowhere, is an error. REF goes to Sphinx as it is, by the environment.
SITE_OPTIONS := --fail-on-warning --keep-going --nitpicky --quiet
SITE = $(BIN)/python -m sphinx $(SITE_OPTIONS) $(if $(value REF),-D zekt_ref="$$REF") -d build/doctrees

site: $(READY) ## the documents as a site, in build/site/index.html; REF=main leads its links to GitHub there
	@$(SITE) -b html docs build/site
	@echo 'build/site/index.html'

links: $(READY) ## asks the internet whether every page is there that the documents lead to; REF=main as for site
	@$(SITE) -b linkcheck docs build/links

pictures: $(READY) ## take the pictures in docs/images anew, of the demo in Chromium
	@$(if $(AS_ROOT_NOTE),echo '$(AS_ROOT_NOTE)',:)
	PYTHONPATH=tests $(BIN)/python -m zekt_testing.pictures

lock: $(UV) ## write requirements/*.txt and the peers' anew from what asks for them; UPGRADE=1 takes newer versions
	$(UV) pip compile $(LOCK_OPTIONS) pyproject.toml --output-file requirements/action.txt
	$(UV) pip compile $(LOCK_OPTIONS) pyproject.toml --constraint requirements/action.txt \
		--extra backend --extra otel --extra act --group dev --output-file requirements/lock.txt
	$(UV) pip compile $(LOCK_OPTIONS) benchmarks/peers/procrastinate/requirements.in \
		--output-file benchmarks/peers/procrastinate/requirements.txt

# No index, no folder and no command line goes into the files: they are the same wherever they were made.
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --no-sources $(if $(UPGRADE),--upgrade)

clean: ## remove what make made
	rm -rf $(VENV) .cache build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A new lock is a new environment: nothing that left the lock stays installed.
$(READY): requirements/lock.txt pyproject.toml
	@$(CHECK_PYTHON)
	'$(PYTHON)' -m venv --clear $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: \
		--requirement requirements/lock.txt
	$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-build-isolation --no-deps --editable .
	@touch $@

$(UV):
	@$(CHECK_PYTHON)
	'$(PYTHON)' -m venv --clear .cache/uv
	.cache/uv/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)
