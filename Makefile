# Parley needs Go and make, nothing else. With a C compiler at hand the tests
# run under the race detector as well.

GO      ?= go
BIN     := bin/parley
RACE    := $(if $(shell command -v $$($(GO) env CC) 2>/dev/null),-race)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

export CGO_ENABLED = 0

.PHONY: run build test durability check bench clean

run: build
	$(BIN) demo

build:
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./cmd/parley

test:
ifeq ($(RACE),)
	@echo "no C compiler found: testing without the race detector"
	$(GO) test ./...
else
	CGO_ENABLED=1 $(GO) test -race ./...
endif

# Without the race detector, so that as many processes as possible are killed.
durability:
	$(GO) test -count=1 -v -run '^TestKillsUnderLoad$$' ./events/node

check:
	$(GO) build ./...
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@unformatted=$$(gofmt -l cmd events projections handlers); \
	if [ -n "$$unformatted" ]; then echo "run gofmt on: $$unformatted"; exit 1; fi
	$(GO) test -run '^TestImportsGoDownwards$$' ./events
	$(GO) mod tidy -diff

bench: build
	$(BIN) bench send
	$(BIN) bench page
	$(BIN) bench inbox
	$(BIN) bench live
	$(BIN) bench live --listeners 10000
	$(BIN) bench search
	$(BIN) bench orders
	$(BIN) bench attachments
	$(BIN) bench webhooks
	$(BIN) bench replay
	$(BIN) bench append
	$(BIN) bench read
	$(BIN) bench size

clean:
	rm -rf bin
