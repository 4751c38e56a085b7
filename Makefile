# Every chore is one command, and CI calls the same ones.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export OMP_NUM_THREADS ?= 1

.PHONY: install compiled demo test soak check docs pictures checkov bench wheel clean

install: $(STAMP)

# What the first command on a fresh machine fetches, said before it does. CPU_INDEX=URL takes PyTorch's CPU build, both
# packages from the index that pytorch.org shows for it: a CPU torch with the other index's torchvision does not import.
ifdef CPU_INDEX
SIZE := about 1 GB, with PyTorch's CPU build
else
SIZE := about 5.4 GB, with PyTorch's CUDA build (it runs on a CPU, too)
ifeq ($(shell command -v nvidia-smi),)
HINT := "This machine has no NVIDIA GPU: Ctrl-C and 'make demo CPU_INDEX=URL' take PyTorch's CPU build, and save 5 GB;" \
	"URL is what pytorch.org, 'Get started', shows behind --index-url for pip and CPU."
endif
endif

# pip compiles on one core, half of its time; some packages bring files of other Pythons, which do not compile.
$(STAMP): pyproject.toml
	@printf '%s\n' "Installing Paceline into $(VENV), once: $(SIZE)." "It takes 2 to 3 minutes on a fast line." $(HINT)
	$(PYTHON) -m venv $(VENV)
ifdef CPU_INDEX
	$(BIN)/python -m pip install --index-url $(CPU_INDEX) torch torchvision --no-compile
endif
	$(BIN)/python -m pip install --editable '.[dev]' --no-compile
	@printf '%s\n' "Compiling what was installed, on all cores."
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	touch $(STAMP)

# Where PYTHONDONTWRITEBYTECODE is set every process would compile our sources anew: 0.3 s each.
compiled: install
	$(BIN)/python -m compileall -q cluster workloads search_spaces tracking paceline.py tests

# The main job on real data: a sweep from one YAML file to a judged winner. Leaves mlflow.db and .paceline/ in .demo.
demo: compiled
	mkdir -p .demo
	cd .demo && ../$(BIN)/paceline demo

# Three at a time on two cores, as long tests mostly wait; in the order of their names they run beside short ones.
test: compiled
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 12

# The long forms: what `make test` leaves out, twenty deaths, an outage of a minute, every sweep as a real command. Hours.
soak: compiled
	PACELINE_SOAK=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 12

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_contract.py

# The reference made anew from the code, and the pages of docs/ as a site: site/index.html.
docs: install
	$(BIN)/python -m tests.docs.generate
	$(BIN)/zensical build --clean --strict

# docs/pictures anew, from a real sweep; needs chromium.
pictures: install
	$(BIN)/python -m tests.docs.pictures

# checkov pins older packages than ours, so that it has an environment of its own.
checkov: install
	test -x .checkov/bin/checkov || ($(PYTHON) -m venv .checkov && .checkov/bin/python -m pip install --quiet checkov==3.3.30)
	$(BIN)/python -m pytest tests/k8s/test_checkov.py

# Hours in all; what needs data looks for it in PACELINE_BENCH_DATA, and says so where there is none.
bench: compiled
	$(BIN)/python -m tests.benchmarks.overhead
	$(BIN)/python -m tests.benchmarks.scale
	$(BIN)/python -m tests.benchmarks.search_quality
	$(BIN)/python -m tests.benchmarks.fused_speed
	$(BIN)/python -m tests.benchmarks.peers
	$(BIN)/python -m tests.benchmarks.faulty_specs
	$(BIN)/python -m tests.benchmarks.distributed
	$(BIN)/python -m tests.benchmarks.ddp_speed
	$(BIN)/python -m tests.benchmarks.streaming
	$(BIN)/python -m tests.benchmarks.submit_start
	$(BIN)/python -m tests.benchmarks.recovery
	$(BIN)/python -m tests.benchmarks.real_tables
	$(BIN)/python -m tests.benchmarks.images
	$(BIN)/python -m tests.benchmarks.sequences
	$(BIN)/python -m tests.benchmarks.transfer_gain

wheel: install
	$(BIN)/python -m hatchling build -t wheel

clean:
	rm -rf $(VENV) .checkov .demo .cache dist site
