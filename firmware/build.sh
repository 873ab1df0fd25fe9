#!/bin/sh
# Makes the bootable image of each role named: OUT/ROLE/{vmlinuz,initramfs,cmdline,state.ext4}, and
# OUT/manifest. Needs no root. The packages of firmware/packages are fetched by the host's apt, checked
# against its signed lists, kept in DL, and unpacked, never installed.
#
#   firmware/build.sh ROLE...      HOLDFAST=build/holdfast  OUT=build/image  DL=build/dl
#                                  BUSYBOX=build/deps/image/bin/busybox  built from deps.lock
#                                  DL_DIR=  a further place to look for packages
set -eu
export LC_ALL=C
umask 022

top=$(cd "$(dirname "$0")/.." && pwd)
HOLDFAST=${HOLDFAST:-$top/build/holdfast}
BUSYBOX=${BUSYBOX:-$top/build/deps/image/bin/busybox}
OUT=${OUT:-$top/build/image}
DL=${DL:-$top/build/dl}
DL_DIR=${DL_DIR:-$DL}
unpacked=$OUT/packages

fail() {
    echo "image: $*" >&2
    exit 2
}

words() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"; }

# The package that a meta package stands for, or the package itself.
concrete() {
    case $1 in
    linux-image-*-amd64)
        apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1 ;;
    *) echo "$1" ;;
    esac
}

# Sets file, version and sha256 of a package from apt's lists, and has the file in DL.
fetch() {
    record=$(apt-cache show --no-all-versions "$1" 2>/dev/null) || record=
    version=$(echo "$record" | sed -n 's/^Version: //p')
    sha256=$(echo "$record" | sed -n 's/^SHA256: //p')
    file=$(echo "$record" | sed -n 's,^Filename: .*/,,p')
    [ -n "$sha256" ] || fail "apt knows no package $1: run apt-get update"
    if ! [ -f "$DL/$file" ] && [ -f "$DL_DIR/$file" ]; then
        cp "$DL_DIR/$file" "$DL"
    elif ! [ -f "$DL/$file" ]; then
        rm -rf "$OUT/fetch" && mkdir -p "$OUT/fetch"
        (cd "$OUT/fetch" && apt-get -qq download "$1" 2>fetch.log) ||
            fail "cannot fetch $1: $(grep '^E:' "$OUT/fetch/fetch.log" | head -n 1)"
        mv "$OUT"/fetch/*.deb "$DL/$file"
    fi
    echo "$sha256  $DL/$file" | sha256sum --check --quiet --status ||
        fail "$DL/$file: the checksum differs from apt's $sha256"
}

# Unpacks every package once, and writes the manifest of what was used.
unpack() {
    mkdir -p "$unpacked" "$DL"
    words "$top/firmware/packages" | while read -r name package; do
        real=$(concrete "$package")
        [ -n "$real" ] || fail "apt knows no package $package: run apt-get update"
        fetch "$real"
        if [ "$(cat "$unpacked/$name.sha256" 2>/dev/null)" != "$sha256" ]; then
            rm -rf "${unpacked:?}/$name"
            dpkg-deb -x "$DL/$file" "$unpacked/$name"
            echo "$sha256" >"$unpacked/$name.sha256"
        fi
        echo "$real $version $sha256"
    done >"$OUT/manifest.new"
    [ "$(wc -l <"$OUT/manifest.new")" = "$(words "$top/firmware/packages" | wc -l)" ] || exit 2
    awk '$5 == "image" {print $1, $2, $4}' "$top/agent/deps/deps.lock" >>"$OUT/manifest.new"
    mv "$OUT/manifest.new" "$OUT/manifest"
    sed 's/^/image: uses /' "$OUT/manifest"
}

# The wanted modules and what they depend on, with the lists that modprobe reads.
add_modules() {
    kernel=$(basename "$unpacked"/kernel/lib/modules/*)
    modules=lib/modules/$kernel
    list=$unpacked/kernel/$modules
    [ -f "$list/modules.dep" ] || depmod -b "$unpacked/kernel" "$kernel"
    words "$top/firmware/modules" >"$1/etc/modules"
    mkdir -p "$1/$modules"
    while read -r module; do
        line=$(grep -E "/$module\.ko:" "$list/modules.dep") || fail "$kernel has no module $module"
        echo "$line" | tr -d : | tr ' ' '\n' | sed '/^$/d'
    done <"$1/etc/modules" | sort -u >"$1.modules"
    while read -r file; do
        install -D -m 0644 "$list/$file" "$1/$modules/$file"
        grep "^$file:" "$list/modules.dep" >>"$1/$modules/modules.dep"
    done <"$1.modules"
}

add_programs() {
    install -D -m 0755 "$BUSYBOX" "$1/bin/busybox"
    install -D -m 0755 "$unpacked/e2fsck/sbin/e2fsck.static" "$1/sbin/e2fsck"
    install -D -m 0755 "$HOLDFAST" "$1/usr/sbin/holdfast"
    words "$top/firmware/applets" | while read -r folder names; do
        mkdir -p "$1$folder"
        for name in $names; do
            ln -s /bin/busybox "$1$folder/$name"
        done
    done
    mkdir -p "$1/usr/bin"
    ln -s /usr/sbin/holdfast "$1/usr/bin/securitywizard"
    ln -s /sbin/init "$1/init"
}

add_folders() {
    install -d -m 0755 "$1/proc" "$1/sys" "$1/dev" "$1/run" "$1/tmp" "$1/var/lib" "$1/home"
    install -d -m 0700 "$1/root" "$1/var/lib/holdfast"
}

# One archive, the same bytes each time: sorted names, no times, no numbers of the build machine.
pack() {
    find "$1" -exec touch --no-dereference --date=@0 {} +
    (cd "$1" && find . | sort |
        cpio --quiet --create --format=newc --owner=0:0 --reproducible) >"$1.cpio"
    zstd --quiet --force -10 --threads=1 "$1.cpio" -o "$2"
    rm "$1.cpio"
}

image() {
    tree=$OUT/$1/root
    [ -d "$top/board/$1" ] || fail "no such role: $1"
    rm -rf "${OUT:?}/$1" && mkdir -p "$tree"
    for layer in "$top/rootfs-overlay" "$top/board/common" "$top/board/$1"; do
        [ ! -d "$layer" ] || cp -R "$layer/." "$tree"
    done
    chmod -R u=rwX,go=rX "$tree"
    chmod 0600 "$tree/etc/shadow"
    add_folders "$tree"
    add_programs "$tree"
    add_modules "$tree"
    pack "$tree" "$OUT/$1/initramfs"
    cp "$unpacked"/kernel/boot/vmlinuz-* "$OUT/$1/vmlinuz"
    words "$top/firmware/cmdline" | tr '\n' ' ' | sed 's/ $//' >"$OUT/$1/cmdline"
    truncate -s 32M "$OUT/$1/state.ext4"
    mke2fs -q -t ext4 -L holdfast -m 0 -E root_owner=0:0 "$OUT/$1/state.ext4"
    rm -rf "$tree" "$tree.modules"
    echo "image: $1: $(stat -c %s "$OUT/$1/initramfs") bytes of initramfs in ${OUT#"$top"/}/$1"
}

[ $# -gt 0 ] || fail "usage: firmware/build.sh ROLE..."
[ -x "$HOLDFAST" ] || fail "no $HOLDFAST: run make first"
[ -x "$BUSYBOX" ] || fail "no $BUSYBOX: run make image"
export PATH="$PATH:/usr/sbin:/sbin" # depmod, mke2fs
unpack
for role in "$@"; do
    image "$role"
done
