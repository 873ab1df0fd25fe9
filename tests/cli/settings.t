#!/bin/sh
# set, get, import, export, diff and settings, from outside, on a folder of their own.
set -u
. tests/tap.sh
holdfast=${HOLDFAST:-build/holdfast}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/etc/holdfast"
echo management >"$work/etc/holdfast/role"

hf() {
    verb=$1
    shift
    "$holdfast" "$verb" --root "$work" "$@" 2>&1
}

# exits CODE VERB...: the command ends with CODE and prints what $wanted matches, as grep -E has it.
exits() {
    code=$1
    shift
    printed=$(hf "$@")
    got=$?
    printf '%s\n' "$printed"
    [ $got -eq "$code" ] || { echo "exit $got, not $code"; return 1; }
    printf '%s\n' "$printed" | grep -Eq -- "$wanted" || { echo "nothing matches: $wanted"; return 1; }
}

# prints TEXT VERB...: the command succeeds and prints this to the byte.
prints() {
    printf '%b' "$1" >"$work/wanted"
    shift
    hf "$@" >"$work/printed" && diff -u "$work/wanted" "$work/printed"
}

exported() { hf export --defaults --secrets >"$1"; }
unchanged() { exported "$work/now" && diff -u "$work/before" "$work/now"; }

refused() { # refused WANTED VERB...: exit 2, the reason, and nothing has changed
    wanted=$1
    shift
    exported "$work/before"
    exits 2 "$@" && unchanged
}

check 'a fresh node has every setting at its default' prints '' export

wanted='^stored as revision 1$'
check 'set stores several pairs as one revision' \
    exits 0 set global.ssh=no dns.server=192.0.2.1 dns.server=192.0.2.2 'global.login_banner=Room #4 '
check 'get prints what was set, a list on several lines, awkward text in quotes' \
    prints 'global.ssh = no\ndns.server = 192.0.2.1\ndns.server = 192.0.2.2\nglobal.login_banner = "Room #4 "\n' \
    get global.ssh dns.server global.login_banner
wanted='^nothing to change, revision 1$'
check 'the same again is no new revision' exits 0 set global.ssh=n
wanted='^stored as revision 2$'
check 'an empty value empties a list' exits 0 set dns.server=
check 'and get shows it empty' prints 'dns.server =\n' get dns.server

check 'an unknown key is refused, and the nearest named' \
    refused 'sip.udpport: there is no such setting; did you mean sip.udp_port\?' set sip.udpport=1
check 'a bad value names its operand, key and reason' \
    refused '^operand:2: sip.udp_port: "0" is not a number from 1 to 65535$' set global.ssh=yes sip.udp_port=0
check 'a broken rule refuses all pairs' \
    refused 'sip.tls_port: 5060 is also that of sip.tcp_port' set sip.tls_port=5060 net.ipv6_dad=no
check 'an operand that is no pair is refused' refused 'operand 1 is not KEY=VALUE' set global.ssh
check 'a value of two lines cannot smuggle a second setting in' \
    refused 'a value has one line' set 'sip.cca_id=a
global.ssh=yes'
check 'a secret is refused among the arguments' \
    refused 'a secret among' set snmp.auth_password=hunter22
check 'get refuses an unknown key' refused 'did you mean dns.server' get dns.servers

cat >"$work/good.conf" <<END
# with secrets
snmp.auth_password = "pass # word"
ntp.server = ntp1.example.test key=1 type=sha1 secret=0123456789abcdef0123456789abcdef01234567
ntp.server = ntp2.example.test
END
wanted='^stored as revision 3$'
check 'import stores a file' exits 0 import "$work/good.conf"
wanted='^# snmp.auth_password = \(set\)$'
check 'get shows a secret as a comment' exits 0 get snmp.auth_password
# shellcheck disable=SC2016  # for the inner shell to expand
check 'export gives secrets away only when asked' sh -c '
    ! "$1" export --root "$2" | grep -e "pass # word" -e 0123456789abcdef &&
    "$1" export --root "$2" --secrets | grep -Fx "snmp.auth_password = \"pass # word\""
' - "$holdfast" "$work"
printf 'sip.udp_port = x\nfoo = 1\nsip.tls_port = 5060\n' >"$work/bad.conf"
check 'a bad file is refused with every fault' refused 'bad.conf:1: sip.udp_port: ' import "$work/bad.conf"
wanted='bad.conf:2: foo: there is no such setting'
check 'the second fault is told too' exits 2 import "$work/bad.conf"
wanted='bad.conf:3: sip.tls_port: 5060 is also that of'
check 'and the third, a broken rule' exits 2 import "$work/bad.conf"
check 'a missing file is named' refused "cannot read $work/none: No such file" import "$work/none"
check 'a folder is no file' refused 'Is a directory' import "$work"
head -c 70000 /dev/zero | tr '\0' '#' >"$work/long.conf"
check 'more than 64 KiB are refused' refused 'longer than 65536 bytes' import "$work/long.conf"
head -c 60000 /dev/urandom >"$work/binary.conf"
check 'random bytes are refused' refused 'nothing is stored' import "$work/binary.conf"

seq 1 3000 >"$work/many.conf"
every_line_is_told() {
    hf import "$work/many.conf" | grep -c ': not KEY = VALUE$' | grep -Fx 3000
}
check 'every fault of 3000 is told' every_line_is_told

# shellcheck disable=SC2016
check 'what export writes, import from standard input reads' sh -c '
    mkdir -p "$2/other/etc/holdfast" && echo management >"$2/other/etc/holdfast/role" &&
    "$1" export --root "$2" --secrets >"$2/first" &&
    "$1" import --root "$2/other" - <"$2/first" &&
    "$1" export --root "$2/other" --secrets >"$2/second" && diff -u "$2/first" "$2/second"
' - "$holdfast" "$work"

wanted='^global.login_banner +Room #4 +\(not set\) +set$'
check 'diff shows stored, default and guide' exits 1 diff
wanted='^net.ipv6_dad +yes +yes +no +non-compliant$'
check 'diff says what fails' exits 1 diff
wanted='^ntp.server +ntp1.* secret=\(set\), ntp2.example.test +\(not set\) +2 or more, each with a key +non-compliant$'
check 'diff shows no secret' exits 1 diff

# A node that is as the guide wants it: the demonstration's settings and the wizard's answers.
cat >"$work/answers" <<END
security.fips = yes
security.disable_admin = yes
net.accept_icmpv6_multicast_echo = no
net.ipv6_dad = no
web.max_sessions = 100
web.max_sessions_per_user = 10
rtcp.fir = yes
sip_tls.aes128_sha_outbound = no
END
# shellcheck disable=SC2016
check 'diff exits with 0 where all is as the guide wants it' sh -c '
    "$1" import --root "$2/other" firmware/demo.conf &&
    "$1" import --yes --root "$2/other" "$2/answers" && "$1" diff --root "$2/other"
' - "$holdfast" "$work"

# What cannot be undone.
mkdir -p "$work/lock/etc/holdfast" "$work/lock/run" && echo management >"$work/lock/etc/holdfast/role"
lock() { "$holdfast" --root "$work/lock" "$@" </dev/null >"$work/out" 2>&1; }
# NAME, the exit code that is wanted, a pattern, WORDS...
locks() {
    name=$1 code=$2 pattern=$3
    shift 3
    # shellcheck disable=SC2016
    check "$name" sh -c '
        code=$1 pattern=$2; shift 2
        "$@" </dev/null >"$0" 2>&1
        [ $? = "$code" ] && grep -q -e "$pattern" "$0" || { cat "$0"; exit 1; }
    ' "$work/out" "$code" "$pattern" "$holdfast" --root "$work/lock" "$@"
}
echo 'security.disable_admin = yes' >"$work/lock/yes"
locks 'set refuses to lock out where no station is configured' 2 --force \
    set --yes security.disable_admin=yes
locks 'import too' 2 --force import --yes "$work/lock/yes"
lock set health.stations=192.0.2.1/32
locks 'set needs --yes for what cannot be undone, and says what it is' 2 'needs --yes: .*undo' \
    set security.disable_admin=yes
locks 'import too' 2 'needs --yes: .*undo' import "$work/lock/yes"
locks 'nothing of it is stored' 0 'disable_admin = no' get security.disable_admin
locks 'other settings want no such word' 0 'stored as' set web.max_sessions=5
locks 'with --yes it is stored, and said again' 0 'nothing can undo' \
    set --yes security.disable_admin=yes
locks 'the last station is not taken away then' 2 --force set health.stations=
locks 'unless by --force' 0 'stored as' set --force health.stations=
locks 'what is stored already wants no word any more' 0 'stored as' set web.max_sessions=6

# What waits for a boot.
rm -rf "$work/lock/var" && lock set health.stations=192.0.2.1/32
lock boot
locks 'nothing waits after a boot' 1 '"reboot_required":false' check --format json
locks 'a change of addresses says that it waits' 0 \
    'takes effect at the next boot: node.hostname, node.address$' \
    set node.address=192.0.2.9/24 node.hostname=later
locks 'and check says so' 1 '"reboot_required":true' check --format json
locks 'other changes do not wait' 0 '^stored as revision 3$' set web.max_sessions=8
lock set node.hostname=node node.address=
locks 'what is taken back waits no longer' 1 '"reboot_required":false' check --format json
lock set node.gateway6=fe80::1
locks 'a router waits too' 1 '"reboot_required":true' check --format json
lock boot
locks 'until the next boot' 1 '"reboot_required":false' check --format json
locks 'below a root there is nothing to reboot' 2 'no machine' reboot

# A command that did its work, and one that could not, when their words cannot be written.
# shellcheck disable=SC2016
check 'what is stored is told on standard error where standard output fails, and is not exit 2' sh -c '
    for number in 1 2 3; do
        case $number in
        1) "$1" --root "$2" set web.max_sessions=11 >/dev/full 2>"$2/words" ;;
        2) echo web.max_sessions=12 | "$1" --root "$2" import - >/dev/full 2>"$2/words" ;;
        3) "$1" --root "$2" set web.max_sessions=13 >&- 2>"$2/words" ;;
        esac
        code=$?
        grep "stored as revision .*cannot be written to standard output" "$2/words" &&
            [ $code = 1 ] || { echo "$number: $code"; cat "$2/words"; exit 1; }
        "$1" --root "$2" get web.max_sessions | grep "= 1$number\$" || exit 1
    done
' - "$holdfast" "$work/lock"
# shellcheck disable=SC2016
check 'a reader that is gone does not end a command that stores' sh -c '
    mkfifo "$2/fifo" && { sleep 0 <"$2/fifo" & } && exec 3>"$2/fifo" && wait
    "$1" --root "$2" set web.max_sessions=14 >&3 2>"$2/words"
    [ $? = 1 ] && grep "stored as.*Broken pipe" "$2/words" || { cat "$2/words"; exit 1; }
' - "$holdfast" "$work/lock"
for words in export get 'get web.max_sessions' diff settings firewall tls 'tls --format json' check \
    'check --format json' events 'events --verify' 'events --format json' version --help 'set --help'; do
    # shellcheck disable=SC2016,SC2086
    check "$words: what cannot be written is exit 2" sh -c '
        root=$1; shift
        "$0" --root "$root" "$@" >/dev/full 2>"$root/words"
        [ $? = 2 ] && grep "cannot write to standard output: No space left" "$root/words" ||
            { cat "$root/words"; exit 1; }
    ' "$holdfast" "$work/lock" $words
done

wanted='^sip.udp_port$'
check 'settings prints the reference' exits 0 settings
check 'settings refuses a format that it does not have' refused 'unknown format html' settings --format html
# shellcheck disable=SC2016
check 'holdfast.conf(5) holds that very reference' sh -c '
    sed -n "/settings --format mdoc/,/^\.Sh SEE/p" agent/man/holdfast.conf.5 |
        sed "1,2d;/^\.El$/,\$d" >"$2/page" &&
    "$1" settings --format mdoc >"$2/table" && diff -u "$2/page" "$2/table"
' - "$holdfast" "$work"
check 'holdfast.conf(5) is sound mdoc' sh -c 'mandoc -T lint -W warning agent/man/holdfast.conf.5'
finish
