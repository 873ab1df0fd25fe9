/* Characters of tokens and values. */
#include "base/field.h"

#include <string.h>

bool field_is_token(const char *text, size_t length)
{
    static const char characters[] = "!#$%&'*+-.^_`|~0123456789"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0' || !strchr(characters, text[i]))
            return false;
    return length > 0;
}

bool field_is_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return false;
    return true;
}
