#!/bin/sh
# What build/holdfast is, read from outside: by binutils, and from a running process.
set -u
. tests/tap.sh
build=${BUILD:-build}
program=$build/holdfast
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

headers() { readelf -lW "$program" | awk -v type="$1" '$1 == type'; }

static_pie() { file "$program" | grep 'static-pie linked'; }
needs_nobody() { ! readelf -dW "$program" | grep NEEDED && [ -z "$(headers INTERP)" ]; }
stripped() { ! readelf -SW "$program" | grep -E ' \.(symtab|debug_)'; }
binds_at_once() { readelf -dW "$program" | grep 'FLAGS_1.* NOW '; }
stack_only_data() { headers GNU_STACK | grep ' RW  '; }
never_both() { ! readelf -lW "$program" | grep -E ' (RWE|WE) '; }
small() { size=$(stat -c %s "$program") && echo "$size bytes" && [ "$size" -le 2000000 ]; }
no_folder() { ! grep -aF "$PWD" "$program" && ! grep -aF "$PWD" "$program.debug"; }

symbols_aside() {
    readelf --string-dump=.gnu_debuglink "$program" | grep 'holdfast\.debug' &&
        nm "$program.debug" | grep ' T main$' &&
        [ "$(build_id "$program")" = "$(build_id "$program.debug")" ]
}
build_id() { readelf -nW "$1" | sed -n 's/.*Build ID: //p'; }

# Text in, relocated tables and data: with RELRO the second-last is read only.
relocated_is_read_only() {
    mkfifo "$work/answers"
    mkdir -p "$work/etc/holdfast"
    echo management >"$work/etc/holdfast/role"
    "$program" --root "$work" import - <"$work/answers" >"$work/log" 2>&1 &
    pid=$!
    exec 9>"$work/answers"
    found=
    for _ in $(seq 1200); do
        found=$(awk '/\/holdfast$/ {printf "%s ", $2}' "/proc/$pid/maps")
        [ "$found" != 'r--p r-xp r--p r--p rw-p ' ] || break
        sleep 0.05
    done
    exec 9>&-
    wait $pid
    echo "mapped: $found"
    [ "$found" = 'r--p r-xp r--p r--p rw-p ' ]
}

# The same compiler, flags and start-up code as the program's.
smash() {
    cat >"$work/smash.c" <<'END'
#include <string.h>
int main(int argc, char **argv)
{
    char small[16];
    strcpy(small, argv[argc - 1]);
    return small[0] != 'a';
}
END
    SYSROOT=$(realpath "$build/deps/musl") agent/deps/musl-cc -O2 -fPIE -fstack-protector-strong \
        -fcf-protection "$work/smash.c" -o "$work/smash" || return 1
    "$work/smash" aaaa || return 1
    prlimit --core=0 "$work/smash" "$(printf '%0200d' 7)"
    status=$?
    echo "status $status"
    [ $status = 139 ] # SIGSEGV: musl's __stack_chk_fail executes what only the kernel may
}
guarded() { nm "$program.debug" | grep ' T __stack_chk_fail$' && smash; }

check 'it is linked static and position-independent' static_pie
check 'it needs no interpreter and no library' needs_nobody
check 'it is stripped' stripped
check 'its symbols lie aside under the same build id' symbols_aside
check 'everything is bound at start' binds_at_once
check 'what relocation filled in is read only once it runs' relocated_is_read_only
check 'the stack holds no code' stack_only_data
check 'no segment is both writable and executable' never_both
check 'an overrun of the stack ends the program' guarded
check 'it has at most 2,000,000 bytes' small
check 'the folder that it was built in does not enter it' no_folder
finish
