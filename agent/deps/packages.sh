#!/bin/sh
# Installs what is missing of the named groups of packages.list, through apt.
#   agent/deps/packages.sh GROUP...
set -eu
list=$(dirname "$0")/packages.list

fail() {
    echo "packages: $*" >&2
    exit 2
}

# The packages of any of the groups given.
wanted() {
    awk -v groups=" $* " '!/^#/ {
        for (i = 2; i <= NF; i++)
            if (index(groups, " " $i " ")) { print $1; next }
    }' "$list"
}

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing=
for package in $(wanted "$@"); do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "cannot install$missing: neither root nor sudo"
    as_root=sudo
fi
echo "packages: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    # shellcheck disable=SC2086  # a list of words
    $as_root apt-get install -qq -y --no-install-recommends $missing >"$log" 2>&1 </dev/null
}
$as_root apt-get update -qq >"$log" 2>&1 || fail "cannot update apt's lists: $(tail -n 1 "$log")"
install || fail "cannot install$missing: $(grep '^E:' "$log" | head -n 1)"
