# Every verb makes what it needs; VENV=... and PYTHON=... choose another environment or interpreter.
VENV ?= .venv
PYTHON ?= python3
PEERS_HOME ?= $(CURDIR)/build/peers
export PEERS_HOME

# Stamps bear a checksum of the pins: changed pins are installed, unchanged ones cost nothing.
checksum = $(shell cat $(1) | cksum | cut -d " " -f 1)
RUN := $(VENV)/.run-$(call checksum,requirements.txt)
DEV := $(VENV)/.dev-$(call checksum,requirements.txt requirements-dev.txt)
WEB := $(VENV)/.web-$(call checksum,requirements-web.txt)
BIN := $(VENV)/bin
# The stylesheet of the pages is built anew when one of the files that name its classes is newer.
CSS := build/web/app.css
LOOK := $(shell find src/web src/demo/playground -type f \( -name "*.css" -o -name "*.html" -o -name "*.js" \) 2>/dev/null)
POT := build/git_assistant.pot

.DEFAULT_GOAL := help
.NOTPARALLEL: # one pip at a time in one environment
.PHONY: help setup run doctor demo demo-script test test-postgres test-freezing test-peers test-browser screenshots walk drill drill-short fuzz bench bench-long bench-review lint fmt messages env-example

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r verb what; do printf '%-13s %s\n' "$$verb" "$$what"; done

setup: $(DEV) $(CSS) ## install everything for development into .venv

run: $(RUN) ## start bot, relay, worker and sender with the settings of .env
	$(BIN)/python main.py run

doctor: $(RUN) ## find what is wrong with the settings and the surroundings
	$(BIN)/python main.py doctor

demo: $(RUN) $(CSS) ## a page in the browser to try everything on, without any account and without the network
	$(BIN)/python main.py demo

demo-script: $(RUN) ## the demo as a script that ends by itself and fails when something is wrong
	$(BIN)/python main.py demo-script

test: $(DEV) $(CSS) ## the project's own tests; they need nothing from outside (TELEGRAM_SPEC: a description to hold the bot's calls against)
	$(BIN)/python -m pytest -q $(if $(TELEGRAM_SPEC),-p tests.peers.spec_plugin) tests

test-postgres: $(DEV) ## the tests that use a database once more, on PostgreSQL (TEST_POSTGRES_URL, or a server from a wheel)
	TEST_DATABASE=postgresql $(BIN)/python -m pytest -q tests

test-freezing: $(DEV) $(CSS) ## the tests on a machine that stands still now and then for some seconds (FREEZE, FREEZE_SEED; TESTS chooses): what fails is judged by its pace
	$(BIN)/python -m pytest -q -p tests.freezing $(or $(TESTS),tests)

test-peers: $(DEV) ## tests against programs and payloads of others (downloads them from npm and PyPI)
	PYTHON=$(BIN)/python tests/peers/setup
	$(BIN)/python -m pytest -q tests/peers

test-browser: $(DEV) $(CSS) ## the page in a real browser (needs Chromium; takes Playwright from PyPI and axe-core from npm)
	$(BIN)/python -m tests.browser.needs
	$(BIN)/python -m pytest -q tests/browser

screenshots: $(DEV) $(CSS) ## take the pictures of the README anew (needs Chromium)
	$(BIN)/python -m tests.browser.needs
	$(BIN)/python -m tests.browser.screenshots

walk: $(DEV) ## press every button of every dialog as everybody, and print what was seen
	$(BIN)/python -m tests.walk

drill: $(DEV) ## all drills at full length, over an hour: kill -9, PostgreSQL restarted, a full disk, mutated deliveries
	DRILL=long $(BIN)/python -m pytest -q -s tests/drills tests/fuzz

drill-short: $(DEV) ## the same drills with a few kills and restarts each, for every change; some eight minutes
	$(BIN)/python -m pytest -q -s tests/drills

fuzz: $(DEV) ## 100,000 mutated bodies and 100,000 mutated header sets (FUZZ_CASES and FUZZ_SEED choose others)
	DRILL=long $(BIN)/python -m pytest -q -s tests/fuzz

bench: $(DEV) ## measure the relay beside its references, print a table and write build/bench.json; under ten minutes
	$(BIN)/python -m tests.bench

bench-long: $(DEV) ## the same with a million rows and longer runs
	$(BIN)/python -m tests.bench --long

bench-review: $(DEV) ## what reviews find and say wrongly, and how fast, on corpora of others (needs apt-get; takes them from Debian and PyPI)
	$(BIN)/python -m tests.bench.review

lint: $(DEV) ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(DEV) ## format the sources and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

messages: $(DEV) ## take new texts from the sources into the catalogues of src/locales
	mkdir -p build
	$(BIN)/pybabel extract -F babel.cfg -k t -k n:1,2 -k p:1c,2 -k N_ -c Translators: -s --add-location=file --no-wrap -o $(POT) src
	$(BIN)/pybabel update -i $(POT) -d src/locales -D git_assistant --no-fuzzy-matching --ignore-obsolete --no-wrap --ignore-pot-creation-date

env-example: $(RUN) ## write .env.example from the settings
	$(BIN)/python -c "from src.config import example; print(example(), end='')" > .env.example

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.11 ...')"
	$(PYTHON) -m venv $(VENV)

$(RUN): $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@rm -f $(VENV)/.run-*
	@touch $@

$(DEV): $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@rm -f $(VENV)/.dev-* $(VENV)/.run-*
	@touch $(RUN) $@

$(WEB): $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-web.txt
	@rm -f $(VENV)/.web-*
	@touch $@

$(CSS): $(WEB) $(LOOK)
	@mkdir -p $(@D)
	$(BIN)/tailwindcss --input src/web/styles/app.css --output $@ --minify --silent
	@touch $@
