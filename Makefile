# Every target is a script in scripts/, so that CI, the image and you run the same steps.
#   PG=17 make test             another PostgreSQL major (15 to 18)
#   WARD_CACHE=/big make test   another place than .ward for builds and clusters

.PHONY: help demo test test-crash lint bench matrix install clean

help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the product on real documents: sets up, builds, runs on a throw-away server
	@scripts/demo.sh

test: ## every test, on one PostgreSQL
	@scripts/test.sh

test-crash: ## kills the server under load, again and again: WARD_CRASH_ROUNDS=1000 make test-crash
	@scripts/test-crash.sh

lint: ## formatting, clippy, layers
	@scripts/lint.sh

bench: ## the benchmarks of docs/benchmarks.md
	@scripts/bench.sh

matrix: ## the tests on PostgreSQL 17 and 18, in Debian roots (needs root)
	@scripts/matrix.sh

install: ## into an existing server: make install PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config
	@scripts/install-into.sh

clean: ## removes .ward (builds, clusters, roots)
	@scripts/clean.sh
