#!/bin/sh
# Writes what deps.lock links into the program as rows of C for `holdfast version --sbom`:
#   COMPONENT(name, Debian version, upstream version, tarball, SHA-256, CPE, licence, patches)
# and the digest of it all, which names the document.
#   agent/deps/components.sh >FILE
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)

# The patches of library $1, a blank between them.
patches_of() {
    (cd "$here" && ls "patches/$1"/*.patch 2>/dev/null) | tr '\n' ' ' | sed 's/ $//'
}

rows() {
    grep -v '^#' "$here/deps.lock" | while read -r name version file sum use cpe licence; do
        [ "$use" = linked ] || continue
        upstream=${version%-*}
        upstream=${upstream%%+*}
        echo "COMPONENT(\"$name\", \"$version\", \"$upstream\", \"$file\", \"$sum\"," \
            "\"$cpe\", \"$licence\", \"$(patches_of "$name")\")"
    done
}

rows
echo "#define COMPONENTS_DIGEST \"$(rows | sha256sum | cut -c 1-16)\""
