#!/bin/sh
# Lay out what runs arm64 programs on this machine, without root: QEMU and Debian's arm64 Python 3.13.
#   scripts/arm64.sh FOLDER
# It prints the command that starts that Python. Where there is no way to get one it says why, on stderr, and exits 1.
# The packages come from the Debian mirror that this machine's apt uses, and apt checks their signatures.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
root=$folder/root
cannot() {
    echo "The arm64 package is not run here: $1." >&2
    exit 1
}

emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
case $(uname -sm) in
    "Linux aarch64") emulator=env ;;
    Linux*) ;;
    *) cannot "that needs Linux" ;;
esac
start() {
    if [ "$emulator" = env ]; then
        echo "$root/lib/ld-linux-aarch64.so.1 --library-path $root/usr/lib/aarch64-linux-gnu $root/usr/bin/python3.13"
    else
        echo "${emulator:-$folder/host/usr/bin/qemu-aarch64} -L $root $root/usr/bin/python3.13"
    fi
}
if [ -e "$folder/finished" ]; then
    start
    exit 0
fi

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || cannot "it takes apt-get and dpkg-deb to get an emulator"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keys" ] || cannot "it takes Debian's keyring to check an emulator's signature"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]+).*/\3/p' | head -n 1)
[ -n "$mirror" ] || cannot "apt has no source"

# Folders of its own, so that apt needs no rights and the machine's lists stay as they are.
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/host" "$root"
echo "deb [signed-by=$keys] $mirror trixie main" >"$folder/sources.list"
host=$(dpkg --print-architecture)
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$folder/lists" -o Dir::Cache::archives="$folder/archives" -o Dir::Cache="$folder" \
        -o Dir::State::status=/dev/null -o APT::Architecture="$host" \
        -o APT::Architectures::=arm64 -o APT::Sandbox::User= -o Acquire::Languages=none "$@"
}
{
    apt update
    cd "$folder/archives"
    packages=
    for package in python3.13-minimal libpython3.13-minimal libpython3.13-stdlib libc6 libssl3t64 libexpat1 zlib1g \
        libffi8 liblzma5 libbz2-1.0 libgcc-s1 libstdc++6 libuuid1 libzstd1; do
        packages="$packages $package:arm64"
    done
    [ -n "$emulator" ] || packages="$packages qemu-user:$host"
    # shellcheck disable=SC2086 # names, not one word
    apt download $packages
    for archive in *_arm64.deb; do dpkg-deb -x "$archive" "$root"; done
    [ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
    if [ -z "$emulator" ]; then
        dpkg-deb --fsys-tarfile qemu-user_*.deb | tar -x -C "$folder/host" ./usr/bin/qemu-aarch64
    fi
} >"$folder/log" 2>&1 || cannot "$(tail -n 1 "$folder/log")"
rm -rf "$folder/lists" "$folder/archives" "$folder/sources.list" "$folder"/*.bin
touch "$folder/finished"
start
