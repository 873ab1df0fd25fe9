/* The one function that moves, and two that are made of it. */
#include "base/cursor.h"

struct cursor cursor_take(struct cursor *from, size_t size)
{
    struct cursor part = {from->at, size, from->bad || size > from->left};
    if (part.bad) {
        from->bad = true;
        part.left = from->left = 0;
        return part;
    }
    from->at += size;
    from->left -= size;
    return part;
}

uint32_t cursor_number(struct cursor *from, size_t size)
{
    struct cursor part = cursor_take(from, size);
    uint32_t number = 0;
    for (size_t i = 0; i < part.left; i++)
        number = number << 8 | part.at[i];
    return number;
}

struct cursor cursor_vector(struct cursor *from, size_t length_size)
{
    return cursor_take(from, cursor_number(from, length_size));
}
