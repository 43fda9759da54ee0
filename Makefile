# `make demo` runs the whole pipeline locally once, `make test` runs the tests. Every target sets up what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
STAGE  ?= prod
SEED   ?= 1
# Without bytecode files every process compiles its imports again.
unexport PYTHONDONTWRITEBYTECODE
COVERAGE ?= --cov --cov-report=term --cov-fail-under=90
OSLS   := node_modules/.bin/osls
TEMPLATE := .serverless/cloudformation-template-update-stack.json
# One Region of each partition, and us-east-1, where CloudTrail records IAM.
REGIONS := ap-northeast-2 us-east-1 us-gov-west-1 cn-north-1

# controls.yaml is the source of rules.yaml and pack.yaml, not a template.
STACKS := $(wildcard eventbridge/*.yaml) $(filter-out compliance/controls.yaml,$(wildcard compliance/*.yaml)) history/stack.yaml

.DEFAULT_GOAL := help
CONFIG ?= $(or $(GATEWATCH_CONFIG),.)
JUDGES := tests/deployment/test_iam_decisions.py tests/deployment/test_eventbridge_rules.py \
	tests/deployment/test_runtime_interface.py tests/local/test_slack_sdk.py tests/local/test_pages_and_mails.py \
	tests/remediation/test_security_hub.py
.PHONY: help setup demo up test test-slow chaos judges corpora bench spark lint scan format golden compare-messages docs screenshot package deploy undeploy confirmed lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## install the command line into .venv
	@mkdir -p build
	@echo "gatewatch is installed. To put it on the path: source $(BIN)/activate"

demo: $(READY) ## run the whole pipeline locally once: two member accounts, two Regions, a Slack inbox (build/demo/inbox.html)
	@$(BIN)/gatewatch demo

up: $(READY) ## the same, and keep running with the inbox in a browser
	@$(BIN)/gatewatch up

test: $(READY) ## run the tests with branch coverage, and check the import contracts
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -n 2 $(COVERAGE)

test-slow: $(READY) ## run the slow tests: osls, browser, killed processes, benchmarks, and the property tests with many examples
	@$(BIN)/python -m pytest -n 2 -m "slow or hypothesis" --hypothesis-profile=long

chaos: $(READY) ## deliver 10,000 events under injected faults (SEED=1), and a few hundred with killed processes
	@PYTHONPATH=tests $(BIN)/python -m chaos 10000 $(SEED)

lint: $(READY) ## ruff, mypy, import contracts, banned words, cfn-lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.check_words
	@$(BIN)/cfn-lint -r $(REGIONS) -- $(STACKS)

scan: $(READY) ## run checkov over the templates and Terraform modules; every exception is there, with its reason
	@$(BIN)/uv tool run --quiet --from checkov==3.3.30 checkov --quiet --compact --skip-download --framework cloudformation -f $(STACKS)
	@$(BIN)/uv tool run --quiet --from checkov==3.3.30 checkov --quiet --compact --skip-download --framework terraform -d terraform

judges: $(READY) ## run the judges of docs/testing.md, which others wrote, and print how many decisions each made
	@$(BIN)/python -m pytest -q -m "" --judges $(JUDGES)

corpora: $(READY) ## coverage and noise of a folder of CloudTrail files, such as logs of an attack simulation (DIR=folder)
	@$(BIN)/python -m tools.corpora $(if $(DIR),"$(DIR)")

bench: $(READY) ## measure speed and write docs/performance.md; LONG=1 measures only a million records
	@$(BIN)/python -m bench --page $(if $(LONG),--long)

spark: $(READY) ## install the extra of the Spark adapter, so that make test-slow tests it; needs Java 17 or later
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/spark.txt

format: $(READY) ## format the code with ruff
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

golden: $(READY) ## rewrite the golden messages; review the difference with git diff
	@GATEWATCH_GOLDEN=write $(BIN)/python -m pytest -q -m "" tests -k golden

compare-messages: $(READY) ## write the golden messages of a Git revision (BASE=main) and of now side by side into build/messages.html
	@$(BIN)/python -m tools.compare_messages "$(or $(BASE),main)"

docs: $(READY) ## regenerate the member rules, docs/events.md, docs/coverage.md and docs/webhook.schema.json
	@$(BIN)/python -m tools.generate_patterns
	@$(BIN)/python -m tools.generate_events_doc
	@$(BIN)/python -m tools.generate_coverage
	@$(BIN)/python -m tools.generate_webhook_schema

screenshot: $(READY) ## rewrite docs/message.png from two events of the demo; needs Chromium
	@$(BIN)/python -m tools.screenshot

package deploy undeploy: export GATEWATCH_CONFIG := $(CONFIG)

package: $(READY) ## build the zip of the functions into build/ for a stage (STAGE=prod, CONFIG=folder)
	@$(BIN)/gatewatch check
	@$(BIN)/python -m tools.package --stage $(STAGE)

deploy: package $(OSLS) ## deploy the hub with CONFIG/deploy/STAGE.yaml; CONFIRM=1 accepts removals and replacements
	@options="$$($(BIN)/gatewatch deploy-options --stage $(STAGE))" && \
	$(OSLS) package $$options && \
	$(BIN)/gatewatch deploy-check --stage $(STAGE) --template $(TEMPLATE) $(if $(CONFIRM),--confirm) && \
	$(OSLS) deploy $$options

undeploy: confirmed package $(OSLS) ## remove the hub's stack with its queues and tables; needs CONFIRM=1
	@options="$$($(BIN)/gatewatch deploy-options --stage $(STAGE))" && $(OSLS) remove $$options

confirmed:
	@test -n "$(CONFIRM)" || { echo "this removes the hub with its queues and tables; confirm it with CONFIRM=1" >&2; exit 1; }

lock: $(READY) ## resolve the dependencies again into requirements/
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --extra local --extra context --extra fast --extra parquet --group dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate pyproject.toml -o requirements/runtime.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -c requirements/runtime.txt --extra context pyproject.toml -o requirements/context.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -c requirements/dev.txt --extra spark pyproject.toml -o requirements/spark.txt

clean: ## remove what the other targets created
	rm -rf $(VENV) build node_modules .serverless .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(OSLS): package.json package-lock.json
	@npm ci --no-audit --no-fund
	@touch $@

$(READY): pyproject.toml requirements/dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
