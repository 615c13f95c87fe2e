# Two commands do everything: `make run` and `make test`. Both set up `.venv` first, once.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-to-run
TEST_READY := $(VENV)/.ready-to-test

.PHONY: run test unit end_to_end integration containers coverage bench lint lock clean

## run: set up once, run the suite, say where the records are
run: export RFM_CONFIG_PATH := $(CURDIR)/systems
run: export RFM_REPORT_FILE := $(CURDIR)/perflogs/run-report.json
run: export RFM_SQLITE_DB_FILE := $(CURDIR)/perflogs/results.db
run: $(RUN_READY)
	@rm -f $$RFM_REPORT_FILE
	@status=0; $(BIN)/reframe -c checks -r || status=$$?; \
	verdict=0; $(BIN)/python -m perflogs session || verdict=$$?; \
	[ $$verdict -ne 0 ] || verdict=$$status; exit $$verdict

## test: set up once, pass all tests that need no cluster
test: unit end_to_end

## unit: style, types, the arrows between the rooms; the tests of units and of checks, on two cores
unit: $(TEST_READY) lint
	$(BIN)/python -m pytest $(UNIT_OPTIONS) tests/unit tests/checks

UNIT_OPTIONS := -n 2 --dist loadfile

## coverage: which lines and branches the tests of units and of checks run; a quarter slower
coverage: $(TEST_READY)
	$(BIN)/python -m pytest --cov --cov-report=term $(UNIT_OPTIONS) tests/unit tests/checks

## end_to_end: the suite as users run it
end_to_end: $(TEST_READY)
	$(BIN)/python -m pytest tests/end_to_end

## integration: on Debian, as root: the suite on a real Slurm of four nodes, and its failures
integration: $(TEST_READY)
	tests/integration/install-packages
	$(BIN)/python -m pytest -rs tests/integration

## containers: on Debian, as root: install Apptainer and buildah, build images and run them
containers: $(TEST_READY)
	tests/containers/install-apptainer
	$(BIN)/python -m pytest -rs tests/containers

## bench: every benchmark, each a table (minutes to an hour)
bench: $(TEST_READY)
	$(BIN)/python -m tests.benchmarks

## lint: style, types, and the arrows between the rooms
lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## lock: resolve the pins of pyproject.toml again, with hashes
lock: $(TEST_READY)
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --extra workloads --extra report --extra containers pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --constraint requirements/run.txt --extra workloads --extra nvidia pyproject.toml -o requirements/nvidia.txt
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --extra workloads --extra report --extra containers --extra tests pyproject.toml -o requirements/test.txt

LOCK_OPTIONS := --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements/run.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	@touch $@

$(TEST_READY): requirements/test.txt $(RUN_READY)
	$(BIN)/python -m pip install --require-hashes -r requirements/test.txt
	@touch $@

## clean: the set-up, the cached data and what runs leave behind, but not the history
clean:
	rm -rf $(VENV) .cache output stage runs reframe.log reframe.out build *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
