# On a fresh machine, `make run` and `make test` set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One test process per core, at most eight.
PYTEST_PROCESSES := -n auto --maxprocesses 8

.PHONY: run test test-all test-slurm fuzz nightly lint lint-workflows docs bench results venv clean

run: $(VENV)/ready
	$(BIN)/t2sbench run --method task2sim --split unseen

# Minutes: all that shows whether an installation works.
test: venv
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_PROCESSES) $(PYTEST_ARGS)

# Slow tests too, and more examples of each property.
test-all: venv
	$(BIN)/python -m pytest --hypothesis-profile thorough $(PYTEST_PROCESSES) $(PYTEST_ARGS)

# Changed inputs of all formats; FUZZ is their number. `make test` has a few hundred that stay the same.
FUZZ := 10000
fuzz: venv
	T2SBENCH_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/fuzz $(PYTEST_PROCESSES) $(PYTEST_ARGS)

# Minutes: jobs on a Slurm cluster of this machine, which the tests start and stop. As root where the
# packages are missing.
test-slurm: venv
	dpkg --status slurm-wlm munge > /dev/null 2>&1 || apt-get install --yes --no-install-recommends slurm-wlm munge
	$(BIN)/python -m pytest -m slurm $(PYTEST_ARGS)

nightly: lint docs test-all bench

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) lint-workflows

# Offline: workflows, actions and forms by their schemas, and by the rules of zizmor for safety.
CHECK_SCHEMA := $(BIN)/check-jsonschema --quiet --builtin-schema
lint-workflows: venv
	$(CHECK_SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(CHECK_SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(CHECK_SCHEMA) vendor.github-actions action.yml
	$(CHECK_SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(CHECK_SCHEMA) vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(CHECK_SCHEMA) vendor.dependabot .github/dependabot.yml
	$(CHECK_SCHEMA) vendor.citation-file-format --default-filetype yaml CITATION.cff
	$(BIN)/zizmor --offline --quiet .github action.yml

# The documentation site with the boards, in build/docs; warnings and broken links are errors.
docs: venv
	rm -rf build/docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --fresh-env \
	    --doctree-dir build/doctrees docs build/docs
	$(BIN)/t2sbench leaderboard site -o build/docs/leaderboards
	$(BIN)/python docs/check_links.py build/docs

# test_exactness.py takes a quarter of an hour; run it separately.
bench: venv
	$(BIN)/python -m pytest tests/benchmarks --ignore tests/benchmarks/test_exactness.py \
	    --benchmark-enable --benchmark-only -s $(PYTEST_ARGS)

# Records, boards, figures and pictures of the packaged table; the pictures need the released one.
results: venv
	$(BIN)/python docs/make_results.py

# The environment with everything that tests need.
venv: $(VENV)/ready-dev

# Two stamps: `make run` installs the core alone. Each is written last, so that an interrupted set-up
# starts again; a new core set-up empties the environment, the stamp of dev included.
$(VENV)/ready: pyproject.toml setup.sh
	sh setup.sh core $(PYTHON) $(VENV)
	touch $@

$(VENV)/ready-dev: $(VENV)/ready
	sh setup.sh dev $(PYTHON) $(VENV)
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
