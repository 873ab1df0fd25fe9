/*
 * The answer of an HTTPS listener to a HEAD request: two header fields of the response's head,
 * parsed strictly by RFC 9112, and their meaning to a browser (RFC 6797; W3C, "Referrer Policy").
 *
 * Two paths are requested, one that every site has and one that no site has, since servers
 * configure the headers of errors separately. The response is hostile input. Pure: proof.h has the
 * connection.
 */
#ifndef HOLDFAST_PROBE_PAGE_H
#define HOLDFAST_PROBE_PAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE_COUNT = 2, PAGE_FIELD_SIZE = 256, PAGE_HEAD_MAX = 8192 };

/* Zeroed: not requested. The text of a missing field is empty. */
struct page_answer {
    int32_t error; /* why there is no page: -ETIMEDOUT, -EBADMSG for an invalid head, ... */
    uint16_t status;
    char transport_security[PAGE_FIELD_SIZE]; /* the first of its kind, which alone counts */
    char referrer_policy[PAGE_FIELD_SIZE];    /* all of its kind, between commas */
};

/* "/", "/holdfast-probe". */
const char *page_path(size_t index);

/* The request for it, of a host by this name or address. */
void page_request(size_t index, const char *host, struct buf *out);

/* Reads the head that `text` begins with. 0 when it is complete, -EAGAIN when it is not yet,
 * -EBADMSG when it is invalid or longer than PAGE_HEAD_MAX. */
int page_read(const char *text, size_t size, struct page_answer *answer);

/* Whether a Strict-Transport-Security field asks for as much as the one that is wanted, and agrees
 * with it on preloading. One that browsers ignore asks for nothing. */
bool page_keeps_transport(const char *found, const char *wanted);

/* Whether it consents to preloading (RFC 6797, 14.2; hstspreload.org). */
bool page_is_preloaded(const char *found);

/* Whether it keeps the address from other sites: same-origin, or no-referrer. */
bool page_keeps_referrer(const char *found);

#endif
