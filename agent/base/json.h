/*
 * A JSON writer over a struct buf (RFC 8259). It places commas and escapes strings; the caller
 * opens and closes in order. Strings are taken as UTF-8; bytes that are not,
 * and C1 control characters, become U+FFFD.
 */
#ifndef HOLDFAST_BASE_JSON_H
#define HOLDFAST_BASE_JSON_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct json {
    struct buf *out;
    bool comma; /* the next value in this container is not its first */
};

/* `name` is the member's name inside an object, NULL inside an array or at the top. */
void json_object_begin(struct json *json, const char *name);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *name);
void json_array_end(struct json *json);
void json_string(struct json *json, const char *name, const char *value);
void json_u64(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

#endif
