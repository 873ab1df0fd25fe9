#!/bin/sh
# clang-tidy with .clang-tidy and cppcheck have nothing to say.
set -u
. tests/tap.sh
build=${BUILD:-build}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# One process a file: clang 14 carries what it believes of va_list from one file to the next.
tidy() {
    # shellcheck disable=SC2016  # for the inner shell to expand
    find agent -name '*.c' | sort | xargs -P "$(nproc)" -I{} sh -c '
        clang-tidy --quiet "$1" -- -std=c11 -D_GNU_SOURCE -DHOLDFAST_VERSION=\"0\" -Iagent \
            -I"$2/generated" -isystem "$2/deps/host/include" 2>/dev/null' - {} "$build" >"$log"
    status=$?
    grep -A 3 -E '(error|warning):' "$log"
    return $status
}
second() {
    cppcheck --quiet -j "$(nproc)" --enable=warning,performance,portability --inconclusive \
        --std=c11 --inline-suppr -Iagent -I"$build/generated" -D_GNU_SOURCE -DHOLDFAST_VERSION='"0"' \
        --error-exitcode=1 agent
}

check 'clang-tidy is content' tidy
check 'cppcheck is content' second
finish
