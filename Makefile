# Parley needs Go and make, nothing else. With a C compiler at hand the tests
# run under the race detector as well.

GO      ?= go
BIN     := bin/parley
# The race detector needs cgo, with which Pebble would take zstd in C, unlike the
# product. SQLite, translated to Go, keeps its memory outside Go's heap, where
# the detector does not look: instrumented it would find nothing more, slowly.
RACING  := -race -tags=pebblegozstd -gcflags=github.com/ncruces/go-sqlite3-wasm/...=-race=false
RACE    := $(if $(shell command -v $$($(GO) env CC) 2>/dev/null),$(RACING))
# Twice as many packages at a time as processors, since some tests wait.
AT_ONCE := -p=$(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

export CGO_ENABLED = 0

.PHONY: run build test durability check bench clean

run: build
	$(BIN) demo

build:
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./cmd/parley

# Without vet: check has it.
test:
ifeq ($(RACE),)
	@echo "no C compiler found: testing without the race detector"
	$(GO) test -vet=off $(AT_ONCE) ./...
else
	CGO_ENABLED=1 $(GO) test -vet=off $(AT_ONCE) $(RACE) ./...
endif

# What test does with small numbers, since the race detector slows it most, a
# second time without it.
durability:
	$(GO) test -vet=off -count=1 -v -run '^Test(KillsUnderLoad|RandomFaults|Histories)$$' ./events/node

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
