/* One writer that patches lengths afterwards, and a table of extensions. */
#include "probe/hello.h"

#include "base/str.h"
#include "pki/random.h"
#include "probe/ciphers.h"

#include <errno.h>
#include <string.h>

enum {
    RECORD_HANDSHAKE = 22,
    MESSAGE_CLIENT_HELLO = 1,
    RANDOM_SIZE = 32,
    SESSION_ID_SIZE = 32,
    RENEGOTIATION_SCSV = 0x00FF, /* RFC 5746, 3.3: for SSL 3.0, which has no extensions */
    COMPRESSION_NULL = 0,
    COMPRESSION_DEFLATE = 1,
    X25519 = 29,
    SECP256R1 = 23,
    SHARE_SIZE = 32
};

/* The generator of P-256 (SEC 2, 2.4.2), uncompressed: a valid share that costs nothing. */
static const unsigned char p256_point[] =
    "\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81"
    "\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e"
    "\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf"
    "\x51\xf5";
enum { P256_POINT_SIZE = sizeof(p256_point) - 1 };

/* --- the writer --- */

struct writer {
    unsigned char *to;
    size_t length;
    bool full;
};

static void put(struct writer *writer, const void *data, size_t size)
{
    if (writer->full || size > HELLO_SIZE_MAX - writer->length) {
        writer->full = true;
        return;
    }
    memcpy(writer->to + writer->length, data, size);
    writer->length += size;
}

static void put_number(struct writer *writer, size_t value, size_t size)
{
    for (size_t i = size; i-- > 0;) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        put(writer, &byte, 1);
    }
}

static void put_codes(struct writer *writer, const uint16_t *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_number(writer, codes[i], 2);
}

static void put_random(struct writer *writer, size_t size)
{
    unsigned char bytes[RANDOM_SIZE];
    if (random_bytes(NULL, bytes, size) != 0)
        memset(bytes, 'r', size); /* no key is derived, so it protects nothing */
    put(writer, bytes, size);
}

/* Leaves room for a length of `size` bytes; where it stands. */
static size_t begin(struct writer *writer, size_t size)
{
    put_number(writer, 0, size);
    return writer->length;
}

static void end(struct writer *writer, size_t begun, size_t size)
{
    size_t length = writer->length - begun;
    for (size_t i = 0; i < size && !writer->full; i++)
        writer->to[begun - 1 - i] = (unsigned char)(length >> 8 * i);
}

/* --- the extensions --- */

static void server_name(struct writer *writer, const struct hello *hello)
{
    size_t list = begin(writer, 2);
    put_number(writer, 0, 1); /* host_name */
    size_t name = begin(writer, 2);
    put(writer, hello->server_name, strlen(hello->server_name));
    end(writer, name, 2);
    end(writer, list, 2);
}

static void supported_groups(struct writer *writer, const struct hello *hello)
{
    size_t list = begin(writer, 2);
    put_codes(writer, hello->groups, hello->group_count);
    end(writer, list, 2);
}

static void point_formats(struct writer *writer, const struct hello *hello)
{
    (void)hello;
    put(writer, "\x01\x00", 2); /* uncompressed alone */
}

static void signature_algorithms(struct writer *writer, const struct hello *hello)
{
    uint16_t codes[SIGNATURES_MAX];
    size_t count = signatures_known(hello->signatures == HELLO_SIGNATURES_FORBIDDEN, codes);
    size_t list = begin(writer, 2);
    put_codes(writer, codes, count);
    end(writer, list, 2);
}

static void nothing(struct writer *writer, const struct hello *hello)
{
    (void)writer;
    (void)hello;
}

static void supported_versions(struct writer *writer, const struct hello *hello)
{
    put_number(writer, 2, 1);
    put_number(writer, hello->version, 2);
}

static void key_shares(struct writer *writer, const struct hello *hello)
{
    size_t list = begin(writer, 2);
    if (hello->share) {
        put_number(writer, X25519, 2);
        put_number(writer, SHARE_SIZE, 2);
        put_random(writer, SHARE_SIZE); /* any 32 bytes are a point (RFC 7748, 5) */
        put_number(writer, SECP256R1, 2);
        put_number(writer, P256_POINT_SIZE, 2);
        put(writer, p256_point, P256_POINT_SIZE);
    }
    end(writer, list, 2);
}

static void psk_modes(struct writer *writer, const struct hello *hello)
{
    (void)hello;
    put(writer, "\x01\x01", 2); /* psk_dhe_ke */
}

static void renegotiation(struct writer *writer, const struct hello *hello)
{
    (void)hello;
    put_number(writer, 0, 1); /* no handshake went before */
}

static const struct extension {
    uint16_t type;
    enum tls_version first, last;
    void (*write)(struct writer *writer, const struct hello *hello);
} extensions[] = {
    {0, TLS_1_0, TLS_1_3, server_name},
    {10, TLS_1_0, TLS_1_3, supported_groups},
    {11, TLS_1_0, TLS_1_2, point_formats},
    {13, TLS_1_2, TLS_1_3, signature_algorithms},
    {23, TLS_1_0, TLS_1_2, nothing}, /* extended master secret */
    {35, TLS_1_0, TLS_1_2, nothing}, /* session ticket: none yet */
    {43, TLS_1_3, TLS_1_3, supported_versions},
    {45, TLS_1_3, TLS_1_3, psk_modes},
    {51, TLS_1_3, TLS_1_3, key_shares},
    {0xFF01, TLS_1_0, TLS_1_2, renegotiation},
};

static bool is_sent(const struct extension *extension, const struct hello *hello)
{
    if (extension->write == server_name && !hello->server_name)
        return false;
    if (extension->write == supported_groups && hello->group_count == 0)
        return false;
    if (extension->write == signature_algorithms && hello->signatures == HELLO_SIGNATURES_UNSAID)
        return false;
    return hello->version >= extension->first && hello->version <= extension->last;
}

static void put_extensions(struct writer *writer, const struct hello *hello)
{
    size_t list = begin(writer, 2);
    for (size_t i = 0; i < countof(extensions); i++) {
        if (!is_sent(&extensions[i], hello))
            continue;
        put_number(writer, extensions[i].type, 2);
        size_t body = begin(writer, 2);
        extensions[i].write(writer, hello);
        end(writer, body, 2);
    }
    end(writer, list, 2);
}

/* --- the message --- */

static void put_suites(struct writer *writer, const struct hello *hello)
{
    size_t list = begin(writer, 2);
    put_codes(writer, hello->suites, hello->suite_count);
    if (hello->version == SSL_3_0)
        put_number(writer, RENEGOTIATION_SCSV, 2);
    end(writer, list, 2);
}

/* DEFLATE is offered to see whether it is taken (CRIME); TLS 1.3 forbids to offer it. */
static void put_compression(struct writer *writer, const struct hello *hello)
{
    size_t list = begin(writer, 1);
    if (hello->version < TLS_1_3)
        put_number(writer, COMPRESSION_DEFLATE, 1);
    put_number(writer, COMPRESSION_NULL, 1);
    end(writer, list, 1);
}

static void put_message(struct writer *writer, const struct hello *hello)
{
    bool new = hello->version >= TLS_1_3;
    put_number(writer, MESSAGE_CLIENT_HELLO, 1);
    size_t message = begin(writer, 3);
    put_number(writer, new ? TLS_1_2 : hello->version, 2); /* RFC 8446, 4.1.2: legacy_version */
    put_random(writer, RANDOM_SIZE);
    size_t session = begin(writer, 1);
    if (new)
        put_random(writer, SESSION_ID_SIZE); /* RFC 8446, D.4: as middle boxes expect */
    end(writer, session, 1);
    put_suites(writer, hello);
    put_compression(writer, hello);
    if (hello->version > SSL_3_0)
        put_extensions(writer, hello);
    end(writer, message, 3);
}

int hello_write(const struct hello *hello, unsigned char to[HELLO_SIZE_MAX])
{
    struct writer writer = {.to = to};
    put_number(&writer, RECORD_HANDSHAKE, 1);
    put_number(&writer, hello->version == SSL_3_0 ? SSL_3_0 : TLS_1_0, 2); /* RFC 8446, 5.1 */
    size_t record = begin(&writer, 2);
    put_message(&writer, hello);
    end(&writer, record, 2);
    return writer.full ? -ENOSPC : (int)writer.length;
}
