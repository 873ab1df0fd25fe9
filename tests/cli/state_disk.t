#!/bin/sh
# A full disk and a read-only one: clear words, and what was stored stays.
set -u
. tests/tap.sh
holdfast=${HOLDFAST:-build/holdfast}
holdfast=$(realpath "$holdfast")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# In a mount namespace of its own, so that nothing outside sees the small disk.
cat >"$work/full" <<'END'
set -u
mount -t tmpfs -o size=300k small "$2" || exit 9
mkdir -p "$2/etc/holdfast" && echo management >"$2/etc/holdfast/role"
n=0
while "$1" --root "$2" set web.max_sessions=$((n + 1)) >/dev/null 2>"$2.words"; do
    n=$((n + 1))
    [ $n -lt 300 ] || exit 8
done
grep -E 'disk is full|No space left' "$2.words" || { cat "$2.words"; exit 1; }
"$1" --root "$2" get web.max_sessions | grep -x "web.max_sessions = $n" || exit 2
"$1" --root "$2" events --verify || exit 3
mount -o remount,size=600k "$2" || exit 9
"$1" --root "$2" set web.max_sessions=$((n + 1)) || exit 4
END
cat >"$work/frozen" <<'END'
set -u
mount -t tmpfs small "$2" || exit 9
mkdir -p "$2/etc/holdfast" && echo management >"$2/etc/holdfast/role"
"$1" --root "$2" set web.max_sessions=7 || exit 1
mount -o remount,ro "$2" || exit 9
"$1" --root "$2" get web.max_sessions | grep -x 'web.max_sessions = 7' || exit 2
"$1" --root "$2" events --verify || exit 3
"$1" --root "$2" set web.max_sessions=8 2>"$2.words" && exit 4
grep 'Read-only file system' "$2.words" || { cat "$2.words"; exit 5; }
END

cat >"$work/enforced" <<'END'
set -u
mount -t tmpfs small "$2" || exit 9
mkdir -p "$2/etc/holdfast" "$2/run" && echo conferencing >"$2/etc/holdfast/role"
mount -t tmpfs run "$2/run" || exit 9
"$1" --root "$2" set --yes global.sip=no health.stations=192.0.2.0/24 $3 || exit 1
mount -o remount,ro "$2" || exit 9
"$1" --root "$2" firewall >"$2/run/rules" || exit 2
grep -q 'dport 1720' "$2/run/rules" || { cat "$2/run/rules"; exit 3; }
grep 'dport 5061' "$2/run/rules" && exit 3
"$1" --root "$2" boot 2>"$2/run/words"
[ $? -eq 1 ] || exit 4
grep 'nothing can be recorded: Read-only file system' "$2/run/words" || exit 5
grep 'FAILED CLOSED' "$2/run/words" && exit 6
"$1" --root "$2" check --format json >"$2/run/checks"
grep -F '"status":"fail","reason":null,"unrecorded":"nothing can be recorded: Read-only file system"' \
    "$2/run/checks" || exit 7
"$1" --root "$2" check | head -n 1 | grep -x 'FAILED: nothing can be recorded: Read-only file system' ||
    exit 8
grep -F "\"admin_disabled\":$4" "$2/run/checks" || exit 10
END

mkdir "$work/disk"
check 'a full disk is told, keeps what was stored, and takes more when there is room again' \
    unshare -rm sh "$work/full" "$holdfast" "$work/disk"
check 'a read-only disk can be read, and says why it takes nothing' \
    unshare -rm sh "$work/frozen" "$holdfast" "$work/disk"
check 'on a read-only disk the stored settings are enforced, and the health fails' \
    unshare -rm sh "$work/enforced" "$holdfast" "$work/disk" '' false
check 'on a read-only disk an administrator account that the settings disable is disabled' \
    unshare -rm sh "$work/enforced" "$holdfast" "$work/disk" security.disable_admin=yes true
finish
