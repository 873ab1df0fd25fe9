#!/bin/sh
# holdfast events: prints and verifies the log, changes nothing, and takes only times that are one.
set -u
. tests/tap.sh
holdfast=${HOLDFAST:-build/holdfast}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/etc/holdfast"
echo management >"$work/etc/holdfast/role"
state=$work/var/lib/holdfast/state.db

events() { "$holdfast" events --root "$work" "$@"; }
stored() { "$holdfast" set --root "$work" "$@"; }

# exits CODE COMMAND...: with that code, its output for the one who reads the failure.
exits() {
    wanted=$1
    shift
    "$@"
    got=$?
    [ $got -eq "$wanted" ] || { echo "exit $got, not $wanted"; return 1; }
}

prints() {
    pattern=$1
    shift
    printed=$("$@" 2>&1)
    printf '%s\n' "$printed"
    printf '%s\n' "$printed" | grep -Eq -- "$pattern"
}

silent() {
    printed=$("$@") || return 1
    [ -z "$printed" ] || { printf '%s\n' "$printed"; return 1; }
}

as_json() {
    events --format json "$@" | python3 -c '
import json, re, sys
log = json.load(sys.stdin)
assert log["version"] == 1
assert [event["sequence"] for event in log["events"]] == [1, 2], log
for event in log["events"]:
    assert re.fullmatch("[0-9a-f]{64}", event["hash"]), event
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"]), event
    assert event["kind"] == "set", event'
}

no_trace() {
    find "$work" -type f -exec md5sum {} + | sort >"$work.before"
    events >/dev/null && events --verify >/dev/null
    find "$work" -type f -exec md5sum {} + | sort >"$work.after"
    diff "$work.before" "$work.after"
    same=$?
    rm -f "$work.before" "$work.after"
    return $same
}

# As another tool would, and so that the schema is again what it was.
rewritten() {
    python3 - "$state" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
name = 'events_no_update'
sql = db.execute('SELECT sql FROM sqlite_schema WHERE name = ?', [name]).fetchone()[0]
db.execute('DROP TRIGGER ' + name)
db.execute("UPDATE events SET text = 'nothing happened' WHERE sequence = 1")
db.execute(sql)
END
}

check 'without a database there is nothing to print: exit 2, and none is made' \
    exits 2 events
check 'and the reason is told' prints 'state.db: No such file' events
stored security.fips=yes >/dev/null 2>&1
stored global.login_banner='Authorised use only' >/dev/null 2>&1
check 'each event is a line: number, time, kind, text' \
    prints '^ +1  20[0-9-]+T[0-9:]+Z  set +revision 1 by root; security.fips "no" -> "yes"$' events
check 'the JSON has every field' as_json
check 'the chain verifies, and its last hash is told' \
    prints '^events: 2 verified, last hash [0-9a-f]{64}$' events --verify
check 'printing and verifying leave no trace' no_trace
check 'events of the last hour' prints 'security.fips' events --since 1h
check 'events since a time in another zone' \
    prints 'security.fips' events --since 2020-02-29T23:59:60.5+02:00
check 'none since a time to come' silent events --since 2999-01-01T00:00:00Z
for time in 2h30 1.5h -1h 2021-02-29T00:00:00Z 2020-01-01 2020-01-01T24:00:00Z yesterday \
    2020-01-01T00:00:00 2020-01-01T00:00:00+2:00 99999999999999999999s ''; do
    check "'$time' is no time: exit 2" exits 2 events "--since=$time"
done
check 'an unknown format is refused' exits 2 events --format xml
rewritten
check 'an event that was rewritten breaks the chain: exit 1' exits 1 events --verify
check 'at its number' prints '^events: broken at event 1$' events --verify
head -c 5000 /dev/urandom >"$state"
check 'a damaged database is an error: exit 2' exits 2 events
finish
