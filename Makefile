# One command per verb, the same here and in CI.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)

# Packages of an image: some of requirements.txt, at its versions.
OF_THE_LOCK := --constraint requirements.txt --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet

# What builds images, and what their names begin with: make images ENGINE=podman REGISTRY=registry.site/
ENGINE ?= $(firstword $(foreach each,docker podman buildah,$(if $(shell command -v $(each)),$(each))))
VERSION := $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' homefeed/__init__.py)

.PHONY: help install run stop clean test check format lock docs images

help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## make .venv from the locked requirements.txt

$(VENV)/.installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Homefeed needs Python 3.11 or 3.12 and found neither; install one, or say which: make install PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements.txt)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

run: install ## start the platform: Airflow, the service and synthetic viewers; Ctrl-C stops it
	$(BIN)/homefeed run

stop: install ## stop a platform that `make run` left behind
	$(BIN)/homefeed stop

clean: ## stop the platform and delete everything it wrote (var/), the environment and caches
	@if [ -x $(BIN)/homefeed ]; then $(BIN)/homefeed stop; fi
	rm -rf var $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info

test: install ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: install ## lint, format, types, layers, generated docs: all as errors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/homefeed docs --check

format: install ## format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install ## write the generated pages of docs/
	$(BIN)/homefeed docs

lock: install ## renew requirements.txt, and the images' shares of it, from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra cluster --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet --output-file requirements.txt
	$(BIN)/uv pip compile --group pyproject.toml:serving $(OF_THE_LOCK) --output-file deploy/images/serving.txt
	$(BIN)/uv pip compile pyproject.toml --extra cluster $(OF_THE_LOCK) --output-file deploy/images/platform.txt

images: ## build the two images with docker, podman or buildah
	@test -n "$(ENGINE)" || { echo "error: found none of docker, podman and buildah; say what builds: make images ENGINE=/path/to/podman" >&2; exit 2; }
	$(ENGINE) build --file deploy/images/serving.Dockerfile --tag $(REGISTRY)homefeed/serving:$(VERSION) .
	$(ENGINE) build --file deploy/images/platform.Dockerfile --tag $(REGISTRY)homefeed/platform:$(VERSION) .
