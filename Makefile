# What each target does is said beside it; `make help` prints it.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
GO          ?= go
# The tools are built from source at the versions that tools/go.mod pins.
TOOLS       := $(GO) tool -modfile=$(CURDIR)/tools/go.mod
# The client tests are a module of their own, so that the AWS SDKs are no requirement of Bailey's.
MODULES     := . e2e
# SQLite is C that was translated: there are no races of ours in it, and watching it takes more time than all the rest.
RACE        := -race -gcflags=modernc.org/...=-race=false

.DEFAULT_GOAL := build
.PHONY: build check test unit format vet fix lint vulnerabilities clients e2e soak help

build: ## builds ./bailey, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o bailey ./cmd/bailey

check: format vet fix lint vulnerabilities e2e unit ## all that CI runs, in CI's order

test: check ## the same as check

unit: ## the main module's tests alone, with the race detector
	$(GO) test $(RACE) -timeout=20m ./...
	$(GO) test -run=Allocations ./pattern # the race detector makes pools forget, so these are not in it

e2e: clients ## the real binary, driven by the real AWS CLI and SDKs
	cd e2e && $(GO) test -count=1 -race -timeout=30m -parallel=8 ./... # they mostly wait; what they test is not in the cache's key

soak: ## ten minutes of faults, kills and restarts, and the books on every event
	cd e2e && BAILEY_SOAK=10m $(GO) test -run '^TestSoak$$' -count=1 -timeout=30m -v .

clients: ## installs the clients that the e2e tests use, where that can be done
	@e2e/install-clients

format: ## fails on a file that gofmt would change
	@files=$$(git ls-files --cached --others --exclude-standard '*.go' | xargs -r gofmt -l); \
	if [[ -n $$files ]]; then echo "gofmt would change:" $$files; exit 1; fi

vet: ## go vet, both modules
	@for module in $(MODULES); do (cd $$module && $(GO) vet ./...); done

fix: ## fails where go fix knows a newer way
	@for module in $(MODULES); do (cd $$module && $(GO) fix -diff ./...); done

lint: ## golangci-lint, both modules; its first build takes some minutes
	@for module in $(MODULES); do (cd $$module && $(TOOLS) golangci-lint run ./...); done

vulnerabilities: ## govulncheck on what Bailey ships
	@output=$$($(TOOLS) govulncheck ./... 2>&1) && echo "$$output" || { \
		code=$$?; \
		if [[ $$output == *"fetching vulnerabilities:"* ]]; then \
			echo "govulncheck: skipped, its database cannot be reached"; \
		else echo "$$output"; exit $$code; fi; }

help: ## prints this list
	@sed -nE 's/^([a-z0-9]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
