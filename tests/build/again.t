#!/bin/sh
# A second make does nothing; another folder gives the same bytes.
set -u
. tests/tap.sh
build=$(realpath "${BUILD:-build}")
dl=$(realpath "${DL:-build/dl}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS BUILD DEPS DL DL_DIR

nothing_to_do() {
    said=$(make BUILD="$build" DEPS="$build/deps")
    echo "$said"
    ! echo "$said" | grep -E '^(cc|ld|deps)'
}

# Of the working tree: what is tried is what would be committed.
elsewhere() {
    folder=$(mktemp -d "$work/deeper.XXXXXX")/holdfast
    mkdir "$folder"
    git ls-files --cached --others --exclude-standard | cpio --quiet -pdm "$folder" &&
        make -C "$folder" -j"$(nproc)" DL_DIR="$dl"
}
same() { cmp "$build/$1" "$folder/build/$1"; }

check 'a second make builds nothing' nothing_to_do
elsewhere >"$work/log" 2>&1 || sed 's/^/# /' "$work/log"
check 'libraries and program from scratch in another folder: the same bytes' same holdfast
check 'its symbols too' same holdfast.debug
finish
