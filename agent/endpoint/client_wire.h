/*
 * The encrypted side of one client: its socket, with what came from it and is not decrypted yet,
 * and what is encrypted and not taken by it yet. It never waits.
 *
 * Any call into TLS may write, reading among them (alerts). What it writes has no other place than
 * the buffer of its own wire, and no other way out than that wire's socket.
 */
#ifndef HOLDFAST_ENDPOINT_CLIENT_WIRE_H
#define HOLDFAST_ENDPOINT_CLIENT_WIRE_H

#include "base/buf.h"
#include "tls/tls.h"

#include <stdbool.h>
#include <stddef.h>

enum { CLIENT_WIRE_SIZE = 2048 };

/* Zeroed but for the socket, which stays the owner's to close. */
struct client_wire {
    int socket;
    bool is_dry; /* the one read(2) of this turn is done; the owner sets it to false */
    size_t begin, end;
    unsigned char *bytes; /* from the client; NULL at rest */
    struct buf unsent;    /* no memory while it is empty */
    size_t unsent_offset;
};

/* What TLS calls, with a struct client_wire as its context. */
extern const struct tls_wire client_wire_for_tls;

/* Sends what was encrypted: 0 when nothing is left, 1 when the rest is kept for when the socket
 * takes more, or a negative errno. */
int client_wire_flush(struct client_wire *wire);

/* Whether there are bytes of the client that TLS has not taken. */
bool client_wire_has_input(const struct client_wire *wire);

/* Gives back the memory for input, which must be empty. */
void client_wire_rest(struct client_wire *wire);

/* Gives back all memory. */
void client_wire_free(struct client_wire *wire);

#endif
