# Everything that is done with this repository. `make run` shows it, `make test` checks it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# What scripts/prepare.sh installs for itself goes before what the system has.
export PATH := $(CURDIR)/.tools/node_modules/.bin:$(HOME)/.cargo/bin:$(PATH)

DATA ?= data
MINUTES ?= 30
EVENT_FILE := examples/russian-diplomats-day.toml
EVENT := russian-diplomats-day
RELEASE := target/release/plenary
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)

.PHONY: help run build test interop bench soak fix clean

help:
	@echo 'make run     prepare the machine, build, and serve the reference event on http://localhost:8080'
	@echo 'make test    everything that CI checks, real Chromium included'
	@echo 'make interop Firefox, GStreamer and aiortc against the release binary'
	@echo 'make build   the web client and the release binary ($(RELEASE))'
	@echo 'make bench   the figures of docs/PERFORMANCE.md'
	@echo 'make soak    people come and go for MINUTES=30; then the checks of the tests, thousands of times'
	@echo 'make fix     format, mend what lints can mend, write generated files anew'
	@echo 'make clean   remove what was built (not the data)'

run: build
	@code=0; $(RELEASE) event create $(EVENT_FILE) --data $(DATA) > /dev/null || code=$$?; \
	  [ $$code = 0 ] || [ $$code = 5 ] || exit $$code
	@echo; $(RELEASE) event links $(EVENT) --data $(DATA)
	@echo; echo 'Open each link in a window of its own. Ctrl-C stops the server; the data stay in $(DATA)/.'; echo
	@exec $(RELEASE) serve --data $(DATA)

build:
	@scripts/prepare.sh build
	@$(MAKE) web/dist/index.html
	cargo build --release --locked -p plenary

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run build

e2e/node_modules/.package-lock.json: e2e/package.json e2e/package-lock.json
	cd e2e && npm ci --no-audit --no-fund
	@touch $@

test:
	@scripts/prepare.sh test
	@scripts/test.sh

# Apart from the tests: the clients are large, and come from PyPI in part.
interop: build e2e/node_modules/.package-lock.json
	@scripts/prepare.sh interop
	cd e2e && PLENARY_BIN=$(RELEASE) npm run interop

bench: build e2e/node_modules/.package-lock.json
	cargo run --release --locked -q -p storage-sqlite --example append_rate
	scripts/speech-model.sh
	cargo test --locked -q -p recognition --test speech -- --nocapture
	cargo test --locked -q -p server --test it recognition -- --ignored
	cd e2e && PLENARY_BIN=$(RELEASE) npm run figures
	cargo build --release --locked -q -p benches
	target/release/hour --plenary $(RELEASE)
	target/release/servers --plenary $(RELEASE) --write docs/PERFORMANCE.md

# MINUTES is how long people come and go. PLENARY_SIM_SEEDS, PLENARY_CRASH_KILLS, PROPTEST_CASES and
# PLENARY_FUZZ_SECONDS (for each target of hostile input) may be raised further.
soak: export PLENARY_SIM_SEEDS ?= 5000
soak: export PLENARY_CRASH_KILLS ?= 100
soak: export PROPTEST_CASES ?= 5000
soak: export PLENARY_FUZZ_SECONDS ?= 20
soak:
	PLENARY_SOAK_MINUTES=$(MINUTES) cargo test --release --locked -p server --test soak -- --nocapture
	cargo test --release --locked -p egress -p forwarding -p sfu -p api-types -p programme -p server --lib hostile -- --nocapture
	cargo test --release --locked -p sim -p proceedings -p forwarding -p programme -p storage-sqlite
	@$(MAKE) build
	$(RELEASE) rehearse $(EVENT_FILE) --out rehearsal --pace 20 --participants 100

fix:
	cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
	cargo fmt --all
	UPDATE_GENERATED=1 cargo test -q -p api-types -p server -p programme -p plenary

clean:
	rm -rf target web/dist web/node_modules e2e/node_modules e2e/.interop e2e/test-results e2e/shots rehearsal
