/*
 * Numbers and texts as bytes, for what the daemon hands to local readers over the control socket: a
 * number has 8 bytes, big-endian; a text its length, its bytes and a NUL, so that a reader may
 * point into the bytes. A reader takes field by field and asks once, at the end (base/cursor.h).
 */
#ifndef HOLDFAST_BASE_WIRE_H
#define HOLDFAST_BASE_WIRE_H

#include "base/buf.h"
#include "base/cursor.h"

#include <stdint.h>

void wire_put_number(struct buf *out, uint64_t number);

/* NULL is kept apart from "". */
void wire_put_text(struct buf *out, const char *text);

/* 0 where it is not there: `from` is bad then. */
uint64_t wire_take_number(struct cursor *from);

/* Points into the bytes; NULL where NULL was put, and where no text is there: `from` is bad
 * then. */
const char *wire_take_text(struct cursor *from);

#endif
