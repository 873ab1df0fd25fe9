/*
 * The ClientHello under bytes of anybody's, in a block of its own size, so that one byte read too
 * far is seen. What is complete must be complete, and mean the same, however much comes behind it;
 * and whatever is found must lie within the message.
 */
#include "tls/client_hello.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SUITE = 0x1301, GROUP = 23 };

static int read_copy(struct client_hello *hello, const uint8_t *data, size_t size,
                     unsigned char *message)
{
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    int result = client_hello_read(hello, copy, size, message);
    free(copy);
    if (result != 0 && result != -EAGAIN && result != -EBADMSG)
        abort();
    return result;
}

static void check_codes(const struct hello_codes *codes, const unsigned char *message)
{
    if (codes->count &&
        (codes->data < message || codes->data + 2 * codes->count > message + CLIENT_HELLO_MAX))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client_hello part, whole;
    unsigned char part_message[CLIENT_HELLO_MAX], message[CLIENT_HELLO_MAX];
    if (size > CLIENT_HELLO_WIRE_MAX)
        return 0;
    int result = read_copy(&whole, data, size, message);
    int sooner = read_copy(&part, data, size - size / 4, part_message);
    if (sooner != -EAGAIN && sooner != result)
        abort();
    if (result != 0)
        return 0;
    check_codes(&whole.suites, message);
    check_codes(&whole.groups, message);
    if (whole.version > CLIENT_HELLO_VERSION_LIMIT || whole.share_count > CLIENT_HELLO_SHARES_MAX)
        abort();
    if (sooner == 0 &&
        (part.version != whole.version || part.legacy_version != whole.legacy_version ||
         part.signatures != whole.signatures ||
         part.extended_master_secret != whole.extended_master_secret ||
         part.fallback != whole.fallback || part.suites.count != whole.suites.count ||
         part.groups.count != whole.groups.count || part.share_count != whole.share_count ||
         client_hello_lists(&part.suites, SUITE) != client_hello_lists(&whole.suites, SUITE) ||
         client_hello_shares(&part, GROUP) != client_hello_shares(&whole, GROUP)))
        abort();
    return 0;
}
