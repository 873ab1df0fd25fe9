# Reads Debian's source archives with an apt configuration of its own, so that the host's lists and
# sources are neither read nor changed. To be sourced by a script of this folder with `here` and `dir`
# set; between open_archive and close_archive, $apt is a folder for apt's files.
# shellcheck shell=sh disable=SC2154,SC2034
suites='trixie sid bookworm' # in the order of the chance that one has what is locked
# Debian keeps what its suites no longer have; a day on which sid had all that is locked.
snapshot=http://snapshot.debian.org/archive/debian/20261124T000000Z
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
    echo "deps: $*" >&2
    exit 2
}

locked() { grep -v '^#' "$here/deps.lock"; }

# The first Debian mirror that the host's apt names; the security archive has only some packages.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's,^[^#]*\(https\{0\,1\}://[^ ]*/debian\)/\{0\,1\}\( .*\)\{0\,1\}$,\1,p' |
        head -n 1
}

with_apt() {
    tool=$1
    shift
    "$tool" -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" \
        -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any \
        -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

why() { grep '^[EW]:' "$apt/log" | head -n 1; }

# A suite of security updates lies beside the others.
place_of() {
    case $1 in
    snapshot) echo "$snapshot" ;;
    *-security) echo "${from%/debian}/debian-security" ;;
    *) echo "$from" ;;
    esac
}

read_lists() {
    echo "deps: reading the source list of $(place_of "$1") $1"
    options=signed-by=$keyring suite=$1
    [ "$1" != snapshot ] || { options="$options check-valid-until=no" && suite=sid; }
    echo "deb-src [$options] $(place_of "$1") $suite main" >"$apt/sources.list"
    with_apt apt-get -qq update >"$apt/log" 2>&1 ||
        fail "cannot read the source list of $(place_of "$1") $1: $(why)"
}

open_archive() {
    apt=$dir/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/fetch"
    from=$(mirror)
    from=${from:-http://deb.debian.org/debian}
}

close_archive() { rm -rf "$apt"; }
