# Everything starts here. Needs Python 3.11 or newer and make; nothing else.
#   make run    set up, and start BotBalance on http://127.0.0.1:8000 (PORT=… for another)
#   make test   set up, and run the tests
#   make soak   the long tests, and searches with all their examples: 20,000 requests of a fuzz, thousands of plans, half a minute of
#               trading by two processes, a month replayed, and small drills in which everything fails and processes are killed
#   make e2e    in a real browser (Chromium): journeys, and every page with axe, by keyboard and measured; ten minutes at most
#   make screenshots  every page on both widths, light and dark, in both languages, as pictures in screenshots/
#   make bench  what users cost: rate limits, dispatching, planning, pages, memory; back-tests beside others; tables, and bench/results.json
#   make check  lint, types, migrations, deployment settings
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
TEST_ARGS ?=
BENCH_ARGS ?=
SCREENSHOTS_ARGS ?=

.PHONY: setup setup-dev run test soak e2e screenshots bench check clean

setup: .venv/.runtime
setup-dev: .venv/.dev

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; PYTHON=python3.12 make … picks another.")'
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/bin/python requirements.txt
	$(PIP) install -r requirements.txt
	@touch $@

# What the back-test is measured beside, with pins of its own that never meet the product's.
.venv-bench/.bench: requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip --disable-pip-version-check --quiet install -r requirements-bench.txt
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.txt
	$(PIP) install -r requirements-dev.txt
	@touch $@

run: setup
	@$(BIN)/python -m botbalance.first_run .env
	@$(BIN)/python manage.py prepare
	@$(BIN)/python manage.py seed --demo
	@exec $(BIN)/python manage.py run --port $(PORT)

test: setup-dev
	$(BIN)/python -m pytest -n auto -q $(TEST_ARGS)

soak: setup-dev
	SOAK=1 $(BIN)/python -m pytest -n auto -q -m "soak or search" $(TEST_ARGS)

e2e: setup-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m e2e tests/e2e $(TEST_ARGS)

screenshots: setup-dev
	$(BIN)/python -m tests.screenshots $(SCREENSHOTS_ARGS)

bench: setup-dev .venv-bench/.bench
	$(BIN)/python -m bench $(BENCH_ARGS)

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DJANGO_SETTINGS_MODULE=botbalance.settings_test $(BIN)/mypy .
	DJANGO_SETTINGS_MODULE=botbalance.settings_test $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.deploy_check

clean:
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .hypothesis staticfiles
