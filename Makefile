# Every target does all its set-up. A finished environment leaves a stamp, so a second call starts at once.
PYTHON ?= python3
BASE := .venv-run
DEV := .venv
# The pair that the tests pin. pip takes the CPU build of this torch where it can find one (a local wheel, an index of
# your own in PIP_EXTRA_INDEX_URL) and the build with CUDA from PyPI where not.
TORCH ?= torch==2.13.0 torchvision==0.28.0

# Processes that run tests; a file's tests stay in one.
WORKERS ?= 2

# Without this setuptools explains at length what an editable install is.
QUIETLY := PYTHONWARNINGS=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

.PHONY: help demo test test-all test-gpu format clean

help:
	@echo "make demo      style a clip with the base package alone (no torch) and say where the result is"
	@echo "make test      ruff, pyright, import-linter and the quick tests"
	@echo "make test-all  the same with the slow tests and those on real weights"
	@echo "make test-gpu  the tests that need an NVIDIA GPU; they fail where there is none"
	@echo "make format    let ruff put the code in shape"

$(BASE)/.ready: pyproject.toml setup.cfg
	$(PYTHON) -m venv $(BASE)
	$(QUIETLY) $(BASE)/bin/python -m pip install --quiet --upgrade pip
	$(QUIETLY) $(BASE)/bin/python -m pip install --quiet --editable .
	@touch $@

$(DEV)/.ready: pyproject.toml setup.cfg
	$(PYTHON) -m venv $(DEV)
	$(QUIETLY) $(DEV)/bin/python -m pip install --quiet --upgrade pip
	$(QUIETLY) $(DEV)/bin/python -m pip install --quiet $(TORCH)
	$(QUIETLY) $(DEV)/bin/python -m pip install --quiet --editable '.[dev]'
	@touch $@


demo: $(BASE)/.ready
	$(BASE)/bin/python -m tsn.runtime.demo demo --overwrite

test: $(DEV)/.ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/pyright
	$(DEV)/bin/lint-imports
	$(DEV)/bin/pytest -q -n $(WORKERS) --dist loadfile

test-all: $(DEV)/.ready
	$(DEV)/bin/pytest -q -n $(WORKERS) --dist loadfile -m "not gpu"

test-gpu: $(DEV)/.ready
	TSN_REQUIRE_GPU=1 $(DEV)/bin/pytest -q -m gpu

format: $(DEV)/.ready
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

clean:
	rm -rf $(BASE) $(DEV) build dist *.egg-info
