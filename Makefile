# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests run in as many processes as there are cores, eight at most.
PYTEST_PROCESSES := -n auto --maxprocesses 8

.PHONY: run test venv lint bench clean

run: venv
	$(BIN)/t2sbench run --method task2sim --split unseen

test: venv
	$(BIN)/python -m pytest $(PYTEST_PROCESSES) $(PYTEST_ARGS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The full comparison with the literal form takes a quarter of an hour; run it by itself.
bench: venv
	$(BIN)/python -m pytest tests/benchmarks --ignore tests/benchmarks/test_exactness.py \
	    --benchmark-enable --benchmark-only -s $(PYTEST_ARGS)

venv: $(VENV)/ready

# The stamp is made last, so that an interrupted set-up is begun again.
$(VENV)/ready: pyproject.toml setup.sh
	sh setup.sh $(PYTHON) $(VENV)
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
