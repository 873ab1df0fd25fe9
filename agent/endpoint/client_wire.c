/* One client's socket and the bytes on their way. */
#include "endpoint/client_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { UNSENT_MAX = 65536 /* a turn's answers and the alert behind them fit */ };

/* As recv(2), with a negative errno. */
static ssize_t fill(struct client_wire *wire)
{
    if (wire->is_dry)
        return -EAGAIN;
    wire->is_dry = true;
    if (!wire->bytes)
        wire->bytes = malloc(CLIENT_WIRE_SIZE);
    if (!wire->bytes)
        return -ENOMEM;
    ssize_t got = recv(wire->socket, wire->bytes, CLIENT_WIRE_SIZE, 0);
    if (got <= 0)
        return got < 0 ? -errno : 0;
    wire->begin = 0;
    wire->end = (size_t)got;
    return got;
}

static ssize_t receive(void *context, void *to, size_t size)
{
    struct client_wire *wire = context;
    ssize_t got = wire->begin == wire->end ? fill(wire) : 1;
    if (got <= 0)
        return got;
    size_t room = wire->end - wire->begin;
    size_t taken = size < room ? size : room;
    memcpy(to, wire->bytes + wire->begin, taken);
    wire->begin += taken;
    return (ssize_t)taken;
}

static int send_later(void *context, const void *data, size_t size)
{
    struct client_wire *wire = context;
    if (size > UNSENT_MAX - (wire->unsent.length - wire->unsent_offset))
        return -ENOBUFS;
    buf_append(&wire->unsent, data, size);
    return buf_error(&wire->unsent);
}

const struct tls_wire client_wire_for_tls = {receive, send_later};

/* What a socket took; 0 when it is full. */
static ssize_t send_some(int socket, const char *data, size_t size)
{
    ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return sent;
}

int client_wire_flush(struct client_wire *wire)
{
    struct buf *unsent = &wire->unsent;
    ssize_t sent = buf_error(unsent);
    if (unsent->length == 0 && sent == 0)
        return 0;
    if (sent == 0)
        sent = send_some(wire->socket, unsent->data + wire->unsent_offset,
                         unsent->length - wire->unsent_offset);
    if (sent < 0)
        return (int)sent;
    wire->unsent_offset += (size_t)sent;
    if (wire->unsent_offset < unsent->length)
        return 1;
    buf_free(unsent);
    wire->unsent_offset = 0;
    return 0;
}

bool client_wire_has_input(const struct client_wire *wire)
{
    return wire->begin != wire->end;
}

void client_wire_rest(struct client_wire *wire)
{
    free(wire->bytes);
    wire->bytes = NULL;
}

void client_wire_free(struct client_wire *wire)
{
    client_wire_rest(wire);
    buf_free(&wire->unsent);
}
