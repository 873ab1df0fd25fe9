/*
 * What an HTTPS listener answers to a HEAD request, as far as this project has rules for it: two
 * header fields of the response's head, which is read by the letter of RFC 9112, and what they say
 * to a browser (RFC 6797; W3C, "Referrer Policy").
 *
 * Two paths are asked for, one that every site has and one that none has: servers keep the headers
 * of their errors apart. What comes back is hostile input. Pure: the connection is proof.h's.
 */
#ifndef HOLDFAST_PROBE_PAGE_H
#define HOLDFAST_PROBE_PAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE_COUNT = 2, PAGE_FIELD_SIZE = 256, PAGE_HEAD_MAX = 8192 };

/* Zeroed: not asked for. Texts are whole; one of a field that is not there is empty. */
struct page_answer {
    int32_t error; /* why there is none: -ETIMEDOUT, -EBADMSG for no valid head, ... */
    uint16_t status;
    char transport_security[PAGE_FIELD_SIZE]; /* the first of its kind, which alone counts */
    char referrer_policy[PAGE_FIELD_SIZE];    /* all of its kind, between commas */
};

/* "/", "/holdfast-probe". */
const char *page_path(size_t index);

/* The request for it, of a host by this name or address. */
void page_request(size_t index, const char *host, struct buf *out);

/* Reads the head that `text` begins with. 0 when it is whole, -EAGAIN when more must come, -EBADMSG
 * when it is none, or longer than PAGE_HEAD_MAX. */
int page_read(const char *text, size_t size, struct page_answer *answer);

/* Whether a Strict-Transport-Security field asks for as much as the one that is wanted, and agrees
 * with it on preloading. One that browsers ignore asks for nothing. */
bool page_keeps_transport(const char *found, const char *wanted);

/* Whether it consents to preloading (RFC 6797, 14.2; hstspreload.org). */
bool page_is_preloaded(const char *found);

/* Whether it keeps the address from other sites: same-origin, or no-referrer. */
bool page_keeps_referrer(const char *found);

#endif
