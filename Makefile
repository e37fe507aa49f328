# Sidecart. `make` lists the targets.
GO ?= go
# No version stamp: it would fail in a checkout that git takes for another user's.
GOFLAGS ?= -buildvcs=false
export GOFLAGS

# What lies underneath: STATE is redis, postgres or sqlite, PUBSUB is redis, kafka or rabbitmq.
STATE ?= redis
PUBSUB ?= redis
export STATE PUBSUB

# Brings the engines that tests start into the house. Redis always: single services are tried on it.
ENGINES = for engine in $(sort redis $(STATE) $(PUBSUB)); do tools/engines/$$engine.sh install || exit 1; done

.DEFAULT_GOAL := help
.PHONY: help install build run down export import demo audit load chaos bench conformance test test-unit test-e2e lint clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## make sure of the pinned Dapr tools (built from source when missing)
	@tools/install.sh >/dev/null

build: ## build all programs to bin/ and create the local secrets
	@mkdir -p bin
	@$(GO) build -o bin/ ./...
	@bin/secrets

# Counts installing and building as well.
run: export RUN_STARTED := $(shell date +%s)
run: install build ## start all services and sidecars on STATE and PUBSUB, load the demo catalogue; Ctrl-C stops
	@exec bin/run

down: ## stop what earlier runs left behind, and the engines they started
	@$(GO) run ./tools/run -down

export: install build ## carry all state of the stopped shop out of the engine STATE, into FILE
	@bin/house export "$(FILE)"

import: install build ## carry it from FILE into the engine STATE; can be repeated
	@bin/house import "$(FILE)"

demo: ## watch purchases pass through a running system
	@$(GO) run ./test/demo

audit: build ## prove that a running system's records agree; exit 1 and a list otherwise
	@bin/audit

load: ## put a running system under orders and report the rate
	@$(GO) run ./test/load

chaos: install ## kill services and sidecars under orders in a shop of its own; the checker judges
	@$(ENGINES)
	@$(GO) run ./test/chaos

bench: ## measure the hot paths
	@$(GO) test -run '^$$' -bench . -benchmem ./...

lint: ## check formatting and suspicious code
	@test -z "$$(gofmt -l services test tools contracts 2>/dev/null | tee /dev/stderr)" || { echo "not gofmt-ed: see above" >&2; exit 1; }
	@$(GO) vet ./...

test-unit: ## run all tests but the end-to-end ones
	@$(GO) test -race -count=1 $$($(GO) list ./... | grep -v /test/e2e)

test-e2e: install ## run the end-to-end tests on real sidecars
	@$(ENGINES)
	@$(GO) test -race -count=1 ./test/e2e/...

conformance: install ## try STATE and PUBSUB against what the services rely on (unfinished; not part of test)
	@$(ENGINES)
	@$(GO) test -race -count=1 -tags conformance ./test/conformance ./services/internal/conformance

test: install lint ## run every test
	@$(ENGINES)
	@$(GO) test -race -count=1 ./...

clean: ## remove programs and logs; secrets and data stay
	@rm -rf bin services/*/.dapr
