# The few things that people do here. Each makes .venv first when it is missing or older than the lock file.
#
#   make demo            watch V缴费, an account for Weibo, answer and thank on this machine; ONCE=1 ends when it is told
#   make test            run the tests
#   make soak            run the tests that `make test` leaves out: every biller is paid, one by one
#   make test-postgres   run the bank's tests on PostgreSQL; `make test` runs a selection of them on it
#   make lint            format, lint, types, architecture, generated files
#   make specs           check the contract with Spectral (needs Node 20)
#   make bench           measure against the peers (needs Node 20), kill a bank on either database two hundred times, and
#                        walk and simulate at length on both: an hour or two
#   make seed            build what is generated anew: the merged contract, the SDK's models and blocking client, the seed, docs
#   make lock            resolve the development environment anew
#   make clean           remove what the others have made

PYTHON ?= python3
PYTEST_ARGS ?= -n 2

BIN := .venv/bin
INSTALLED := .venv/installed
NODE_INSTALLED := node_modules/.package-lock.json

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-postgres soak lint specs bench seed lock clean
.DELETE_ON_ERROR:

demo: $(INSTALLED)
	@cd examples && ONCE=$(ONCE) ../$(BIN)/python -m v_jiaofei.demo

test: $(INSTALLED)
	$(BIN)/pytest $(PYTEST_ARGS)

test-postgres: $(INSTALLED)
	OPENTELLER_TEST_ENGINE=postgresql $(BIN)/pytest $(PYTEST_ARGS) tests/sandbox tests/contract tests/attacks

soak: $(INSTALLED)
	$(BIN)/pytest $(PYTEST_ARGS) -m soak

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/merge_specs.py --check
	$(BIN)/python tools/build_models.py --check
	$(BIN)/python tools/build_sync.py --check
	$(BIN)/python tools/build_traditional.py --check
	$(BIN)/python tools/build_pinyin.py --check
	$(BIN)/python tools/build_seed.py --check
	$(BIN)/python tools/build_docs.py --check
	$(BIN)/python tools/build_reference.py --check
	$(BIN)/python tools/abuse_cases.py --check
	$(BIN)/python tools/make_migration.py --check
	$(BIN)/python tools/lock.py --check

specs: $(INSTALLED) $(NODE_INSTALLED)
	$(BIN)/python tools/merge_specs.py --check
	npm run --silent lint:specs

bench: $(INSTALLED) $(NODE_INSTALLED)
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/kills.py --engine sqlite
	$(BIN)/python benchmarks/kills.py --engine sqlite --billers inside
	$(BIN)/python benchmarks/kills.py --engine postgresql
	$(MAKE) --no-print-directory soak test-postgres

seed: $(INSTALLED)
	$(BIN)/python tools/merge_specs.py
	$(BIN)/python tools/build_models.py
	$(BIN)/python tools/build_sync.py
	$(BIN)/python tools/build_traditional.py
	$(BIN)/python tools/build_pinyin.py
	$(BIN)/python tools/build_seed.py
	$(BIN)/python tools/build_docs.py
	$(BIN)/python tools/build_reference.py
	$(BIN)/python tools/abuse_cases.py

lock: $(INSTALLED)
	$(BIN)/python tools/lock.py

clean:
	rm -rf .venv node_modules build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip refuses hashes beside an editable install: first the packages, then the project itself, which asks for nothing more.
$(INSTALLED): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "OpenTeller needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_INSTALLED): package-lock.json package.json
	npm ci
	@touch $@
