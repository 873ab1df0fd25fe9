/*
 * HTTP as the endpoint speaks it: libmicrohttpd parses heads and writes answers on sockets that
 * carry plaintext; the answers come from the snapshot. GET and HEAD alone; a request with a body
 * is refused unread and its connection closed, so that nothing can hide behind it (RFC 9112, 6 and
 * 11.2).
 *
 * libmicrohttpd polls nothing here: its caller knows which sockets it has just written to or
 * drained, marks them, and runs it.
 */
#ifndef HOLDFAST_SERVE_FRONT_HTTP_H
#define HOLDFAST_SERVE_FRONT_HTTP_H

#include "report/traffic.h"
#include "serve/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

struct http;

/* What HTTP knows of one client; the owner keeps it alive until `open` is false. */
struct http_client {
    int fd;            /* libmicrohttpd's end, and its to close */
    bool open;         /* libmicrohttpd holds the connection */
    bool answering;    /* a request's head is complete and its answer not yet written */
    unsigned answers;  /* begun since the owner last looked and set it to 0 */
    size_t head_bytes; /* of the requests whose answers those are */
};

/* `counts` gets the requests. 0 or -ENOMEM. */
int http_open(struct http **http, struct traffic_counts *counts, unsigned connections,
              unsigned head_bytes);

/* Lets go of every client. */
void http_close(struct http *http);

/* From now on answers come from this snapshot, which is taken over; those already begun go on
 * with the former one. 0, or -ENOMEM with the former kept and `snapshot` unmapped. */
int http_show(struct http *http, struct snapshot *snapshot);

/* The headers that every answer carries, as lines of a head: for the few answers that the library
 * writes of its own accord, which lack them. */
const char *http_headers(const struct http *http);

/* Gives a connected, non-blocking stream socket (client->fd) to HTTP. 0, or -ENOMEM or
 * -EMFILE with the socket closed. */
int http_add(struct http *http, struct http_client *client);

/* This client's socket may be read, written or both at the next run. */
void http_mark(struct http *http, const struct http_client *client);

/* Serves what is marked, until nothing more can be done at once or enough has been done for one
 * turn: true in the latter case. */
bool http_run(struct http *http);

#endif
