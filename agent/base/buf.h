/*
 * A growable byte buffer, always NUL-terminated behind its length.
 *
 * Writers append without looking at each result: the first failed allocation is remembered in
 * `failed`, later calls do nothing, and the caller asks once, at the end, with buf_error().
 * A zeroed struct buf is a valid empty one.
 */
#ifndef HOLDFAST_BASE_BUF_H
#define HOLDFAST_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;    /* owned; NULL until the first append */
    size_t length; /* bytes, without the NUL */
    size_t capacity;
    bool failed;
};

/* Frees what the buffer holds and makes it empty again. */
void buf_free(struct buf *buf);

/* As buf_free, but the memory is wiped first: for what held a secret. A buffer that is to hold
 * one is reserved at its full size beforehand, since growing leaves the old copy behind. */
void buf_wipe(struct buf *buf);

/* Makes room for `extra` more bytes; 0 or -ENOMEM. */
int buf_reserve(struct buf *buf, size_t extra);

/* Keeps the memory, drops the contents. */
void buf_clear(struct buf *buf);

void buf_append(struct buf *buf, const void *data, size_t size);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *buf, const char *format, ...);
__attribute__((format(printf, 2, 0))) void buf_vprintf(struct buf *buf, const char *format,
                                                       va_list args);

/* The contents as a string; "" for an empty buffer. Owned by the buffer, valid until the next
 * append. */
const char *buf_text(const struct buf *buf);

/* 0, or -ENOMEM when any append failed. */
int buf_error(const struct buf *buf);

#endif
