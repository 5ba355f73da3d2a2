#!/bin/sh
# Print the path of a Python that works, or say on stderr what to install.
#   scripts/python.sh            the one in PYTHON, else the newest of 3.13, 3.12, 3.11
#   scripts/python.sh 3.13       that one only; exits 1 without a word when there is none
set -eu

# A version manager's shim answers to every name and fails when run: so each candidate is run.
works() {
    "$1" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (${2%.*}, ${2#*.}))" >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-}" "python$1" python3 python \
        "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/"$1".*/bin/python"$1"; do
        [ -n "$candidate" ] || continue
        if works "$candidate" "$1"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

if [ $# -gt 0 ]; then
    find_python "$1"
    exit
fi
if [ -n "${PYTHON:-}" ]; then
    for version in 3.13 3.12 3.11; do
        if works "$PYTHON" "$version"; then
            "$PYTHON" -c 'import sys; print(sys.executable)'
            exit 0
        fi
    done
    echo "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13 with its venv module: looking for another." >&2
fi
for version in 3.13 3.12 3.11; do
    if find_python "$version"; then exit 0; fi
done
found=$( (python3 --version || python --version) 2>/dev/null | head -n 1)
cat >&2 <<MESSAGE
Travel GPT needs Python 3.11, 3.12 or 3.13 with its venv module${found:+; this machine has $found}.
Install one and try again:
    macOS          brew install python@3.13
    Debian/Ubuntu  sudo apt-get install python3 python3-venv
    elsewhere      see the downloads page of python.org
If it is installed in an unusual place, name it: PYTHON=/path/to/python3.13 make run
MESSAGE
exit 1
