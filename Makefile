# What one does here. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two processes more than cores, since many tests wait for others; five at most.
SPREAD := --numprocesses=$(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 3 ? n + 2 : 5))) --dist=loadfile --no-loadscope-reorder
# Once, else each of the test processes compiles all our code, and rewrites all tests.
COMPILE := $(BIN)/python -m compileall -q monitor pipelines; \
  [ -d tests/__pycache__ ] || $(BIN)/python -m pytest -q --collect-only > /dev/null
# Every command that a test starts would compile all our code again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check --require-virtualenv -q

.DEFAULT_GOAL := help
.PHONY: help install wheel demo test test-long lint fmt cover mutants audit lock bench bench-scale bench-detection bench-meaning clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/installed $(VENV)/native ## make .venv with the command seamwatch; builds the native decoder where cargo is
	@echo "decoder: $$($(BIN)/python -c 'from monitor import native; print(native.decoder_in_use())')"
	@echo "installed: $(BIN)/seamwatch; \`. $(BIN)/activate\` puts it on the PATH"

wheel: $(VENV)/installed ## a wheel in dist/ that holds the native decoder: it installs without cargo, with Python 3.11 and newer
	SEAMWATCH_NATIVE=1 $(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*abi3*.whl

demo: $(VENV)/installed ## run the shop, Kafka and Seamwatch; prints the page's address
	@exec $(BIN)/seamwatch demo

test: $(VENV)/installed-tests $(VENV)/native ## lint, types, import contracts and the tests but for the long ones; ARGS=… goes to pytest
	@command -v java >/dev/null && command -v mvn >/dev/null \
	  || echo "java and mvn are not both here: tests against a real Apache Kafka will be skipped (on Debian: apt-get install default-jdk-headless maven)"
	@$(MAKE) --no-print-directory lint > $(VENV)/lint.log 2>&1 & lint=$$!; \
	  $(COMPILE); \
	  $(BIN)/python -m pytest $(or $(ARGS),$(SPREAD) -m "not long"); tests=$$?; \
	  wait $$lint; lint=$$?; cat $(VENV)/lint.log; exit $$((tests ? tests : lint))

test-long: $(VENV)/installed-tests $(VENV)/native ## what repeats shorter tests at length or at scale; CI runs it after `make test`
	$(BIN)/python -m pytest $(SPREAD) -m long

lint: $(VENV)/installed-tests ## style and insecure code, types, import contracts
	$(BIN)/ruff check monitor pipelines dashboards tests
	$(BIN)/ruff format --check monitor pipelines dashboards tests
	$(BIN)/mypy $(if $(CI),--cache-dir=/dev/null)  # a cache that is thrown away costs its writing
	$(BIN)/lint-imports

fmt: $(VENV)/installed-tests ## format, and repair what can be repaired
	$(BIN)/ruff check --fix-only monitor pipelines dashboards tests
	$(BIN)/ruff format monitor pipelines dashboards tests

cover: $(VENV)/installed-tests ## which lines and branches of the pure parts their own tests reach; below 94 % it fails
	$(BIN)/coverage run -m pytest -q tests/decode tests/edges tests/contracts tests/detect tests/alerts tests/model
	$(BIN)/coverage report --skip-covered --sort=cover --show-missing

mutants: $(VENV)/installed-tests ## plant small faults in windows, ledger, outbox and verdict; which do the tests not see? (an hour)
	$(BIN)/mutmut run $(ARGS)
	$(BIN)/mutmut results

audit: $(VENV)/installed-tests ## known holes in what we depend on; fails when the service cannot tell
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock \
	  || { echo "audit: there is a hole, or the service could not be asked (see above): not known to be sound" >&2; exit 1; }

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock: ## write both locks anew from pyproject.toml; wants uv; ARGS=--upgrade for newer versions
	printf 'hatchling\neditables\n' | $(LOCK) $(ARGS) pyproject.toml - --extra server -o requirements.lock
	$(LOCK) $(ARGS) pyproject.toml --extra server --extra dev -c requirements.lock -o tests/requirements.lock

bench: $(VENV)/installed-tests $(VENV)/native ## CPU seconds per million spans by step, whole path, memory, freshness, exchanges, messages, contracts beside a peer, false alarms
	$(BIN)/python -m tests.bench.bench_spans --kafka --freshness 120
	for kind in openapi pact spring wiremock mountebank; do $(BIN)/python -m tests.bench.bench_exchanges --contract $$kind || exit 1; done
	$(BIN)/python -m tests.bench.bench_messages
	$(BIN)/python -m tests.bench.bench_contracts
	$(BIN)/python -m tests.bench.bench_detection

bench-scale: $(VENV)/installed-tests $(VENV)/native ## what a span costs as windows, collectors, edges, versions and days of data grow, in ten minutes
	$(BIN)/python -m tests.bench.bench_scale $(ARGS)

bench-meaning: $(VENV)/installed-tests ## changes of meaning under an unchanged schema: planted ones that are told, and false ones beside what drifts; ARGS="--pairs 5" for some minutes
	$(BIN)/python -m tests.bench.bench_meaning $(ARGS)

bench-detection: $(VENV)/installed-tests ## judging beside peers' rules on labelled deploys made by seed: 2 x 1,000 in an hour; ARGS=--quick for some minutes
	$(BIN)/python -m tests.bench.detection.bench $(ARGS)

clean: ## remove .venv and caches, not the data
	rm -rf $(VENV) $(NATIVE)/_native.abi3.so .cache/native .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage mutants

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Seamwatch needs Python 3.11 or newer; name one by PYTHON=…, as in: make install PYTHON=python3.12" >&2; exit 64; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 70; }

$(VENV)/installed: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

NATIVE := monitor/native
$(VENV)/native: hatch_build.py $(NATIVE)/Cargo.toml $(NATIVE)/Cargo.lock $(wildcard $(NATIVE)/src/*.rs) $(VENV)/installed
	@$(BIN)/python hatch_build.py
	@touch $@

# Not compiled: tests import a part of it, and what they import is compiled then.
$(VENV)/installed-tests: tests/requirements.lock $(VENV)/installed
	$(PIP) install --no-compile --require-hashes -r tests/requirements.lock
	@touch $@
