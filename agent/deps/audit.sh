#!/bin/sh
# Compares the pins of deps.lock with what Debian's archives serve now.
#   agent/deps/audit.sh DIR            reads the archives into DIR, then judges
#   agent/deps/audit.sh --offline DIR  judges what is in DIR: served.txt has lines "SUITE PACKAGE
#                                      VERSION", PACKAGE_VERSION.changelog the Debian changelog
# Exit 0: nothing to do. 1: a newer release mends something, or a vulnerability is not judged in
# vulnerabilities.tsv. 2: could not tell.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=agent/deps/archive.sh
. "$here/archive.sh"

offline=
[ "${1:-}" != --offline ] || { offline=yes && shift; }
[ $# = 1 ] || fail "usage: audit.sh [--offline] DIR"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
security=' CVE-|[Ss]ecurity|[Vv]ulnerab|urgency=(high|emergency|critical)'

# A version's ":" cannot stand in the name of a file of make.
changelog_of() { echo "$dir/$1_$(echo "$2" | tr ':/' '__').changelog"; }

# The Debian part of a source package is small, and holds its changelog.
read_changelog() {
    rm -f "$apt/fetch"/*
    rm -f "$(changelog_of "$1" "$2")"
    (cd "$apt/fetch" && with_apt apt-get -qq source --download-only --diff-only "$1=$2" \
        >"$apt/log" 2>&1) || return 0
    tar -xOf "$apt/fetch"/*.debian.tar.* debian/changelog >"$(changelog_of "$1" "$2")" 2>/dev/null ||
        rm -f "$(changelog_of "$1" "$2")"
}

collect() {
    : >"$dir/served.txt"
    open_archive
    for suite in $suites trixie-security bookworm-security; do
        read_lists "$suite"
        locked | while read -r name _; do
            for version in $(with_apt apt-cache showsrc "$name" 2>/dev/null | sed -n 's/^Version: //p'); do
                echo "$suite $name $version" >>"$dir/served.txt"
                read_changelog "$name" "$version"
            done
        done
    done
    close_archive
}

# The changelog's entries above the one of version $2.
entries_since() { awk -v version="($2)" '$2 == version {exit} {print}' "$1"; }

# Whether the table has library $1 and id $2.
is_judged() { awk -F '\t' -v l="$1" -v i="$2" '$1 == l && $2 == i {found = 1} END {exit !found}' \
    "$here/vulnerabilities.tsv"; }

# One served version against the pin: "fail TEXT", "unknown TEXT" or "note TEXT" a line.
judge_version() {
    name=$1 pinned=$2 suite=$3 version=$4
    changelog=$(changelog_of "$name" "$version")
    newer=
    ! dpkg --compare-versions "$version" gt "$pinned" || newer=yes
    if [ ! -s "$changelog" ]; then
        kind=note
        [ -z "$newer" ] || kind=unknown
        echo "$kind $name $version of $suite: its changelog cannot be read"
        return
    fi
    if [ -n "$newer" ] && entries_since "$changelog" "$pinned" | grep -Eq "$security"; then
        echo "fail $name $version of $suite mends vulnerabilities; pinned is $pinned"
    elif [ -n "$newer" ]; then
        echo "note $name $version of $suite is newer than the pinned $pinned"
    fi
    grep -Eo 'CVE-20(2[5-9]|[3-9][0-9])-[0-9]+' "$changelog" | sort -u | while read -r id; do
        is_judged "$name" "$id" ||
            echo "fail $name: $id, named by $version of $suite, is not in vulnerabilities.tsv"
    done
}

judge() {
    locked | while read -r name pinned _; do
        grep -q " $name " "$dir/served.txt" || echo "unknown $name: no archive serves it"
        awk -v name="$name" '$2 == name {print $1, $3}' "$dir/served.txt" |
            while read -r suite version; do
                judge_version "$name" "$pinned" "$suite" "$version"
            done
    done | sort -u
}

[ -n "$offline" ] || collect
[ -e "$dir/served.txt" ] || fail "$dir/served.txt: no such file"
findings=$(judge)
[ -z "$findings" ] || echo "$findings"
echo "audit: $(locked | wc -l) libraries, $(grep -vc '^#' "$here/vulnerabilities.tsv") vulnerabilities judged"
! echo "$findings" | grep -q '^fail' || exit 1
! echo "$findings" | grep -q '^unknown' || exit 2
