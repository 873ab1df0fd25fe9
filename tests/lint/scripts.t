#!/bin/sh
# Shell scripts by shellcheck, Python by its own compiler, manual pages by mandoc, packages by eye.
set -u
. tests/tap.sh

files() { git ls-files --cached --others --exclude-standard; }
begins_with() { files | xargs -r -d '\n' awk -v sign="$1" 'FNR == 1 && $0 ~ sign {print FILENAME}'; }

shell() { begins_with '^#!.*[/ ](ba)?sh( |$)' | xargs -r -d '\n' shellcheck --external-sources --severity=warning; }
python() {
    { files | grep '\.py$'; begins_with '^#!.*python3'; } | sort -u |
        xargs -r -d '\n' python3 -W error -c '
import sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        compile(file.read(), path, "exec")'
}
manual() { mandoc -T lint -W warning agent/man/*.[1-8]; }
packages_once() {
    twice=$(awk '!/^#/ && NF {print $1}' agent/deps/packages.list | sort | uniq -d)
    echo "twice: $twice"
    [ -z "$twice" ]
}
runnable() { ! git ls-files --stage 'tests/**/*.t' | grep -v '^100755'; }

check 'shellcheck is content with every shell script' shell
check 'every Python script compiles without a warning' python
check 'mandoc is content with every manual page' manual
check 'each package stands once in packages.list' packages_once
check 'every test can be run' runnable
finish
