/*
 * A cursor over untrusted bytes: big-endian numbers and vectors, each checked against the bytes
 * left. It remembers a read past the end, so that a reader takes field by field and checks once, at
 * the end. Nothing is copied or allocated.
 */
#ifndef HOLDFAST_BASE_CURSOR_H
#define HOLDFAST_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const unsigned char *at; /* borrowed */
    size_t left;
    bool bad; /* it ran over its end; it is empty from then on */
};

/* The next `size` bytes as a cursor of their own; an empty, bad one when there are not so many. */
struct cursor cursor_take(struct cursor *from, size_t size);

/* The next number of `size` bytes, at most 4; 0 when they are not there. */
uint32_t cursor_number(struct cursor *from, size_t size);

/* What a length of so many bytes announces (RFC 8446, 3.4). */
struct cursor cursor_vector(struct cursor *from, size_t length_size);

#endif
