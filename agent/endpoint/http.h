/*
 * HTTP as the endpoint speaks it: request.h reads heads, libmicrohttpd writes answers on
 * sockets that carry plaintext, and the answers come from the snapshot. The library is given a head
 * of our own for each request, of which only the method and what becomes of the connection differ,
 * so that it never refuses anything in words of its own. One request at a time: those behind it
 * wait. A request with a body is refused unread and its connection closed, so that nothing can hide
 * behind it (RFC 9112, 6 and 11.2).
 *
 * libmicrohttpd polls nothing here: its caller knows which sockets it has just written to or
 * drained, marks them, and runs it.
 */
#ifndef HOLDFAST_ENDPOINT_HTTP_H
#define HOLDFAST_ENDPOINT_HTTP_H

#include "endpoint/request.h"
#include "report/traffic.h"
#include "snapshot/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct http;

/* What HTTP knows of one client; the owner keeps it alive until `open` is false. */
struct http_client {
    int pair;           /* plaintext, to the library; -1 before a request, and at rest */
    int fd;             /* the library's end of it, and its to close */
    bool open;          /* the library holds the connection */
    bool answering;     /* a request is read and its answer not yet written */
    bool waiting;       /* more came behind that request */
    bool last;          /* the owner's: the next answer ends the connection */
    unsigned responses; /* begun since the owner last looked and set it to 0 */
    struct request request;
    struct buf input; /* decrypted, not yet read */
};

/* `counts` gets the requests. 0 or -ENOMEM. */
int http_open(struct http **http, struct traffic_counts *counts, unsigned connections,
              unsigned head_bytes);

/* Lets go of every client. */
void http_close(struct http *http);

/* From now on answers come from this snapshot, which is taken over; those already begun go on
 * with the former one. 0, or -ENOMEM with the former kept and `snapshot` unmapped. */
int http_show(struct http *http, struct snapshot *snapshot);

void http_client_init(struct http_client *client);

/* Takes decrypted bytes, while no request is being answered; none, where some are waiting. A whole
 * head goes on to the library. 0, or a negative errno: then the client cannot be served. */
int http_receive(struct http *http, struct http_client *client, const void *data, size_t size);

/* Reads what there is of an answer: as recv(2), with a negative errno. */
ssize_t http_read_answer(struct http_client *client, void *to, size_t size);

/* The client sends nothing more; the answer that has begun still comes. */
void http_end_input(struct http *http, struct http_client *client);

/* Takes the client from the library, which closes its end in its next runs, and gives back all
 * memory. */
void http_let_go(struct http_client *client);

/* This client's socket may be read, written or both at the next run. */
void http_mark(struct http *http, const struct http_client *client);

/* Serves what is marked, until nothing more can be done at once or enough has been done for one
 * turn: true in the latter case. */
bool http_run(struct http *http);

#endif
