/* Numbers and texts as bytes. */
#include "base/wire.h"

#include <string.h>

enum { NUMBER_SIZE = 8, HALF_SIZE = 4, LENGTH_NONE = 0x7fffffff };

void wire_put_number(struct buf *out, uint64_t number)
{
    for (unsigned shift = 8 * NUMBER_SIZE; shift > 0; shift -= 8)
        buf_putc(out, (char)(unsigned char)(number >> (shift - 8)));
}

void wire_put_text(struct buf *out, const char *text)
{
    size_t length = text ? strlen(text) : LENGTH_NONE;
    wire_put_number(out, length);
    if (text)
        buf_append(out, text, length + 1);
}

uint64_t wire_take_number(struct cursor *from)
{
    uint64_t high = cursor_number(from, HALF_SIZE);
    uint64_t low = cursor_number(from, HALF_SIZE);
    return from->bad ? 0 : high << 32 | low;
}

const char *wire_take_text(struct cursor *from)
{
    uint64_t length = wire_take_number(from);
    if (from->bad || length == LENGTH_NONE)
        return NULL;
    struct cursor text = cursor_take(from, (size_t)length);
    struct cursor end = cursor_take(from, 1);
    if (end.bad || end.at[0] != '\0' || memchr(text.at, '\0', text.left)) {
        from->bad = true;
        from->left = 0;
        return NULL;
    }
    return (const char *)text.at;
}
