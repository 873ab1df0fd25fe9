/*
 * A server's answer under bytes of anybody's, each piece in a block of its own size, so that one
 * byte read too far is seen. What it says must not depend on how it was cut up, and must stay
 * within its bounds. The first byte says where to cut.
 */
#include "probe/page.h"
#include "probe/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES_MAX = 64 };

static int feed_copy(struct reply_reader *reader, const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    int state = reply_feed(reader, copy, size);
    free(copy);
    if (state != 0 && state != 1 && state != -EPROTO)
        abort();
    return state;
}

static int feed_in_pieces(struct reply_reader *reader, const uint8_t *data, size_t size,
                          size_t piece)
{
    int state = 0;
    if (piece < size / PIECES_MAX)
        piece = size / PIECES_MAX; /* so many small blocks would only measure the allocator */
    for (size_t at = 0; at < size && state == 0; at += piece)
        state = feed_copy(reader, data + at, size - at < piece ? size - at : piece);
    return state;
}

static void check(const struct reply_reader *reader, int state)
{
    if (reader->certificates_length > sizeof(reader->certificates) ||
        reader->message_length > sizeof(reader->message) ||
        reader->record_length > sizeof(reader->record))
        abort();
    if (state == 1 && !reader->reply.hello && !reader->reply.alert)
        abort();
    if (reader->certificates_length && !reader->reply.certificate)
        abort();
}

/* The head of an answer of HTTP: whole or cut, from memory of exactly that size. */
static void read_page(const uint8_t *data, size_t size, size_t cut)
{
    struct page_answer whole = {0}, part = {0};
    char *copy = malloc(cut ? cut : 1);
    if (!copy)
        abort();
    memcpy(copy, data, cut);
    int error = page_read((const char *)data, size, &whole);
    int early = page_read(copy, cut, &part);
    free(copy);
    if (early == 0 && (error || part.status != whole.status ||
                       strcmp(part.transport_security, whole.transport_security) != 0))
        abort();
    if (error && whole.status)
        abort();
    (void)page_keeps_transport(whole.transport_security, "max-age=31536000");
    (void)page_keeps_referrer(whole.referrer_policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply_reader whole, pieces;
    if (size < 1)
        return 0;
    read_page(data + 1, size - 1, (size - 1) * data[0] / UINT8_MAX);
    reply_begin(&whole);
    reply_begin(&pieces);
    int state = feed_copy(&whole, data + 1, size - 1);
    int again = feed_in_pieces(&pieces, data + 1, size - 1, 1U + data[0]);
    check(&whole, state);
    check(&pieces, again);
    if (state != again)
        abort();
    if (state >= 0 &&
        (whole.reply.version != pieces.reply.version || whole.reply.suite != pieces.reply.suite ||
         whole.reply.group != pieces.reply.group || whole.reply.dh_bits != pieces.reply.dh_bits ||
         whole.reply.signature != pieces.reply.signature ||
         whole.reply.alert_code != pieces.reply.alert_code ||
         whole.certificates_length != pieces.certificates_length))
        abort();
    return 0;
}
