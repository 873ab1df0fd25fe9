#!/bin/sh
# What cannot be had: one clear line that names it and says why, and exit status 2.
set -u
. tests/tap.sh
dl=$(realpath "${DL:-build/dl}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work" # for the user without rights
unset MAKEFLAGS MAKELEVEL MFLAGS BUILD DEPS DL DL_DIR

git ls-files --cached --others --exclude-standard |
    cpio --quiet -pdm "$work/tree"
cp -r "$work/tree" "$work/lacking"
echo 'no-such-package-at-all build' >>"$work/lacking/agent/deps/packages.list"

# refused TREE PATTERN COMMAND...: exit 2, and one line on stderr but for make's own.
refused() {
    folder=$1
    pattern=$2
    shift 2
    (cd "$folder" && "$@" >/dev/null 2>"$work/said")
    status=$?
    cat "$work/said"
    [ $status = 2 ] && [ "$(grep -cv '^make' "$work/said")" = 1 ] &&
        grep -Ev '^make' "$work/said" | grep -E "$pattern"
}

mkdir "$work/path"
for tool in awk dirname dpkg-query grep id sh; do
    ln -s "$(command -v $tool)" "$work/path"
done
tarball=$(awk '$1 == "bearssl" {print $3}' agent/deps/deps.lock)
mkdir "$work/nothing" "$work/damaged"
cp "$dl"/*.orig.tar.* "$work/damaged"
printf x >>"$work/damaged/$tarball"

check 'no such folder of tarballs' \
    refused "$work/tree" "/none: no such folder" make DL_DIR="$work/none"
check 'a tarball that is not there' \
    refused "$work/tree" "^deps: musl [0-9.-]+: .* is not in $work/nothing" make DL_DIR="$work/nothing"
check 'a tarball with another checksum' \
    refused "$work/tree" "^deps: bearssl [0-9.+a-z-]+: $work/damaged/.* has not the SHA-256" \
    make DL_DIR="$work/damaged"
check 'no network' \
    refused "$work/tree" '^deps: cannot read the source list of http.*: [EW]: .*' \
    unshare -n make
check 'no network, and a package is missing' \
    refused "$work/lacking" '^packages: .*no-such-package-at-all.*: E: .*' unshare -n make
check 'a user without sudo, and a package is missing' \
    refused "$work/lacking" '^packages: cannot install no-such-package-at-all: neither root nor' \
    setpriv --reuid 65534 --regid 65534 --clear-groups env PATH="$work/path" \
    agent/deps/packages.sh build
finish
