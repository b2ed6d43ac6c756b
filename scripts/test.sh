#!/usr/bin/env bash
# All checks: lint, format, types, tests. Arguments go to pytest: bash scripts/test.sh -k attention
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh dev

python=.venv/bin/python
echo "== ruff check"
"$python" -m ruff check .
echo "== ruff format"
"$python" -m ruff format --check .
echo "== mypy"
"$python" -m mypy
echo "== pytest"
"$python" -m pytest "$@"
