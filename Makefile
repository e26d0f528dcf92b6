.DEFAULT_GOAL := help
.PHONY: help install run test test-fast coverage check format lint types imports migrations docs js bench torture lock

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
PYTEST = $(BIN)/python -m pytest -p tests.skips -n 2 $(PYTEST_ARGS)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | sort

# Candidates are run, not only found: a pyenv shim may exist and fail.
$(BIN)/python:
	@for candidate in "$$PYTHON" python3.12 python3.13 python3.14 python3 \
	    "$$HOME"/.pyenv/versions/3.1[2-9]*/bin/python; do \
	    if [ -n "$$candidate" ] && "$$candidate" -c \
	        'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then \
	        echo "Making $(VENV) with $$candidate"; \
	        exec "$$candidate" -m venv --clear $(VENV); \
	    fi; \
	done; \
	echo "Strongroom needs Python 3.12 or newer with its venv module, and found none on PATH or in" >&2; \
	echo "~/.pyenv/versions. Install it (Debian, Ubuntu: apt install python3-venv), or name it:" >&2; \
	echo "    make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	exit 1

# Installed again only when the locked set has changed.
$(VENV)/.run: requirements.txt | $(BIN)/python
	@echo "Installing requirements.txt"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(BIN)/python
	@echo "Installing requirements-dev.txt"
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/.run

install: $(VENV)/.dev ## Install what development needs

run: $(VENV)/.run ## Serve at http://localhost:8080 until Ctrl-C
	@exec $(BIN)/python manage.py serve

test: $(VENV)/.dev ## Run the whole suite
	$(PYTEST)

test-fast: $(VENV)/.dev ## Run the suite without tests/e2e (browser, servers, kills)
	$(PYTEST) --ignore=tests/e2e

coverage: $(VENV)/.dev ## Run the suite and show what it does not reach
	$(PYTEST) --cov --cov-report=term-missing

check: lint types imports migrations docs js ## Everything that is checked without running it

format: $(VENV)/.dev ## Rewrite Python in the house format
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(VENV)/.dev ## Check format and lint rules
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(VENV)/.dev ## Check types
	$(BIN)/mypy files project tests

imports: $(VENV)/.dev ## Check that rooms depend downwards only
	$(BIN)/lint-imports

migrations: $(VENV)/.dev ## Fail if a model change has no migration
	$(BIN)/python manage.py makemigrations --check --dry-run

docs: $(VENV)/.dev ## Check the reference pages, sizes and deployment files
	$(BIN)/python -m pytest -q $(wildcard tests/test_docs.py tests/test_layout.py tests/test_deployment.py)

torture: $(VENV)/.dev ## Kill parts of the stack thousands of times (an hour or two)
	TEST_KILL_SECONDS=$${TEST_KILL_SECONDS:-3600} TEST_KILL_ROUNDS=$${TEST_KILL_ROUNDS:-5000} \
	TEST_CLIENT_SECONDS=$${TEST_CLIENT_SECONDS:-600} \
	TEST_CLIENT_BYTES=$${TEST_CLIENT_BYTES:-1073741824} \
	TEST_BROWSER_FILES=$${TEST_BROWSER_FILES:-2000} \
	TEST_BROWSER_BYTES=$${TEST_BROWSER_BYTES:-1073741824} \
	    $(BIN)/python -m pytest -s tests/e2e/test_kill.py tests/e2e/test_kill_uploads.py \
	    tests/e2e/test_kill_clients.py tests/e2e/browser/test_upload_client.py

js: ## Run the JavaScript tests, where Node and such tests are there
	@if [ -d tests/js ] && command -v node >/dev/null; then node --test tests/js/*.test.js; fi

bench: $(VENV)/.dev ## Measure against raw nginx and the peers on this machine (ONLY=large,small,…)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(BENCH_ARGS)

# With their extras: pip would look for another version of "coverage[toml]" than is pinned for
# "coverage", and refuse it for want of a hash as soon as there is one.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-strip-extras

lock: $(VENV)/.dev ## Lock the dependencies of pyproject.toml in requirements*.txt
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.txt
