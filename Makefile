# make run   try it on this machine: no AWS account and no key needed
# make test  every test            make help  the rest
# Written for make 3.81, which macOS still ships.
SHELL := /bin/sh
.DEFAULT_GOAL := help

RUN := .venv/run/bin/python
DEV := .venv/dev/bin
CLOUD := .venv/cloud/bin
SCAN := .venv/scan/bin

# Tests and checks must not depend on who runs them: no credentials, no region, no proxy of the user's.
NEUTRAL := env -u PYTHONDONTWRITEBYTECODE -u AWS_PROFILE -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN \
	-u AWS_ENDPOINT_URL -u OPENAI_API_KEY -u OPENAI_BASE_URL AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1 \
	AWS_EC2_METADATA_DISABLED=true SAM_CLI_TELEMETRY=0 CHECKOV_RUN_SCA_PACKAGE_SCAN=false

.PHONY: help
help: ## Show this list
	@echo "Travel GPT. The targets:"
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo "Deploy to AWS with ./deploy.sh (./deploy.sh --help lists its options)."

.PHONY: run
run: ## Serve the API on http://127.0.0.1:3000 (PORT, HOST, API_ACCESS=api-key and OPTIONS=--verbose change that)
	@scripts/environment.sh run
	@exec $(RUN) -m travel_gpt.local $(OPTIONS)

.PHONY: command
command: ## Set up the travel-gpt command, which manages the key
	@scripts/environment.sh run
	@echo "It is .venv/run/bin/travel-gpt; to type only travel-gpt: . .venv/run/bin/activate"
	@echo "Next:"
	@echo "  .venv/run/bin/travel-gpt doctor"

.PHONY: test
test: test-unit test-web test-integration test-browser test-stack test-e2e ## Run every test

.PHONY: test-unit
test-unit: ## Run the unit tests, with coverage
	@scripts/environment.sh dev
	$(NEUTRAL) $(DEV)/python -m pytest tests/unit -n auto --cov --cov-report=term --cov-fail-under=96

.PHONY: test-integration
test-integration: ## Run the tests of the whole API over real HTTP, on loopback
	@scripts/environment.sh dev
	@scripts/environment.sh fuzz
	@scripts/environment.sh compatible
	$(NEUTRAL) $(DEV)/python -m pytest tests/integration -n auto --dist loadfile

.PHONY: test-web
test-web: ## Check the types of the page's scripts, and test them in Node
	@scripts/environment.sh web
	.venv/web/bin/tsc
	@# There is no package.json to name what the syntax of a file says.
	$(NEUTRAL) .venv/web/bin/node --test --disable-warning=MODULE_TYPELESS_PACKAGE_JSON 'tests/web/*.test.js'

.PHONY: test-browser
test-browser: ## Test the page in Chromium, where there is one (CHROMIUM=/path/to/it names another)
	@scripts/environment.sh run
	@scripts/environment.sh browser
	@if chromium="$$(scripts/chromium.sh)"; then \
		$(NEUTRAL) CHROMIUM="$$chromium" .venv/browser/bin/python -m pytest tests/browser -n auto; \
	fi

.PHONY: fuzz
fuzz: ## Send generated requests to the local server, two minutes in each access mode (OPTIONS="--seconds 20")
	@scripts/environment.sh run
	@scripts/environment.sh fuzz
	$(NEUTRAL) $(RUN) -m scripts.fuzz $(OPTIONS)

.PHONY: test-stack
test-stack: ## Test the compiled template and the built package
	@scripts/environment.sh cloud
	$(NEUTRAL) $(CLOUD)/python -m pytest tests/infrastructure -n auto

.PHONY: test-arm64
test-arm64: ## Run the built package on an emulated arm64 processor, where an emulator can be had (no root needed)
	@scripts/environment.sh cloud
	@if python="$$(scripts/arm64.sh .cache/arm64)"; then \
		$(NEUTRAL) ARM64_PYTHON="$$python" $(CLOUD)/python -m pytest tests/infrastructure/test_arm64.py -q; \
	fi

.PHONY: test-e2e
test-e2e: ## Test the real Lambda runtime, and deploy.sh with the real aws and sam, against an emulated AWS on loopback
	@scripts/environment.sh cloud
	@scripts/environment.sh run
	$(NEUTRAL) $(CLOUD)/python -m pytest tests/e2e testbed/tests -n auto --dist loadscope --no-loadscope-reorder

.PHONY: check
check: check-code check-stack ## Check style, types, layers, generated docs, template and policies

.PHONY: check-code
check-code:
	@scripts/environment.sh dev
	$(DEV)/ruff format --check .
	$(DEV)/ruff check .
	$(DEV)/mypy
	$(DEV)/lint-imports
	$(DEV)/python -m pip check
	$(DEV)/python scripts/generate_docs.py --check
	$(DEV)/python scripts/check_words.py
	bash -n deploy.sh && for script in scripts/*.sh; do sh -n "$$script" || exit 1; done

.PHONY: check-stack
check-stack:
	@scripts/environment.sh cloud
	@scripts/environment.sh scan
	$(CLOUD)/python scripts/stamp_api_deployment.py --check
	@# It runs cfn-lint.
	$(NEUTRAL) $(CLOUD)/sam validate --lint --region us-east-1
	$(NEUTRAL) $(SCAN)/checkov --config-file .checkov.yaml

.PHONY: build
build: ## Build the Lambda package into .aws-sam (no Docker)
	@scripts/environment.sh cloud
	$(NEUTRAL) $(CLOUD)/sam build

.PHONY: bench
bench: ## Measure cold start and warm overhead against an empty, a naive and a raw handler
	@scripts/environment.sh dev
	$(NEUTRAL) $(DEV)/python -m benchmarks

# Not NEUTRAL: it asks the model that the user's environment configures.
.PHONY: evaluate
evaluate: ## Ask the model for trips, and show how many keep each rule (OPTIONS="queries.jsonl --parallel 8")
	@scripts/environment.sh run
	@$(RUN) -m scripts.evaluate $(OPTIONS)

.PHONY: docs
docs: ## Write the generated documentation again
	@scripts/environment.sh dev
	$(DEV)/python scripts/generate_docs.py

.PHONY: format
format: ## Format the code and fix what ruff can fix
	@scripts/environment.sh dev
	$(DEV)/ruff format .
	$(DEV)/ruff check --fix .

.PHONY: lock
lock: ## Resolve pyproject.toml into requirements/*.txt (OPTIONS=--upgrade for newer versions)
	@scripts/environment.sh dev
	@scripts/environment.sh web
	scripts/lock.sh $(OPTIONS)

.PHONY: reference
reference: ## Make the reference data from the packages of its lock (OPTIONS=--check compares only)
	@scripts/environment.sh dev
	@scripts/environment.sh reference
	.venv/reference/bin/python scripts/build_reference.py $(OPTIONS)

.PHONY: clean
clean: ## Remove everything that the other targets created
	rm -rf .venv .aws-sam .cache build .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# What `sam build` calls: see BuildMethod in template.yaml.
.PHONY: build-TravelGPTFunction
build-TravelGPTFunction:
	@python="$$(scripts/python.sh)" && \
	"$$python" -m scripts.stamp_api_deployment --check && \
	"$$python" -m scripts.build_package --target "$(ARTIFACTS_DIR)"

# The same package: what was just built for the API is copied.
.PHONY: build-RotatorFunction build-TravelGPTStreamFunction
build-RotatorFunction build-TravelGPTStreamFunction:
	@if [ -f "$(ARTIFACTS_DIR)/../TravelGPTFunction/travel_gpt/rotator.py" ]; then \
		cp -Rp "$(ARTIFACTS_DIR)/../TravelGPTFunction/." "$(ARTIFACTS_DIR)"; \
	else \
		$(MAKE) build-TravelGPTFunction; \
	fi
