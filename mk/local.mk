# --- the local cloud -----------------------------------------------------------------------------------------------
.PHONY: run
run: setup ## Run the whole service on this machine, in the foreground
	@$(PY) -m local.stack run

.PHONY: up
up: setup ## The same in the background
	@$(PY) -m local.stack up

.PHONY: down
down: ## End it
	@$(PY) -m local.stack down

.PHONY: key
key: setup ## Make an API key: make key TIER=5 USER=demo [STACK=dekr-prod]
	@$(if $(filter environment,$(origin USER)),$(error say for whom: make key TIER=5 USER=demo))
	@$(PY) -m local.keys create --tier "$(TIER)" --user "$(USER)" $(if $(STACK),--stack "$(STACK)")

.PHONY: lambda-image
lambda-image: setup ## Build the image that `sam local invoke` runs functions in (Docker, root)
	bash local/lambda-base-image.sh
