#!/bin/sh
# What is last known of a node outlives its database: its stations still reach it, whatever ports
# they and it were given.
set -u
. tests/tap.sh
holdfast=${HOLDFAST:-build/holdfast}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/etc/holdfast"
echo conferencing >"$work/etc/holdfast/role"
state=$work/var/lib/holdfast/state.db

# 5061 is the default of sip.tls_port, which the strictest policy would otherwise fall back to.
stored() {
    "$holdfast" set --root "$work" sip.tls_port=5071 health.port=5061 health.stations=192.0.2.9 &&
        unshare -rn "$holdfast" boot --root "$work"
    [ -s "$state.known" ]
}
damaged() {
    rm -f "$state"-*
    head -c 5000 /dev/urandom >"$state"
    unshare -rn "$holdfast" boot --root "$work"
    ruleset=$("$holdfast" firewall --root "$work" 2>&1)
    printf '%s\n' "$ruleset"
}
opens() { damaged | grep -F 'ip saddr 192.0.2.9 tcp dport 5061 accept'; }
closes() { ! damaged | grep -E 'dport (5060|5071|22|443) accept'; }

check 'a boot writes down what is known of the node' stored
check 'with its database damaged the node is open to its station at its port' opens
check 'and nowhere else' closes
finish
