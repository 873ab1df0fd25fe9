/* What the names and values of HTTP fields are made of (RFC 9110, 5), for who reads heads. Pure. */
#ifndef HOLDFAST_BASE_FIELD_H
#define HOLDFAST_BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>

/* True for a token of one or more characters (RFC 9110, 5.6.2): the name of a method or field. */
bool field_is_token(const char *text, size_t length);

/* True for what a field's value may hold (RFC 9110, 5.5): no control character but the tab. */
bool field_is_value(const char *text, size_t length);

#endif
