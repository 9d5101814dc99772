#!/usr/bin/env bash
# All tests. Those in one process each run side by side; those that start whole stacks run after them, one by one.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/pytest -q -n 2 --dist loadgroup tests/unit tests/contract tests/integration
.venv/bin/pytest -q tests/e2e
