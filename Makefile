# The one door. `make` alone lists what it does.

STORE      ?= store
LISTEN     ?= 127.0.0.1:8080
ADMIN      ?= 127.0.0.1:8081
SAMPLES    := $(wildcard data-samples/*.xlsx data-samples/*.xls data-samples/*.csv \
                data-samples/*.dbf data-samples/*.zip data-samples/*.jdx)
LOADER     := target/release/zhengcha-loader
SERVER     := target/release/zhengcha-server
BENCH      := cargo run --release --locked -p zhengcha-benches --bin

.DEFAULT_GOAL := help
.PHONY: help build demo load-demo test browser-test check bench bench-http kill-loop flip-campaign \
        swap-check samples packages clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

build: ## both programs, optimised
	cargo build --release --locked -p zhengcha-loader -p zhengcha-server

load-demo: build
	@if [ ! -e $(STORE)/CURRENT ]; then \
	  echo "loading data-samples into $(STORE) (some rows are bad on purpose)"; \
	  $(LOADER) load $(SAMPLES) --org all --store $(STORE) || [ $$? -eq 3 ]; fi

demo: load-demo ## build, load the samples, serve; Ctrl-C stops
	@.ci/demo $(SERVER) $(STORE) $(LISTEN) $(ADMIN)

packages: ## what the tests need from Debian
	@.ci/packages

test: packages ## every test
	@.ci/test

browser-test: packages ## the page in a real browser
	cargo test --locked -p zhengcha-server --test browser

check: ## format, lints, docs, licences, the server alone
	@.ci/check

bench: ## lookups at 1 M certificates; open, build and swap
	$(BENCH) lookup -- --records 1000000
	$(BENCH) generations -- --records 1000000

bench-http: build ## POST rate of the server beside a bare hyper server
	$(BENCH) http_bench

kill-loop: build ## 200 kills of the loader at random moments
	$(BENCH) kill_loop -- --rounds 200

flip-campaign: build ## 10,000 bit flips and every truncation: all refused
	$(BENCH) flip_campaign -- --flips 10000

swap-check: build ## 100 swaps under load: no answer failed, mixed or wrong
	$(BENCH) swap_check -- --swaps 100

samples: ## write data-samples again from its seed
	$(BENCH) make_samples

clean: ## remove what was built and the demo's store
	cargo clean
	rm -rf store scratch
