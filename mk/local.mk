# --- the local cloud -----------------------------------------------------------------------------------------------
.PHONY: run
run: setup ## Run the whole service on this machine, in the foreground: make run [AT=open|preopen|close|split|2026-11-20T15:00:00Z]
	@$(PY) -m local.stack run || [ $$? -eq 130 ] # ended by Ctrl-C, as it should be

.PHONY: up
up: setup ## Run the whole service in the background: make up [AT=...]
	@$(PY) -m local.stack up

.PHONY: down
down: ## End what `make run` or `make up` started
	@$(PY) -m local.stack down

.PHONY: logs
logs: setup ## Show and follow the lines of requests: make logs [STACK=dekr-prod]
	@$(PY) -m local.logs $(ON_STACK)

ON_STACK = $${STACK:+--stack="$$STACK"} $${REGION:+--region="$$REGION"} $${PROFILE:+--profile="$$PROFILE"}

.PHONY: key
key: setup ## Make an API key: make key TIER=5 USER=demo [ROLE=service] [STACK=dekr-prod] [REGION=] [PROFILE=]
	@$(if $(NAMED),,$(error say for whom: make key TIER=5 USER=demo))
	@$(if $(TIER),,$(error say which tier: make key TIER=5 USER=demo))
	@$(PY) -m local.keys create --tier="$$TIER" --user="$$USER" $${ROLE:+--role="$$ROLE"} $(ON_STACK)

.PHONY: keys
keys: setup ## List a user's API keys: make keys USER=demo [STACK=dekr-prod]
	@$(if $(NAMED),,$(error say whose: make keys USER=demo))
	@$(PY) -m local.keys list --user="$$USER" $(ON_STACK)

.PHONY: revoke
revoke: setup ## Revoke an API key: make revoke ID=... [STACK=dekr-prod]
	@$(if $(ID),,$(error say which: make revoke ID=...))
	@$(PY) -m local.keys revoke --id="$$ID" $(ON_STACK)

.PHONY: lambda-image
lambda-image: setup ## Build the image that `sam local invoke` runs functions in (Docker, root)
	bash local/lambda-base-image.sh
