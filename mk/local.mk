# --- the local cloud -----------------------------------------------------------------------------------------------
.PHONY: run
run: setup ## Run the whole service on this machine, in the foreground
	@$(PY) -m local.stack run || [ $$? -eq 130 ] # ended by Ctrl-C, as it should be

.PHONY: up
up: setup ## Run the whole service in the background
	@$(PY) -m local.stack up

.PHONY: down
down: ## End what `make run` or `make up` started
	@$(PY) -m local.stack down

.PHONY: key
key: setup ## Make an API key: make key TIER=5 USER=demo [ROLE=service] [STACK=dekr-prod]
	@$(if $(filter environment,$(origin USER))$(if $(USER),,none),$(error say for whom: make key TIER=5 USER=demo))
	@$(if $(TIER),,$(error say which tier: make key TIER=5 USER=demo))
	@$(PY) -m local.keys create --tier "$(TIER)" --user "$(USER)" $(if $(ROLE),--role "$(ROLE)") $(if $(STACK),--stack "$(STACK)")

.PHONY: keys
keys: setup ## List a user's API keys: make keys USER=demo [STACK=dekr-prod]
	@$(if $(filter environment,$(origin USER))$(if $(USER),,none),$(error say whose: make keys USER=demo))
	@$(PY) -m local.keys list --user "$(USER)" $(if $(STACK),--stack "$(STACK)")

.PHONY: revoke
revoke: setup ## Revoke an API key: make revoke ID=... [STACK=dekr-prod]
	@$(if $(ID),,$(error say which: make revoke ID=...))
	@$(PY) -m local.keys revoke --id "$(ID)" $(if $(STACK),--stack "$(STACK)")

.PHONY: lambda-image
lambda-image: setup ## Build the image that `sam local invoke` runs functions in (Docker, root)
	bash local/lambda-base-image.sh
