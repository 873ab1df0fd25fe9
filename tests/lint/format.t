#!/bin/sh
# Every C file is as .clang-format wants it; tables in .def files keep their own columns.
set -u
. tests/tap.sh

formatted() {
    git ls-files --cached --others --exclude-standard '*.c' '*.h' |
        xargs -r clang-format --dry-run -Werror 2>&1 | sed -n 's/:.*error:.*//p' | sort | uniq -c | grep . && return 1
    return 0
}
no_blanks_at_ends() { ! git grep -nIE '[ 	]+$' -- ':!*.md' ':!*.patch'; }

check 'clang-format would change nothing (make format)' formatted
check 'no line ends in blanks' no_blanks_at_ends
finish
