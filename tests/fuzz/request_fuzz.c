/*
 * Heads of anybody's, each piece in a block of its own size: in pieces and at once they mean the
 * same, and what is found of a sound one holds no byte that a head may not have.
 */
#include "endpoint/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 512, PIECE = 7 };

static size_t read_copy(struct request *request, const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    size_t read = request_read(request, copy, size, MOST);
    free(copy);
    if (read > size)
        abort();
    return read;
}

static void read_in_pieces(struct request *request, const uint8_t *data, size_t size)
{
    size_t from = 0;
    for (size_t to = 0; to < size && !request->whole;) {
        to = size - to < PIECE ? size : to + PIECE;
        from += read_copy(request, data + from, to - from);
    }
}

static void check_text(const struct buf *buf)
{
    for (size_t i = 0; i < buf->length; i++)
        if (((unsigned char)buf->data[i] < ' ' && buf->data[i] != '\t') || buf->data[i] == 0x7f)
            abort();
}

static void check_valid(const struct request *request)
{
    if (!request->is_get == !request->is_head || request->has_body || request->size > MOST ||
        request->path.length == 0 || request->path.data[0] != '/' || request->hosts > 1 ||
        strpbrk(request->path.data, " ?#"))
        abort();
    check_text(&request->path);
    check_text(&request->accept);
    check_text(&request->if_none_match);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request whole = {.size = 0}, pieces = {.size = 0};
    (void)read_copy(&whole, data, size);
    read_in_pieces(&pieces, data, size);
    if (whole.whole && whole.refusal == 0)
        check_valid(&whole);
    if (whole.whole != pieces.whole || whole.refusal != pieces.refusal ||
        strcmp(buf_text(&whole.accept), buf_text(&pieces.accept)) != 0 ||
        (whole.refusal == 0 && whole.size != pieces.size))
        abort();
    request_free(&whole);
    request_free(&pieces);
    return 0;
}
