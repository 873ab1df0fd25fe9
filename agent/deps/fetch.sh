#!/bin/sh
# Has every tarball of deps.lock in DL, checked against its SHA-256.
#   agent/deps/fetch.sh DL [DL_DIR]
# A file in DL_DIR is taken without any network. Else it comes through `apt-get source` with an apt
# configuration of its own below DL, derived from the host's Debian mirror: the host's own apt
# configuration is neither used nor changed.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
dl=$1
given=${2:-}
suites='bookworm trixie sid'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
    echo "deps: $*" >&2
    exit 2
}

locked() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/deps.lock"; }

sound() { echo "$2  $1" | sha256sum --check --status 2>/dev/null; }

# The first Debian mirror that the host's apt names: not the security one, which has no sid.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
        2>/dev/null | grep -v '^ *#' | grep -oE 'https?://[^ ]*/debian/?( |$)' | head -n 1
}

private_apt() {
    apt_home=$dl/apt
    mkdir -p "$apt_home/lists/partial" "$apt_home/cache/archives/partial" "$apt_home/fetch"
    from=$(mirror | tr -d ' ')
    for suite in $suites; do
        echo "deb-src [signed-by=$keyring] ${from:-http://deb.debian.org/debian} $suite main"
    done >"$apt_home/sources.list"
    apt_options="-o Dir::Etc::SourceList=$apt_home/sources.list -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists=$apt_home/lists -o Dir::Cache=$apt_home/cache
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2"
    echo "deps: reading the source lists of $(echo "$suites" | tr ' ' ',')"
    # shellcheck disable=SC2086  # a list of words
    apt-get $apt_options update -qq >"$apt_home/log" 2>&1 ||
        fail "cannot read Debian's source lists: $(grep -E '^(E|Err|W)' "$apt_home/log" | head -n 1)"
}

# The Debian revision moves while the upstream tarball stays: whichever has our sum will do.
source_version() {
    # shellcheck disable=SC2086
    apt-cache $apt_options showsrc "$1" 2>/dev/null |
        awk -v sum="$2" '/^Version:/ {version = $2} $1 == sum {print version; exit}'
}

fetch() {
    [ -n "${apt_home:-}" ] || private_apt
    version=$(source_version "$1" "$3")
    [ -n "$version" ] || fail "$1: no suite has $2 with the SHA-256 of deps.lock"
    echo "deps: fetching $2"
    # shellcheck disable=SC2086
    (cd "$apt_home/fetch" &&
        apt-get $apt_options -qq source --download-only --tar-only "$1=$version" >../log 2>&1) ||
        fail "$1: cannot fetch $2: $(grep '^E:' "$apt_home/log" | head -n 1)"
    mv "$apt_home/fetch/$2" "$dl/$2"
}

mkdir -p "$dl"
dl=$(cd "$dl" && pwd)
locked | while read -r name version folder file sum; do
    [ -f "$dl/$file" ] || [ ! -f "$given/$file" ] || cp "$given/$file" "$dl/$file"
    [ -f "$dl/$file" ] || [ -z "$given" ] || fail "$name $version: no $file in $given"
    [ -f "$dl/$file" ] || fetch "$name" "$file" "$sum"
    sound "$dl/$file" "$sum" ||
        fail "$name: $dl/$file has not the SHA-256 of deps.lock ($folder): remove it to try again"
done
rm -rf "$dl/apt"
