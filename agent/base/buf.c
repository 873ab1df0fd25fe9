/* The growable buffer: doubling growth, one sticky failure. */
#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    buf_free(buf);
}

int buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->failed)
        return -ENOMEM;
    if (extra < buf->capacity - buf->length)
        return 0;
    size_t wanted = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    while (wanted <= SIZE_MAX / 2 && wanted - buf->length <= extra)
        wanted *= 2;
    char *data = wanted - buf->length > extra ? realloc(buf->data, wanted) : NULL;
    if (!data) {
        buf->failed = true;
        return -ENOMEM;
    }
    buf->data = data;
    buf->data[buf->length] = '\0'; /* text from the first byte on, appended to or not */
    buf->capacity = wanted;
    return 0;
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

void buf_append(struct buf *buf, const void *data, size_t size)
{
    if (buf_reserve(buf, size) < 0)
        return;
    if (size)
        memcpy(buf->data + buf->length, data, size);
    buf->length += size;
    buf->data[buf->length] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
    if (buf_reserve(buf, 1) < 0)
        return;
    buf->data[buf->length++] = c;
    buf->data[buf->length] = '\0';
}

/* Most texts fit into the room that there is: they are formatted once. */
void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    if (buf_reserve(buf, 0) < 0)
        return;
    va_copy(again, args);
    size_t room = buf->capacity - buf->length;
    int size = vsnprintf(buf->data + buf->length, room, format, args);
    if (size < 0)
        buf->failed = true;
    else if ((size_t)size >= room && buf_reserve(buf, (size_t)size) == 0)
        (void)vsnprintf(buf->data + buf->length, (size_t)size + 1, format, again);
    if (buf->failed)
        buf->data[buf->length] = '\0';
    else
        buf->length += (size_t)size;
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

int buf_error(const struct buf *buf)
{
    return buf->failed ? -ENOMEM : 0;
}
