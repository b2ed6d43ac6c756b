#!/usr/bin/env bash
# Make .venv in the repository root, with the pinned versions of constraints.txt.
#
#     bash scripts/setup.sh        what is needed to use scriba
#     bash scripts/setup.sh dev    and what is needed to test it
#
# Run it again at any time: it repairs an interrupted installation, follows changes of pyproject.toml and
# constraints.txt, and links new source files into the package. When nothing changed, it takes seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV=.venv
readonly STAMP=$VENV/scriba-installed       # what was installed: extras and a checksum of the requirements
readonly UNFINISHED=$VENV/scriba-unfinished # exists while .venv is being filled
readonly EDITABLE=(--no-build-isolation --config-settings editable_mode=strict)

fail() {
    echo "setup: $*" >&2
    exit 1
}

fits() { # fits PYTHON: is it new enough, and not too new for the pinned torch, and can it make environments?
    "$1" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null
}

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if fits "$name"; then
            echo "$name"
            return
        fi
    done
    fail "no Python 3.11 to 3.14 with the modules venv and ensurepip was found; install one" \
        "(Debian and Ubuntu: apt-get install python3 python3-venv) and run this again."
}

pip_install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

case "${1-}" in
    "") extras="" ;;
    dev) extras="dev" ;;
    *)
        echo "usage: bash scripts/setup.sh [dev]" >&2
        exit 2
        ;;
esac
installed=$(cat "$STAMP" 2>/dev/null || true)
if [[ $installed == dev* ]]; then # never take the dev part away again
    extras="dev"
fi
wanted="${extras:-plain} $(cat pyproject.toml constraints.txt | cksum)"

if [[ -e $UNFINISHED ]] || ! fits "$VENV/bin/python"; then
    if [[ -e $VENV ]]; then
        echo "setup: $VENV is unfinished or its Python does not fit; making it anew"
    fi
    python=$(find_python)
    rm -rf "$VENV"
    mkdir "$VENV"
    touch "$UNFINISHED"
    "$python" -m venv "$VENV"
    installed=""
fi

if [[ $installed == "$wanted" ]]; then
    pip_install --no-deps "${EDITABLE[@]}" -e .
else
    echo "setup: installing scriba${extras:+ with the $extras tools} into $VENV;" \
        "the first time takes about 2 to 3 minutes"
    touch "$UNFINISHED"
    rm -f "$STAMP"
    "$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$VENV/bin/python" -m ensurepip
    pip_install --constraint constraints.txt setuptools
    pip_install --constraint constraints.txt "${EDITABLE[@]}" -e ".${extras:+[$extras]}"
    echo "$wanted" >"$STAMP"
    rm "$UNFINISHED"
    echo "setup: done"
fi
