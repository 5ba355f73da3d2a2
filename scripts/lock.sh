#!/bin/sh
# Resolve the ranges of pyproject.toml into requirements/*.txt, with hashes and without index URLs.
#   scripts/lock.sh [more options for uv pip compile, such as --upgrade]
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/dev/bin/uv}

lock() {
    name=$1
    shift
    echo "Locking requirements/$name.txt"
    "$uv" pip compile "$@" --quiet --universal --generate-hashes --no-header \
        --python-version "${python_version:-3.11}" --output-file "requirements/$name.txt" >/dev/null
}

# What ships constrains what runs on a laptop, and that constrains what tests it.
lock lambda pyproject.toml "$@"
lock run pyproject.toml --all-extras --group build --constraints requirements/lambda.txt "$@"
# What some sources of the key need besides, for `build_package.py --with`: what is tested is what ships.
for extra in encrypted-file vault; do
    lock "lambda-$extra" pyproject.toml --extra "$extra" --constraints requirements/lambda.txt \
        --constraints requirements/run.txt "$@"
done
lock dev pyproject.toml --all-extras --group build --group dev --constraints requirements/run.txt "$@"
lock naive pyproject.toml --group naive --constraints requirements/lambda.txt "$@"
# These run beside the project, each in an environment of its own.
for group in cloud scan emulator fuzz web browser; do
    lock "$group" --group "pyproject.toml:$group" "$@"
done

# airportsdata needs it, and what is made with these packages must not depend on the Python that makes it.
(python_version=3.12 && lock reference --group pyproject.toml:reference "$@")

# Without what LiteLLM's proxy imports for other databases, clouds and servers only: half of its size.
unused=
for package in azure-core azure-identity azure-storage-blob boto3 botocore granian gunicorn hf-xet inquirerpy msal \
    msal-extensions pfzy polars polars-runtime-32 prompt-toolkit psycopg psycopg-binary pyroscope-io s3transfer \
    uvloop; do
    unused="$unused --no-emit-package $package"
done
# shellcheck disable=SC2086 # options, not one word
lock compatible --group pyproject.toml:compatible $unused "$@"

# TypeScript: hashes, and no URLs, which would be those of the registry that was used here.
echo "Locking requirements/web/package-lock.json"
case " $* " in *" --upgrade "*) resolve=update ;; *) resolve=install ;; esac
npm="$PWD/.venv/web/bin/npm"
(cd requirements/web && PATH="$(dirname "$npm"):$PATH" "$npm" "$resolve" --package-lock-only --ignore-scripts \
    --omit-lockfile-registry-resolved --no-audit --no-fund --silent)
