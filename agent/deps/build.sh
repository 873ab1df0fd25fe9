#!/bin/sh
# Builds the libraries of deps.lock, static, into OUT/{include,lib}.
#   agent/deps/build.sh musl|host DL OUT
# musl: the product's, with musl itself first. host: against the host's C library, for unit tests
# under sanitizers and for fuzzing.
set -eu
export LC_ALL=C SOURCE_DATE_EPOCH=0
here=$(cd "$(dirname "$0")" && pwd)
flavour=$1
dl=$(cd "$2" && pwd)
mkdir -p "$3"
out=$(cd "$3" && pwd)
work=$out/work
jobs=$(nproc)

fail() {
    echo "deps: $*" >&2
    exit 2
}

# In a subshell that no condition waits for: only there does its set -e count.
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

# The tarball's own top folder has a name of its own in one case: strip it.
unpack() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/deps.lock" |
        while read -r name version folder file sum; do
            mkdir -p "$work/$name"
            tar -xf "$dl/$file" -C "$work/$name" --strip-components=1 ||
                fail "$name $version: cannot unpack $file ($folder, $sum)"
        done
}

# cc over all sources given on standard input, in parallel, then one archive.
archive() {
    name=$1
    shift
    mkdir -p "$work/$name.objects"
    sort | xargs -P "$jobs" -I{} sh -c '
        object=$1/$(echo "$2" | tr / _).o; source=$2; shift 2
        exec "$@" -c "$source" -o "$object"' - "$work/$name.objects" {} "$@"
    rm -f "$out/lib/$name.a"
    # shellcheck disable=SC2046  # generated names without blanks
    ar Dcr "$out/lib/$name.a" $(find "$work/$name.objects" -name '*.o' | sort)
}

musl() {
    cd "$work/musl"
    ./configure --prefix="$out" --syslibdir="$out/lib" --disable-shared \
        CFLAGS="-O2 -fPIE -fstack-protector-strong $common"
    make -j"$jobs"
    make install
    for folder in linux asm-generic; do
        ln -sfn "/usr/include/$folder" "$out/include/$folder"
    done
    ln -sfn "/usr/include/$(gcc -print-multiarch)/asm" "$out/include/asm"
}

sqlite3() {
    cd "$work/sqlite3"
    ./configure
    make sqlite3.c
    echo sqlite3.c | archive libsqlite3 $cc $cflags \
        -DSQLITE_THREADSAFE=0 -DSQLITE_DQS=0 -DSQLITE_DEFAULT_MEMSTATUS=0 \
        -DSQLITE_DEFAULT_WAL_SYNCHRONOUS=2 -DSQLITE_TEMP_STORE=3 -DSQLITE_MAX_MMAP_SIZE=0 \
        -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_OMIT_DEPRECATED -DSQLITE_OMIT_JSON \
        -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_PROGRESS_CALLBACK \
        -DSQLITE_OMIT_SHARED_CACHE -DSQLITE_OMIT_TRACE
    cp sqlite3.h "$out/include/"
}

mbedtls() {
    cd "$work/mbedtls"
    cat "$here/mbedtls_config.h" >>include/mbedtls/mbedtls_config.h
    find library -name '*.c' | archive libmbedtls $cc $cflags -Iinclude -Ilibrary
    cp -R include/mbedtls include/psa "$out/include/"
}

bearssl() {
    cd "$work/bearssl"
    find src -name '*.c' | archive libbearssl $cc $cflags -Isrc -Iinc
    cp inc/*.h "$out/include/"
}

libmicrohttpd() {
    cd "$work/libmicrohttpd"
    ./configure --prefix="$out" --disable-shared --enable-static --disable-https --disable-doc \
        --disable-examples --disable-tools --disable-curl --disable-postprocessor --disable-bauth \
        --disable-dauth --disable-httpupgrade --disable-nls --enable-epoll=yes \
        CC="$cc" CFLAGS="$cflags"
    make -C src/microhttpd -j"$jobs" libmicrohttpd.la
    make -C src/microhttpd install-libLTLIBRARIES
    make -C src/include install
}

rm -rf "$work"
mkdir -p "$work" "$out/lib" "$out/include"
unpack
common="-ffunction-sections -fdata-sections -ffile-prefix-map=$work=/deps -ffile-prefix-map=$out=/sysroot"
case $flavour in
musl)
    export SYSROOT="$out"
    cc=$here/musl-cc
    cflags="-O2 -fPIE -fstack-protector-strong -fcf-protection $common"
    step musl ;;
host)
    cc=gcc
    cflags="-O1 -g -fPIE -fno-omit-frame-pointer $common" ;;
*)
    fail "usage: build.sh musl|host DL OUT" ;;
esac
for library in sqlite3 mbedtls bearssl libmicrohttpd; do
    step "$library"
done
rm -rf "$work"
