/*
 * A request's head, parsed as it arrives and strictly by RFC 9112: anything ambiguous is refused
 * even where the RFC lets a server accept it. No byte of a client goes further: libmicrohttpd gets
 * a head that the endpoint writes (http.h). Pure, but for the memory of the path and the fields
 * that choose an answer.
 */
#ifndef HOLDFAST_ENDPOINT_REQUEST_H
#define HOLDFAST_ENDPOINT_REQUEST_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Empty lines before a request that are ignored (RFC 9112, 2.2); one more is refused. */
enum { REQUEST_EMPTY_LINES_MAX = 4 };

/* Zeroed: nothing has been read. */
struct request {
    size_t size;          /* bytes of its whole lines so far */
    size_t lines;         /* of which this many are not empty */
    unsigned empty;       /* lines before the first */
    bool begun;           /* something other than an empty line has come */
    bool whole;           /* read to its end, or refused before that */
    unsigned refusal;     /* the status that refuses it: 400, 405, 414, 431, 505; 0: valid */
    bool is_get, is_head; /* its method; neither: another one */
    bool is_old;          /* HTTP/1.0 */
    bool names_host;      /* its target has an authority of its own (RFC 9112, 3.2.2) */
    unsigned hosts, lengths;
    bool host_is_empty, has_body;
    bool closes, keeps; /* what its Connection fields list */
    struct buf path;    /* of its target, as it was sent, without the query */
    /* Fields that are lists: of several lines one (RFC 9110, 5.3). Empty where there is none. */
    struct buf accept, if_none_match;
};

/* Reads whole lines of `text` until the head ends, and says how many bytes those are: then either
 * the request is whole, and what remains is not its own, or the rest is the beginning of a line.
 * A head beyond `most` bytes is refused, as soon as it is that. */
size_t request_read(struct request *request, const char *text, size_t size, size_t most);

/* Whether the client expects to send another one on its connection (RFC 9112, 9.3). */
bool request_persists(const struct request *request);

/* For the next request: forgets all but the memory. */
void request_clear(struct request *request);
void request_free(struct request *request);

#endif
