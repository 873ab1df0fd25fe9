#!/bin/sh
# Builds what deps.lock names, static, into OUT, which appears whole or not.
#   agent/deps/build.sh musl|host|image DL OUT
# musl: the product's libraries, with musl itself first, in OUT/{include,lib}. host: the same against
# the host's C library, for unit tests under sanitizers and for fuzzing. image: the image's programs,
# in OUT/bin, against the musl below SYSROOT.
set -eu
export LC_ALL=C SOURCE_DATE_EPOCH=0
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "deps: $*" >&2
    exit 2
}

[ $# = 3 ] || fail "usage: build.sh musl|host|image DL OUT"
flavour=$1
dl=$(cd "$2" && pwd)
mkdir -p "$(dirname "$3")"
final=$(cd "$(dirname "$3")" && pwd)/$(basename "$3")
out=$final.new
work=$final.work
jobs=$(nproc)

# Runs one step with its output in a log, in a subshell that no condition waits for: only there
# does its set -e count.
step() {
    echo "deps: $flavour: $1"
    set +e
    (set -e && "$1") >"$work/$1.log" 2>&1
    status=$?
    set -e
    [ $status = 0 ] || {
        tail -n 20 "$work/$1.log" | cut -c 1-200 >&2
        fail "$flavour: building $1 failed: see $work/$1.log"
    }
}

steps() {
    for name in "$@"; do
        step "$name"
    done
}

# What goes into the program, or into the image. The folder at the top of a tarball has another name
# in each. Patches are applied in the order of their names (patches/README.md).
unpack() {
    grep -v '^#' "$here/deps.lock" | while read -r name version file _ use _; do
        [ "$use" = "$1" ] || continue
        mkdir "$work/$name"
        tar -xf "$dl/$file" -C "$work/$name" --strip-components=1 ||
            fail "$name $version: cannot unpack $file"
        for patch in "$here/patches/$name"/*.patch; do
            [ -e "$patch" ] || continue
            patch -d "$work/$name" -p1 --force --fuzz=0 --quiet --input="$patch" ||
                fail "$name $version: cannot apply $patch"
        done
    done
}

# archive NAME COMMAND...: compiles the sources named on standard input, side by side, into
# NAME.a.
archive() {
    name=$1
    shift
    mkdir "$work/$name.o"
    # shellcheck disable=SC2016  # for the inner shell to expand
    sort | xargs -P "$jobs" -I{} sh -c '
        object=$1/$(echo "$2" | tr / _).o; source=$2; shift 2
        exec "$@" -c "$source" -o "$object"' - "$work/$name.o" {} "$@"
    (cd "$work/$name.o" && ar Dcr "$out/lib/$name.a" ./*.o)
}

# The kernel's own headers are the host's: netlink's constants stand there.
musl() {
    cd "$work/musl"
    ./configure --prefix=/ --disable-shared CFLAGS="$cflags"
    make -j"$jobs"
    make install-libs install-headers DESTDIR="$out"
    ln -s /usr/include/linux /usr/include/asm-generic \
        "/usr/include/$(gcc -print-multiarch)/asm" "$out/include"
}

# What is omitted changes the generated parser too. No thread, no shared cache, no SQL from a
# damaged database's schema (TRUSTED_SCHEMA), what is deleted is overwritten (SECURE_DELETE).
sqlite3() {
    cd "$work/sqlite3"
    omitted=
    for feature in COMPLETE DECLTYPE DEPRECATED GET_TABLE JSON LOAD_EXTENSION PROGRESS_CALLBACK \
        SHARED_CACHE TCL_VARIABLE TRACE UTF16 VIRTUALTABLE WINDOWFUNC; do
        omitted="$omitted -DSQLITE_OMIT_$feature"
    done
    ./configure
    make sqlite3.c OPTS="$omitted"
    # shellcheck disable=SC2086  # lists of words
    echo sqlite3.c | archive libsqlite3 $cc $cflags $database_cflags $omitted \
        -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_DEFAULT_WAL_SYNCHRONOUS=2 -DSQLITE_DQS=0 \
        -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_MAX_MMAP_SIZE=0 -DSQLITE_SECURE_DELETE \
        -DSQLITE_TEMP_STORE=3 -DSQLITE_THREADSAFE=0 -DSQLITE_TRUSTED_SCHEMA=0
    cp sqlite3.h "$out/include"
}

# With it comes HACL*'s X25519, whose proofs are of just this C (agent/pki/x25519.h); its loops are
# there to be unrolled.
mbedtls() {
    cd "$work/mbedtls"
    cp "$here/mbedtls_config.h" include/mbedtls/
    # shellcheck disable=SC2086
    find library -name '*.c' | archive libmbedtls $cc $cflags $mbedtls_cflags -Iinclude -Ilibrary
    everest=3rdparty/everest
    # shellcheck disable=SC2086
    find $everest/library/Hacl_Curve25519.c $everest/library/kremlib/FStar_UInt64*.c |
        archive libhacl $cc $cflags -O3 -I$everest/include -I$everest/include/everest \
            -I$everest/include/everest/kremlib
    cp -R include/mbedtls include/psa "$out/include"
}

bearssl() {
    cd "$work/bearssl"
    # shellcheck disable=SC2086
    find src -name '*.c' | archive libbearssl $cc $cflags -Isrc -Iinc
    cp inc/*.h "$out/include"
}

# Without threads it leaves out a function that its own MHD_get_timeout64s calls; none is started.
libmicrohttpd() {
    cd "$work/libmicrohttpd"
    ./configure --prefix=/ --disable-shared --enable-static --with-threads=posix \
        --disable-bauth --disable-cookie --disable-curl --disable-dauth --disable-doc \
        --disable-examples --disable-https --disable-httpupgrade --disable-nls \
        --disable-postprocessor --disable-sendfile --disable-tools --enable-epoll=yes \
        mhd_cv_find_lib_sendmsg=no mhd_cv_have_func_writev=no \
        CC="$cc" CFLAGS="$cflags"
    make -C src/microhttpd -j"$jobs" libmicrohttpd.la AR_FLAGS=Dcr
    cp src/microhttpd/.libs/libmicrohttpd.a "$out/lib"
    cp src/include/microhttpd.h "$out/include"
}

# One source and a configure script: neither of the first two fills the machine alone.
libraries() {
    mkdir -p "$out/lib" "$out/include"
    [ $flavour != musl ] || step musl
    steps sqlite3 libmicrohttpd &
    first=$!
    steps mbedtls bearssl &
    second=$!
    failed=
    wait $first || failed=yes
    wait $second || failed=yes
    [ -z "$failed" ] || exit 2
}

# The options of busybox's applets that firmware/applets does not name: an option may bring several.
unwanted_applets() {
    sed -e 's/#.*//' -e 's/^ *[^ ]* *//' "$here/../../firmware/applets" | tr ' ' '\n' | sed '/^$/d' \
        >"$work/wanted"
    grep -rhoE '(IF_[A-Z0-9_]+\( *)+APPLET[A-Z_]*\( *[^, ]+' --include='*.c' --include=applets.src.h . |
        sed 's/IF_\([A-Z0-9_]*\)(.*APPLET[A-Z_]*( */\1 /' |
        awk 'BEGIN {wanted["busybox"] = 1} FNR == NR {wanted[$1] = 1; next} {if ($2 in wanted) keep[$1] = 1; seen[$1] = 1}
            END {for (option in seen) if (!(option in keep)) print option}' "$work/wanted" -
}

# Every feature of the applets that firmware/applets names, and no other applet: what is not there
# cannot be run, by whatever name. A shell that finds applets by itself would run them without a link.
busybox() {
    cd "$work/busybox"
    make defconfig
    {
        unwanted_applets
        printf '%s\n' FEATURE_SH_STANDALONE FEATURE_PREFER_APPLETS FEATURE_SUID MODPROBE_SMALL USE_BB_CRYPT STATIC \
            FEATURE_INSTALLER BUSYBOX_EXEC_PATH
    } | sed -e 's,.*,s/^CONFIG_&=.*/# CONFIG_& is not set/,' >"$work/busybox.sed"
    sed -f "$work/busybox.sed" .config >.config.new
    mv .config.new .config
    yes '' | make oldconfig
    make -j"$jobs" SKIP_STRIP=y CC="$cc" LD=ld HOSTCC=gcc EXTRA_CFLAGS="$cflags" busybox
    ./busybox --list | sort >"$work/built"
    sort "$work/wanted" | diff - "$work/built"
    strip busybox
    install -D -m 0755 busybox "$out/bin/busybox"
}

# Debian builds mbedTLS so as well: its fast unaligned access miscompiles (mbedtls 3.6.7-3).
mbedtls_cflags=-DMBEDTLS_ALIGNMENT_DISABLE_EFFICENT_UNALIGNED_ACCESS
common="-ffunction-sections -fdata-sections -ffile-prefix-map=$work=/deps"
common="$common -ffile-prefix-map=$out=/sysroot"
use=linked
case $flavour in
musl)
    export SYSROOT="$out"
    cc=$here/musl-cc
    # Unwind tables go into .debug_frame, and so aside with the symbols.
    cflags="-O2 -g -fPIE -fno-asynchronous-unwind-tables -fstack-protector-strong"
    cflags="$cflags -fcf-protection $common"
    # What a boot runs of SQLite it runs once: how much there is of it counts, not how fast it loops.
    database_cflags=-Os ;;
host)
    cc=gcc
    cflags="-O1 -g -fPIE -fno-omit-frame-pointer $common"
    database_cflags= ;;
image)
    cc=$here/musl-cc
    cflags="-Os -fPIE -fstack-protector-strong -fcf-protection $common"
    use=image ;;
*)
    fail "no such flavour: $flavour" ;;
esac

rm -rf "$work" "$out"
mkdir -p "$work" "$out"
unpack $use
case $flavour in
image) steps busybox ;;
*) libraries ;;
esac
rm -rf "$work" "$final"
mv "$out" "$final"
