#!/bin/sh
# Print the path of the Chromium that the browser tests drive: $CHROMIUM, or one of this machine.
#   scripts/chromium.sh [--install]
# With --install it is installed where that takes no question: as root, by Debian's apt. Where there is none it says
# so on stderr, and exits 1.
set -eu

find_chromium() {
    for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome-stable google-chrome \
        "/Applications/Chromium.app/Contents/MacOS/Chromium" \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        # It is run, since a path may be that of a package that was never installed, such as Ubuntu's for snap.
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && "$candidate" --version >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

find_chromium && exit 0
if [ "${1:-}" = --install ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium; } >/dev/null 2>&1 &&
        find_chromium && exit 0
fi
echo "The browser tests are skipped: there is no Chromium. Install it (apt-get install chromium), or name it in" \
    "CHROMIUM=/path/to/it, and run them with: make test-browser" >&2
exit 1
