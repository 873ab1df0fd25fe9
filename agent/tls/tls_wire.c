/* Bytes of the ClientHello, then of the wire. */
#include "tls/tls_wire.h"

#include <errno.h>
#include <string.h>

static ssize_t take_bytes(struct tls_stream *stream, void *to, size_t size)
{
    size_t left = stream->hello.length - stream->hello_read;
    if (left == 0)
        return stream->wire->receive(stream->context, to, size);
    size_t taken = size < left ? size : left;
    memcpy(to, stream->hello.data + stream->hello_read, taken);
    stream->hello_read += taken;
    if (taken == left)
        tls_stream_free(stream);
    return (ssize_t)taken;
}

ssize_t tls_stream_receive(struct tls_stream *stream, void *to, size_t size)
{
    if (stream->records.alert)
        return -EPROTO;
    ssize_t got = take_bytes(stream, to, size);
    if (got <= 0)
        return got;
    size_t passed = tls_records_look(&stream->records, to, (size_t)got);
    return passed ? (ssize_t)passed : -EPROTO;
}

int tls_stream_send(const struct tls_stream *stream, const void *data, size_t size)
{
    return stream->wire->send(stream->context, data, size);
}

bool tls_stream_refuses(const struct tls_stream *stream)
{
    return stream->records.alert;
}

void tls_stream_free(struct tls_stream *stream)
{
    buf_free(&stream->hello);
    stream->hello_read = 0;
}
