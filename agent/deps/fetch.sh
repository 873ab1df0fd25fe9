#!/bin/sh
# Has every tarball of deps.lock in DIR, checked against its SHA-256.
#   agent/deps/fetch.sh [--offline] DIR
# What is missing comes through `apt-get source`, with an apt configuration of its own below DIR,
# made from the host's Debian mirror: the host's lists and sources are neither read nor changed.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=agent/deps/archive.sh
. "$here/archive.sh"

# "name version file sum" of each tarball that DIR has not.
missing() {
    locked | while read -r name version file sum _; do
        [ -f "$dir/$file" ] || echo "$name $version $file $sum"
    done
}

# The Debian revision moves while the upstream tarball stays: whichever has our sum will do.
source_version() {
    with_apt apt-cache showsrc "$1" 2>/dev/null |
        awk -v sum="$2" '/^Version:/ {version = $2} $1 == sum {print version; exit}'
}

# Fetches what the suite that was read last has of the missing.
fetch() {
    missing | while read -r name version file sum _; do
        debian=$(source_version "$name" "$sum")
        [ -n "$debian" ] || continue
        echo "deps: fetching $file"
        (cd "$apt/fetch" &&
            with_apt apt-get -qq source --download-only --tar-only "$name=$debian" \
                >"$apt/log" 2>&1) || fail "$name $version: cannot fetch $file: $(why)"
        mv "$apt/fetch/$file" "$dir/$file"
    done
}

fetch_all() {
    open_archive
    for suite in $suites snapshot; do
        [ -n "$(missing)" ] || break
        [ "$suite" != snapshot ] || missing | cut -d ' ' -f 3 | sed 's/^/deps: no suite has /'
        read_lists "$suite"
        fetch
    done
    close_archive
}

offline=
[ "${1:-}" != --offline ] || { offline=yes && shift; }
[ $# = 1 ] || fail "usage: fetch.sh [--offline] DIR"
[ -n "$offline" ] || mkdir -p "$1"
dir=$(cd "$1" 2>/dev/null && pwd) || fail "$1: no such folder"
[ -n "$offline" ] || [ -z "$(missing)" ] || fetch_all
where="in any of $suites, nor in $snapshot, with the SHA-256 of deps.lock"
[ -z "$offline" ] || where="in $dir"
locked | while read -r name version file sum _; do
    [ -f "$dir/$file" ] || fail "$name $version: $file is not $where"
    echo "$sum  $dir/$file" | sha256sum --check --status ||
        fail "$name $version: $dir/$file has not the SHA-256 of deps.lock: remove it to try again"
done
