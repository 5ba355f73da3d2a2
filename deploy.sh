#!/usr/bin/env bash
# Deploy Travel GPT to AWS, or remove it again. ./deploy.sh --help says how.
#
# Here is only what has to be shell: the OpenAI key is taken out of the environment before anything else is
# started. The steps themselves are in travel_gpt/cli/deploy/, in the order in which main.py names them.

# Typed as "sh deploy.sh", this shell may have no <( ), which the last line needs.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set +o posix

# "bash -x" would print the key and "bash -a" would export it again.
{ set +xva; } 2>/dev/null
set -euo pipefail

key=${OPENAI_API_KEY-}
unset OPENAI_API_KEY CDPATH

cd "$(dirname "${BASH_SOURCE[0]}")"
if [ ! -x scripts/python.sh ]; then
    echo "deploy.sh needs the files beside it. Go to the folder of the clone and run it there: ./deploy.sh" >&2
    exit 1
fi
# Any Python will do at first; what it starts sets up .venv/run and goes on there.
python=.venv/run/bin/python
"$python" -c "" 2>/dev/null || python=$(scripts/python.sh) || exit 1

# The key goes through a pipe: an argument or the environment could be read by others. -E and -s: the owner's
# own Python settings are for the owner's programs.
exec "$python" -E -s -m travel_gpt.cli.deploy "$@" 3< <(printf '%s' "$key")
