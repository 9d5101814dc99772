# Everything a developer does, by name. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PY := .venv/bin/python
UV := .tools/uv/bin/uv
export UV_PYTHON_DOWNLOADS ?= automatic
export PYTHONPATH := layers/common
export SAM_CLI_TELEMETRY := 0

# What is given on the command line reaches programs as environment variables alone: never as text that make or a shell reads.
# NAMED: whether it says for whom a key is, which the shell's own USER does not.
NAMED := $(filter command,$(origin USER))
GIVEN := TIER USER ROLE ID STACK ENV REGION PROFILE SEED REQUESTS NO_MARKET UPGRADE AT
$(foreach name,$(GIVEN),$(if $(filter-out undefined,$(origin $(name))),$(eval override export $(name) := $$(value $(name)))))

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# --- environments: each made from a file of pinned versions with hashes --------------------------------------------
.PHONY: setup
setup: .venv/.done .tools/sam/.done .tools/ministack/.done ## Make the environments (Python packages only)

.tools/uv/.done: requirements/uv.txt
	python3 -m venv --clear .tools/uv
	.tools/uv/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.done: requirements/dev.txt .python-version .tools/uv/.done
	$(UV) venv -q --clear --python "$$(cat .python-version)" .venv
	$(UV) pip install -q --python $(PY) --require-hashes -r $<
	@touch $@

.tools/%/.done: requirements/%.txt .python-version .tools/uv/.done
	$(UV) venv -q --clear --python "$$(cat .python-version)" .tools/$*
	$(UV) pip install -q --python .tools/$*/bin/python --require-hashes -r $<
	@touch $@

JS := tests/e2e/clients/js
$(JS)/node_modules/.done: $(JS)/package-lock.json $(JS)/package.json $(JS)/.npmrc .tools/node/.done
	cd $(JS) && PATH="$(CURDIR)/.tools/node/bin:$$PATH" npm ci --silent
	@touch $@

.PHONY: system
system: ## Install the Debian packages for the TLS store, the benchmarks and (CI=true) Docker, as root or with sudo
	@bash local/system.sh

COMPILE := pip compile -q --generate-hashes --universal --python-version 3.13 --no-header --no-emit-index-url --no-emit-find-links
.PHONY: lock
lock: .tools/uv/.done ## Pin the dependencies anew from pyproject.toml
	$(UV) $(COMPILE) $${UPGRADE:-} pyproject.toml -o layers/common/requirements.txt
	$(UV) $(COMPILE) $${UPGRADE:-} pyproject.toml --group dev -o requirements/dev.txt
	$(UV) $(COMPILE) $${UPGRADE:-} --group relay -o functions/stream_relay/requirements.txt
	$(UV) $(COMPILE) $${UPGRADE:-} --group foreign -o requirements/foreign.txt
	$(UV) $(COMPILE) $${UPGRADE:-} --group sam -o requirements/sam.txt
	$(UV) $(COMPILE) $${UPGRADE:-} --group ministack -o requirements/ministack.txt
	$(UV) $(COMPILE) $${UPGRADE:-} --group node -o requirements/node.txt
	$(UV) $(COMPILE) $${UPGRADE:-} --group bootstrap -o requirements/uv.txt

.PHONY: drift
drift: .tools/uv/.done ## Fail if a requirements file does not match pyproject.toml
	@$(MAKE) --no-print-directory lock && git diff --exit-code -- requirements layers/common/requirements.txt functions/stream_relay/requirements.txt

# --- checks --------------------------------------------------------------------------------------------------------
.PHONY: format
format: setup ## Format the code
	.venv/bin/ruff check -q --fix-only .
	.venv/bin/ruff format -q .

.PHONY: lint
lint: setup drift ## Style, imports, the template and the OpenAPI document
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.tools/sam/bin/sam validate --lint --template template.yaml
	$(PY) -m local.openapi --check

.PHONY: openapi
openapi: setup ## Write docs/openapi.json and its page from the routes
	$(PY) -m local.openapi

.PHONY: examples
examples: setup ## Record the document's examples anew, on the simulated market
	$(PY) -m tests.contract.openapi.record >/dev/null
	$(PY) -m local.openapi

.PHONY: types
types: setup ## Static types, strict
	.venv/bin/mypy

.PHONY: test
test: setup .tools/foreign/.done $(if $(filter true,$(CI)),system) $(JS)/node_modules/.done ## All tests; those of TLS and of `sam local` where their programs are
	bash local/test.sh

.PHONY: unit
unit: setup ## The fast tests only: no server, no network
	.venv/bin/pytest -q tests/unit

# --- deployment ----------------------------------------------------------------------------------------------------
.PHONY: build
build: setup ## Build for AWS, with bytecode that needs no check at import
	mkdir -p .aws-sam/tmp
	TMPDIR="$(CURDIR)/.aws-sam/tmp" PATH="$(CURDIR)/.tools/sam/bin:$$PATH" .tools/sam/bin/sam build
	rm -rf .aws-sam/tmp
	$(PY) -m compileall -q -f --invalidation-mode unchecked-hash .aws-sam/build

IN_ENV = --env="$${ENV:-}" --region="$${REGION:-}" --profile="$${PROFILE:-}"

.PHONY: deploy
deploy: setup ## Deploy to your AWS account, ask nothing, and test it: make deploy ENV=dev|staging|prod [REGION=] [PROFILE=]
	@$(PY) -m local.account check $(IN_ENV)
	@$(MAKE) --no-print-directory build
	@$(PY) -m local.account deploy $(IN_ENV)

.PHONY: smoke
smoke: setup ## Test a deployed stack: health and every route; no call of the upstream: make smoke ENV=dev
	@$(PY) -m local.account smoke $(IN_ENV)

.PHONY: polygon-key
polygon-key: setup ## Put your Polygon key into the stack's secret; it asks for the key: make polygon-key ENV=dev
	@$(PY) -m local.account polygon-key $(IN_ENV)

.PHONY: destroy
destroy: setup ## Delete a deployed stack and name what stays: make destroy ENV=dev
	@$(PY) -m local.account destroy $(IN_ENV)

# --- benchmarks ----------------------------------------------------------------------------------------------------
.PHONY: bench
bench: setup system ## Run the benchmarks, print their table, write bench/results.json
	$(PY) -m bench

.PHONY: bench-publish
bench-publish: setup ## Write the figures of the last runs into bench/README.md and bench/savings.json, and draw the charts
	$(PY) -m bench.publish

.PHONY: bench-savings
bench-savings: setup ## Count the calls saved on simulated days (takes hours): make bench-savings [SEED=1] [REQUESTS=10000] [PROFILE=mixed] [NO_MARKET=1]
	$(PY) -m bench.savings $${SEED:+--seed="$$SEED"} $${REQUESTS:+--requests="$$REQUESTS"} \
		$${PROFILE:+--profile="$$PROFILE"} $${NO_MARKET:+--no-market}

.PHONY: chaos
chaos: setup ## Run the service through a minute of faults; SEED= picks them
	$(PY) -m chaos $${SEED:+--seed="$$SEED"}

-include mk/local.mk
