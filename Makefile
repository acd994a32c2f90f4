# `make help` lists what can be done here.

# Built together, so that the harness finds the same programs and builds nothing again.
PROGRAMS := --package e2e --package edge --package sprite-agent --package control --package fakes

# What is shipped has its allocator.
SHIPPED := --features edge/jemalloc,sprite-agent/jemalloc

# Where the checks by other people's clients find them.
BUILT := FAKES_BIN=$(CURDIR)/target/debug CONTROL_BIN=$(CURDIR)/target/debug/control

# Tests of each of the two rows that `make test` runs side by side: much of a test's time is waiting.
THREADS := $(shell expr $$(nproc) + 1)

# Run once more, on PostgreSQL. Chosen by name out of the whole workspace: a package
# by itself has other features below it, and would be compiled anew.
# The story of two controls needs a database that they can share.
ON_POSTGRES := cargo test --workspace --no-fail-fast --test

# Of what the simulation consists.
SIMULATION = ARCA_SEEDS=$(SEEDS) ARCA_CUSTOMERS=$(CUSTOMERS) ARCA_MONTHS=$(MONTHS)

# What the build itself needs: pingora compiles zlib with cmake.
BUILD_NEEDS := cc=gcc cmake=cmake pkg-config=pkg-config

# The demo reads these from its environment.
PORT ?= 8080
STATE ?= demo-state
EDGES ?= 1
HEADLESS ?= 0
OPENCLAW ?= fake
OBSERVE ?= 0
export PORT STATE EDGES HEADLESS OPENCLAW OBSERVE

# How long a soak lasts.
MINUTES ?= 15
export MINUTES

# Machines that are handed on, by each strategy.
RECYCLINGS ?= 500
FLEET ?= 100

# Runs of the simulation: one, or from-to.
SEEDS ?= 1-100

# The long run of the simulation: customers, and months of theirs.
CUSTOMERS ?= 6
MONTHS ?= 2

# The former release of an upgrade: the last one with a tag.
FROM ?= $(shell git describe --tags --abbrev=0 2>/dev/null)

# People who sign up at once in a bench.
SIGN_UPS ?= 40

.DEFAULT_GOAL := help
.PHONY: help demo test test-times check audit bench bench-sign-ups bench-page bench-scale test-upgrade test-acme test-kills test-simulation test-edge-load test-edge-foreign soak test-openclaw test-openclaw-faults test-clients test-openapi
.PHONY: test-recycling test-fleet test-install test-axe test-firefox check-alerts packages need-prometheus
.PHONY: test-stages test-workspace test-beside need-build need-browser need-firefox need-npm need-bench need-sprites need-python need-foreign

help: ## Say what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: need-build $(if $(filter real,$(OPENCLAW)),need-npm) $(if $(filter 1,$(OBSERVE)),need-prometheus) ## Run everything here: PORT=8080 STATE=folder EDGES=2 HEADLESS=1 OPENCLAW=real OBSERVE=1
	@test -x target/debug/demo || echo "Building everything, which takes about five minutes on two cores."
	cargo build --bins $(PROGRAMS)
	@exec target/debug/demo

test: ## Everything CI runs: format, lints, all tests and stories
	@mkdir -p target
	@: >target/test-times
	@.ci/timed "in all" $(MAKE) --no-print-directory test-stages
	@$(MAKE) --no-print-directory test-times

test-stages: check check-alerts need-browser need-npm need-sprites need-python
	.ci/timed "compile the tests" cargo test --workspace --no-run
	.ci/timed "compile the programs" cargo build --quiet --bins $(PROGRAMS)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going test-workspace test-beside

test-workspace:
	RUST_TEST_THREADS=$(THREADS) .ci/timed "tests and stories" cargo test --workspace --no-fail-fast

test-beside:
	.ci/timed "control's tests on PostgreSQL" .ci/postgres $(ON_POSTGRES) control -- --test-threads $(THREADS)
	.ci/timed "two controls on PostgreSQL" .ci/postgres $(ON_POSTGRES) stories resilience::controls::
	.ci/timed "pages' scripts" node --test sprite-agent/ui/tests/*.js control/assets/tests/*.js
	$(BUILT) .ci/timed "vendors' clients" tests/fakes/clients/run
	$(BUILT) .ci/timed "Sprites' clients" tests/fakes/clients/sprites/run
	$(BUILT) .ci/timed "description of the API" tests/openapi/run

test-times: ## Print where the time of the last `make test` went
	@cat target/test-times

check: need-build ## Format, lints, documentation, dependencies that nobody uses
	cargo fmt --all --check
	.ci/timed "lints" cargo clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" .ci/timed "documentation" cargo doc --workspace --no-deps --quiet
	.ci/timed "install cargo-machete" .ci/need-cargo cargo-machete
	cargo machete

check-alerts: need-prometheus ## Prometheus' own tests of the alert rules
	promtool check rules config/prometheus/arcamatrix.rules.yml
	promtool test rules config/prometheus/arcamatrix.test.yml

packages: need-build ## Debian packages of all programs in target/packages (a release build: minutes)
	cargo build --release $(SHIPPED) --package control --package edge --package sprite-agent
	.ci/package

test-install: need-build ## Install the packages in a clean Debian, as an operator would (by root; packages are built first)
	cargo build --quiet --bins --package fakes
	@test -e target/packages/SHA256SUMS || $(MAKE) --no-print-directory packages
	.ci/test-install

audit: ## Licences, sources and known faults of the dependencies (installs cargo-deny, which takes minutes)
	.ci/need-cargo cargo-deny
	cargo deny --offline check bans licenses sources
	cargo deny check advisories

bench: need-build need-bench ## Measure the edge beside nginx and haproxy; prints a table, writes JSON and a chart
	cargo build --release $(SHIPPED) --bins --package benches --package edge --package sprite-agent
	target/release/proxy_latency

bench-sign-ups: need-build need-sprites ## Measure a crowd that signs up within seconds: SIGN_UPS=200 for the whole crowd (25 minutes)
	cargo run --release --package benches --bin sign_ups -- --sign-ups $(SIGN_UPS)

bench-page: need-build need-browser ## Measure the chat page with 10,000 messages and 2,000 conversations, and one that is idle; prints tables (ten minutes)
	cargo build --quiet --bins $(PROGRAMS)
	cargo test --workspace --test stories -- visitor::scale:: visitor::idle:: --ignored --nocapture --test-threads=1

test-acme: need-build ## Certificates from Pebble: by DNS, by dynamic updates of BIND, by a page at the edge, renewed while clients connect (two minutes)
	@.ci/need pebble=pebble pebble-challtestsrv=pebble named=bind9 nsupdate=bind9-dnsutils
	cargo build --quiet --bins $(PROGRAMS)
	cargo test --workspace --test stories resilience::acme:: -- --ignored --nocapture

bench-scale: need-build ## Measure a hundred thousand workspaces in PostgreSQL, and two hundred edges (minutes)
	.ci/postgres cargo test --workspace --test control scale:: -- --ignored --nocapture --test-threads 1

test-kills: need-build need-sprites ## A hundred sign-ups while one of two controls is killed every few seconds (slow)
	.ci/postgres cargo test --workspace --test stories resilience::controls:: -- --ignored --nocapture

test-edge-load: need-build ## Twenty upgrades, restarts and wakes under load; prints what clients met (minutes)
	cargo test --package edge --test edge load:: -- --ignored --nocapture --test-threads 1 --skip soak

test-simulation: need-build ## Months of customers by chance, on a clock of their own, against Stripe's books: SEEDS=1-300 CUSTOMERS=200 MONTHS=12 (slow)
	$(SIMULATION) .ci/postgres cargo test --package control --test control simulation:: -- --nocapture
	$(SIMULATION) cargo test --package control --test control simulation:: -- --nocapture

test-edge-foreign: need-build need-foreign ## Other people's programs against the edge: Autobahn's cases, testssl.sh, slowhttptest, clients (minutes)
	edge/tests/foreign/run

soak: need-build ## Mixed load with restarts and changes; prints errors and memory: MINUTES=60
	cargo test --package edge --features edge/jemalloc --test edge load::soak:: -- --ignored --nocapture

test-recycling: need-build need-sprites ## Machines handed on a thousand times by either strategy, with secrets everywhere (hours)
	cargo build --quiet --bins $(PROGRAMS)
	ARCA_RECYCLINGS=$(RECYCLINGS) cargo test --workspace --test control machines::wiping::a_machine -- --nocapture --test-threads=1

test-fleet: need-build need-sprites ## A bad version, then one that fails on every tenth of a hundred workspaces: FLEET=100 (minutes)
	cargo build --quiet --bins $(PROGRAMS)
	ARCA_FLEET=$(FLEET) cargo test --workspace --test control machines::fleet::a_bad_version -- --nocapture

test-upgrade: need-build ## An upgrade in the documented order while somebody chats: FROM=commit (minutes)
	.ci/former $(FROM)
	ARCA_FORMER=$(CURDIR)/target/former/debug cargo test --workspace --test stories resilience::upgrade:: -- --ignored --nocapture

test-openclaw: need-build need-browser need-npm ## The stories of a conversation, of plans and of Telegram with the real OpenClaw (slow: installs it from npm); VERSION=latest for the newest
	OPENCLAW_VERSION=$(VERSION) cargo test --workspace --test stories visitor::openclaw:: -- --ignored --nocapture
	OPENCLAW_VERSION=$(VERSION) cargo test --workspace --test stories visitor::telegram:: -- --ignored --nocapture
	OPENCLAW_VERSION=$(VERSION) cargo test --workspace --test stories visitor::plans:: -- --ignored --nocapture

test-axe: need-build need-browser need-npm need-sprites ## axe-core (from npm) on every page, at a desk and on a phone, light and dark (minutes)
	cargo test --workspace --test stories visitor::axe:: -- --ignored

test-firefox: need-build need-firefox need-sprites ## The journey of a customer in Debian's Firefox, at a desk and on a phone, light and dark (the first time it builds geckodriver from crates.io)
	cargo build --bins $(PROGRAMS)
	GECKODRIVER=$(CURDIR)/target/tools/bin/geckodriver cargo test --workspace --test stories visitor::firefox:: -- --ignored

test-openclaw-faults: need-build need-npm ## Every kind of bad openclaw.json, given to the real OpenClaw (slow: a quarter of an hour); FAULT=name for one
	OPENCLAW_VERSION=$(VERSION) FAULT="$(FAULT)" cargo test --workspace --test stories visitor::openclaw_faults:: -- --ignored --nocapture

test-clients: need-build need-npm need-sprites need-python ## The vendors' own clients against their fakes (from npm and PyPI)
	cargo build --quiet --bins $(PROGRAMS)
	$(BUILT) tests/fakes/clients/run
	$(BUILT) tests/fakes/clients/sprites/run

test-openapi: need-build need-python ## A running control against control/openapi.json (schemathesis from PyPI)
	cargo build --quiet --bins $(PROGRAMS)
	$(BUILT) tests/openapi/run

need-build:
	@.ci/need $(BUILD_NEEDS)

need-browser:
	@.ci/need chromium=chromium chromedriver=chromium-driver node=nodejs

# Debian has no package of geckodriver.
need-firefox:
	@.ci/need firefox-esr=firefox-esr
	@test -x target/tools/bin/geckodriver || cargo install geckodriver --version 0.37.1 --locked --debug --root target/tools --target-dir target/tools/build

need-npm:
	@.ci/need node=nodejs npm=npm

need-bench:
	@.ci/need nginx=nginx-light haproxy=haproxy wrk=wrk h2load=nghttp2-client slowhttptest=slowhttptest

need-prometheus:
	@.ci/need promtool=prometheus

# Debian has what makes a place for PyPI's packages in a package of its own.
need-python:
	@.ci/need python3:ensurepip=python3-venv

# The fake provider gives each of its machines a network of its own.
need-sprites:
	@.ci/need ip=iproute2 unshare=util-linux

need-foreign: need-python
	@.ci/need testssl=testssl.sh slowhttptest=slowhttptest node=nodejs npm=npm curl=curl h2load=nghttp2-client
