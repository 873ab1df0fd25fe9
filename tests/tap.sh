# The Test Anything Protocol for shell scripts: each `check` is one test, `finish` ends the plan.
count=0

# check SENTENCE COMMAND...: passes when the command does; its output explains a failure.
check() {
    sentence=$1
    shift
    count=$((count + 1))
    if output=$("$@" 2>&1); then
        echo "ok $count - $sentence"
    else
        echo "not ok $count - $sentence"
        printf '%s\n' "$output" | sed 's/^/# /'
    fi
}

finish() { echo "1..$count"; }
