/*
 * The software bill of materials: which libraries are linked into this program, at which versions,
 * from which tarballs (agent/deps/deps.lock).
 */
#ifndef HOLDFAST_CLI_SBOM_H
#define HOLDFAST_CLI_SBOM_H

#include "base/buf.h"

#include <stdint.h>

/* Appends an SPDX 2.3 document in JSON, made at `now_s`, seconds since 1970. A failure shows in the
 * buffer. Source: the SPDX specification 2.3, clauses 6, 7 and 11. */
void sbom_write(struct buf *out, int64_t now_s);

#endif
