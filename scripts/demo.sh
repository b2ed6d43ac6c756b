#!/usr/bin/env bash
# See scriba work: install it, recognise example recordings, train a recogniser from nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh
exec .venv/bin/python scripts/demo.py
