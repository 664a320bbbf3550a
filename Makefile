# The one door. `make` alone lists what it does.

STORE        ?= store
LISTEN       ?= 127.0.0.1:8080
ADMIN_LISTEN ?= 127.0.0.1:8081

# The invented person of data-samples/README.md; the demonstration asks for one of their certificates.
DEMO_CERTIFICATE_NUMBER := 1210010000388888
DEMO_NAME               := 王小明
DEMO_OTHER_NAME         := 王小红

RECORDS    ?= 1000000
# More arguments of `make load-test`, as its program takes them.
LOAD_ARGS  ?=
CLAIMS     ?= 1000000
KILLS      ?= 200
FLIPS      ?= 10000
SWAPS      ?= 100
SCALE_RECORDS ?= 200000000
SCALE_FOLDER  ?= scratch
# Seconds for each fuzz target.
FUZZ_S     ?= 60

# Programs stand where the README says, whatever is set for other projects.
export CARGO_TARGET_DIR := $(CURDIR)/target
LOADER     := target/release/zhengcha-loader
SERVER     := target/release/zhengcha-server
BENCH      := cargo run --release --locked -p zhengcha-benches --bin

.DEFAULT_GOAL := help
.PHONY: help build demo test browser-test check advisories bench bench-http bench-peers bench-bulk bench-service hold-check bulk-check samples \
        kill-loop flip-campaign swap-test fuzz scale load-demo load-test overcommit clean

help: ## this list
	@echo "make TARGET [STORE=store] [LISTEN=127.0.0.1:8080] [ADMIN_LISTEN=127.0.0.1:8081]"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

build: ## both programs, optimised, in target/release
	@.ci/debian build-essential
	cargo build --release --locked -p zhengcha-loader -p zhengcha-server

demo: build ## build, load the samples, serve them, show what to ask; Ctrl-C stops
	@.ci/demo $(LOADER) $(SERVER) '$(STORE)' $(LISTEN) $(ADMIN_LISTEN) \
	  $(DEMO_CERTIFICATE_NUMBER) $(DEMO_NAME) $(DEMO_OTHER_NAME)

test: ## every test; brings Chromium from Debian when it may
	@.ci/test

browser-test: ## the page in Chromium, with and without scripts; pictures in target/screenshots
	@.ci/debian build-essential chromium chromium-driver fonts-noto-cjk
	cargo test --locked -p zhengcha-server --test browser

check: ## format, lints, documentation, the server alone, licences
	@.ci/check

advisories: ## known vulnerabilities in what is built in; needs the network
	@.ci/cargo-deny --all-features --locked check advisories

bench: ## lookups, open, build and swap at RECORDS certificates
	$(BENCH) lookup -- --records $(RECORDS)
	$(BENCH) generations -- --records $(RECORDS)

bench-http: ## POST rate of the server beside a bare hyper server
	@.ci/debian build-essential wrk
	$(BENCH) http_bench

bench-peers: ## beside hash tables, LMDB, SQLite, RocksDB, PostgreSQL, Redis and others; charts in benches/charts
	@.ci/bench-peers --records $(RECORDS) --charts benches/charts

hold-check: ## holds and releases while the loader is killed, generations change and lists are damaged: none wrong
	$(BENCH) hold_check -- --rounds 300 --others 100000

bulk-check: ## CLAIMS claims on RECORDS certificates, by command and service, during swaps: to the byte as expected
	$(BENCH) bulk_check -- --records $(RECORDS) --claims $(CLAIMS)

bench-service: build ## claims a second over HTTP in a stream of 20 times CLAIMS, memory, and what it costs the public's queries
	cargo build --release --locked -p zhengcha-benches --bin bulk_service
	rm -rf scratch/service && mkdir -p scratch/service
	$(LOADER) synth --records $(RECORDS) --format batch --store scratch/service/store
	$(LOADER) compile --publish --store scratch/service/store
	$(LOADER) claims --claims $(CLAIMS) --mix tax --out scratch/service/claims.ndjson --expected scratch/service/expected.csv \
	  --store scratch/service/store
	target/release/bulk_service --store scratch/service/store --claims scratch/service/claims.ndjson --repeat 20

bench-bulk: ## CLAIMS claims on RECORDS certificates beside DuckDB, polars, SQLite and PostgreSQL
	@.ci/bench-bulk $(RECORDS) $(CLAIMS)

samples: ## write data-samples/ again from its seed
	$(BENCH) make_samples

kill-loop: build ## kill the loader KILLS times at random moments; the store always opens
	$(BENCH) kill_loop -- --rounds $(KILLS)

flip-campaign: build ## FLIPS flipped bits and every truncation: all refused
	$(BENCH) flip_campaign -- --flips $(FLIPS)

swap-test: build ## SWAPS swaps under load: no answer failed, mixed or wrong
	@.ci/debian wrk
	$(BENCH) swap_check -- --swaps $(SWAPS)

fuzz: ## each fuzz target of the loader for FUZZ_S seconds; needs nightly Rust and cargo-fuzz
	@cargo +nightly fuzz --version > /dev/null || \
	  { echo "install: rustup toolchain install nightly && cargo install --locked cargo-fuzz" >&2; exit 1; }
	cd loader && for target in $$(cargo +nightly fuzz list); do \
	  cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_S) || exit 1; done

scale: build ## the national campaign at SCALE_RECORDS certificates in SCALE_FOLDER; 40 GB of disk
	@.ci/debian bc wrk
	cargo build --release --locked -p zhengcha-benches
	.ci/scale $(SCALE_RECORDS) $(SCALE_FOLDER)

load-demo: build ## invent RECORDS certificates, load them into scratch/load-demo, and say how long it took
	rm -rf scratch/load-demo scratch/register
	$(LOADER) synth --records $(RECORDS) --out scratch/register
	bash -c 'time $(LOADER) load scratch/register/* --org all --store scratch/load-demo || [ $$? -eq 3 ]'
	$(LOADER) snapshots --store scratch/load-demo

load-test: ## what a server of RECORDS certificates carries: drives one, checks every answer, writes a report; LOAD_ARGS=--quick is short
	@.ci/debian build-essential wrk
	$(BENCH) zhengcha-benches -- load-test --records $(RECORDS) $(LOAD_ARGS)

overcommit: ## a server with half the memory its register of RECORDS certificates takes; needs root and control groups
	cargo build --release --locked -p zhengcha-benches --bin zhengcha-benches
	.ci/overcommit $(RECORDS)

clean: ## remove what was built and the demonstration's store
	cargo clean
	rm -rf store scratch
