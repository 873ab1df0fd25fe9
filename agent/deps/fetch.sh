#!/bin/sh
# Has every tarball of deps.lock in DIR, checked against its SHA-256.
#   agent/deps/fetch.sh [--offline] DIR
# What is missing comes through `apt-get source`, with an apt configuration of its own below DIR,
# made from the host's Debian mirror: the host's lists and sources are neither read nor changed.
set -eu
export LC_ALL=C
lock=$(cd "$(dirname "$0")" && pwd)/deps.lock
suites='trixie sid bookworm' # in the order of the chance that one has what is locked
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
    echo "deps: $*" >&2
    exit 2
}

locked() { grep -v '^#' "$lock"; }

# "name version file sum" of each tarball that DIR has not.
missing() {
    locked | while read -r name version file sum; do
        [ -f "$dir/$file" ] || echo "$name $version $file $sum"
    done
}

# The first Debian mirror that the host's apt names; the security archive has only some packages.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's,^[^#]*\(https\{0\,1\}://[^ ]*/debian\)/\{0\,1\}\( .*\)\{0\,1\}$,\1,p' |
        head -n 1
}

with_apt() {
    tool=$1
    shift
    "$tool" -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" \
        -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any \
        -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

why() { grep '^[EW]:' "$apt/log" | head -n 1; }

read_lists() {
    echo "deps: reading the source list of $from $1"
    echo "deb-src [signed-by=$keyring] $from $1 main" >"$apt/sources.list"
    with_apt apt-get -qq update >"$apt/log" 2>&1 ||
        fail "cannot read the source list of $from $1: $(why)"
}

# The Debian revision moves while the upstream tarball stays: whichever has our sum will do.
source_version() {
    with_apt apt-cache showsrc "$1" 2>/dev/null |
        awk -v sum="$2" '/^Version:/ {version = $2} $1 == sum {print version; exit}'
}

# Fetches what the suite that was read last has of the missing.
fetch() {
    missing | while read -r name version file sum; do
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
    apt=$dir/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/fetch"
    from=$(mirror)
    from=${from:-http://deb.debian.org/debian}
    for suite in $suites; do
        [ -n "$(missing)" ] || break
        read_lists "$suite"
        fetch
    done
    rm -rf "$apt"
}

offline=
[ "${1:-}" != --offline ] || { offline=yes && shift; }
[ $# = 1 ] || fail "usage: fetch.sh [--offline] DIR"
[ -n "$offline" ] || mkdir -p "$1"
dir=$(cd "$1" 2>/dev/null && pwd) || fail "$1: no such folder"
[ -n "$offline" ] || [ -z "$(missing)" ] || fetch_all
where="in any of $suites with the SHA-256 of deps.lock"
[ -z "$offline" ] || where="in $dir"
locked | while read -r name version file sum; do
    [ -f "$dir/$file" ] || fail "$name $version: $file is not $where"
    echo "$sum  $dir/$file" | sha256sum --check --status ||
        fail "$name $version: $dir/$file has not the SHA-256 of deps.lock: remove it to try again"
done
