#!/bin/sh
# Every libFuzzer target on its corpus for FUZZ_SECONDS, two at a time. New inputs are thrown away;
# one that crashes is kept beside the build and named.
build=${BUILD:-build}
seconds=${FUZZ_SECONDS:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TMPDIR=$work
export build seconds work TMPDIR

set -- tests/fuzz/*_fuzz.c
echo "1..$#"
printf '%s\n' "$@" | xargs -P 2 -I{} sh -c '
    name=$(basename "$1" .c)
    mkdir -p "$work/$name" "tests/fuzz/corpus/$name"
    "$build/fuzzed/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 \
        -print_final_stats=1 -artifact_prefix="$build/crash-$name-" \
        "$work/$name" "tests/fuzz/corpus/$name" >"$work/$name.log" 2>&1
    echo $? >"$work/$name.status"' - {}
number=0
for source in "$@"; do
    name=$(basename "$source" .c)
    number=$((number + 1))
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
    if [ "$(cat "$work/$name.status")" = 0 ] && [ "${runs:-0}" -gt 1000 ]; then
        echo "ok $number - $name: $runs inputs in $seconds s"
    else
        echo "not ok $number - $name: ${runs:-no} inputs"
        tail -n 30 "$work/$name.log" | sed 's/^/# /'
    fi
done
