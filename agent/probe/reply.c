/* Bytes to records, records to handshake messages, messages to what they say. */
#include "probe/reply.h"

#include "base/cursor.h"
#include "base/str.h"
#include "policy/suites.h"
#include "probe/ciphers.h"

#include <errno.h>
#include <string.h>

enum {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_HEAD = 5,
    RECORD_MAJOR = 3,
    ALERT_SIZE = 2,
    ALERT_WARNING = 1,
    ALERT_CLOSE_NOTIFY = 0,
    MESSAGE_HEAD = 4,
    RANDOM_SIZE = 32,
    SESSION_ID_MAX = 32,
    NAMED_CURVE = 3,
    EXTENSION_MASTER_SECRET = 23,
    EXTENSION_TICKET = 35,
    EXTENSION_VERSIONS = 43,
    EXTENSION_KEY_SHARE = 51,
    EXTENSION_RENEGOTIATION = 0xFF01
};

/* RFC 8446, 4.1.3: what stands for a HelloRetryRequest's random. */
static const unsigned char retry_random[] =
    "\xCF\x21\xAD\x74\xE5\x9A\x61\x11\xBE\x1D\x8C\x02\x1E\x65\xB8\x91\xC2\xA2\x11\x16\x7A\xBB"
    "\x8C\x5E\x07\x9E\x09\xE2\xC8\xA8\x33\x9C";

/* --- messages --- */

static void read_extension(struct reply *reply, unsigned type, struct cursor body)
{
    switch (type) {
    case EXTENSION_MASTER_SECRET:
        reply->master_secret = true;
        break;
    case EXTENSION_TICKET:
        reply->ticket = true;
        break;
    case EXTENSION_RENEGOTIATION:
        reply->renegotiation = true;
        break;
    case EXTENSION_VERSIONS:
        reply->version = (uint16_t)cursor_number(&body, 2);
        break;
    case EXTENSION_KEY_SHARE:
        reply->group = (uint16_t)cursor_number(&body, 2);
        break;
    default:
        break;
    }
}

static int read_hello(struct reply_reader *reader, struct cursor body)
{
    struct reply *reply = &reader->reply;
    reply->version = (uint16_t)cursor_number(&body, 2);
    struct cursor random = cursor_take(&body, RANDOM_SIZE);
    reply->retry = random.left == RANDOM_SIZE && memcmp(random.at, retry_random, RANDOM_SIZE) == 0;
    struct cursor session = cursor_vector(&body, 1);
    reply->session_id = session.left > 0;
    reply->suite = (uint16_t)cursor_number(&body, 2);
    reply->compression = (uint8_t)cursor_number(&body, 1);
    if (body.bad || session.left > SESSION_ID_MAX || reply->hello)
        return -EPROTO;
    struct cursor list = body.left ? cursor_vector(&body, 2) : body;
    while (list.left) {
        unsigned type = cursor_number(&list, 2);
        struct cursor content = cursor_vector(&list, 2);
        read_extension(reply, type, content);
    }
    reply->hello = !list.bad && !body.bad;
    reader->done = reply->version >= TLS_1_3; /* the rest is encrypted */
    return reply->hello ? 0 : -EPROTO;
}

static int read_certificate(struct reply_reader *reader, struct cursor body)
{
    struct cursor list = cursor_vector(&body, 3);
    if (body.bad || !reader->reply.hello || reader->reply.certificate)
        return -EPROTO;
    memcpy(reader->certificates, list.at, list.left);
    reader->certificates_length = list.left;
    reader->reply.certificate = true;
    return 0;
}

static unsigned bit_length(struct cursor number)
{
    while (number.left && number.at[0] == 0)
        (void)cursor_number(&number, 1);
    unsigned bits = (unsigned)number.left * 8;
    for (unsigned top = number.left ? number.at[0] : 0x80U; !(top & 0x80U); top <<= 1)
        bits--;
    return bits;
}

/* Behind the parameters of a key exchange; before TLS 1.2 none is named, and an anonymous one has
 * no signature. */
static uint16_t read_signature(const struct reply *reply, struct cursor body)
{
    uint16_t code = (uint16_t)cursor_number(&body, 2);
    (void)cursor_vector(&body, 2);
    return body.bad || reply->version != TLS_1_2 ? 0 : code;
}

static int read_key_exchange(struct reply_reader *reader, struct cursor body)
{
    struct reply *reply = &reader->reply;
    if (!reply->hello)
        return -EPROTO;
    enum cipher_parameters parameters = cipher_parameters(reply->suite);
    struct cursor rest = {NULL, 0, true};
    if (parameters == PARAMETERS_ECDH && cursor_number(&body, 1) == NAMED_CURVE) {
        reply->group = (uint16_t)cursor_number(&body, 2);
        rest = body;
        (void)cursor_vector(&rest, 1); /* the point */
    } else if (parameters == PARAMETERS_DH) {
        reply->dh_bits = (uint16_t)bit_length(cursor_vector(&body, 2));
        rest = body;
        (void)cursor_vector(&rest, 2); /* the generator */
        (void)cursor_vector(&rest, 2); /* the public value */
    }
    reply->signature = read_signature(reply, rest);
    return body.bad ? -EPROTO : 0;
}

static int read_hello_done(struct reply_reader *reader, struct cursor body)
{
    (void)body;
    reader->done = true;
    return reader->reply.hello ? 0 : -EPROTO;
}

static const struct message {
    unsigned type;
    int (*read)(struct reply_reader *reader, struct cursor body);
} messages[] = {
    {2, read_hello},
    {11, read_certificate},
    {12, read_key_exchange},
    {14, read_hello_done},
};

/* Other messages after the hello are skipped (a status, a request for a certificate). */
static int read_message(struct reply_reader *reader, unsigned type, struct cursor body)
{
    for (size_t i = 0; i < countof(messages); i++)
        if (messages[i].type == type)
            return messages[i].read(reader, body);
    return reader->reply.hello ? 0 : -EPROTO;
}

static int read_messages(struct reply_reader *reader)
{
    struct cursor rest = {reader->message, reader->message_length, false};
    while (rest.left >= MESSAGE_HEAD && !reader->done) {
        struct cursor head = rest;
        unsigned type = cursor_number(&head, 1);
        size_t size = cursor_number(&head, MESSAGE_HEAD - 1);
        if (size > REPLY_MESSAGE_MAX - MESSAGE_HEAD)
            return -EPROTO;
        if (size > head.left)
            break;
        int error = read_message(reader, type, cursor_take(&head, size));
        if (error)
            return error;
        rest = head;
    }
    memmove(reader->message, rest.at, rest.left);
    reader->message_length = rest.left;
    return 0;
}

/* --- records --- */

static int read_alert(struct reply_reader *reader, struct cursor body)
{
    unsigned level = cursor_number(&body, 1);
    unsigned code = cursor_number(&body, 1);
    if (body.bad || body.left)
        return -EPROTO;
    if (level == ALERT_WARNING && code != ALERT_CLOSE_NOTIFY)
        return 0; /* unrecognized_name, say: the handshake goes on (RFC 6066, 3) */
    reader->reply.alert = true;
    reader->reply.alert_code = (uint8_t)code;
    reader->done = true;
    return 0;
}

static int read_record(struct reply_reader *reader, unsigned type, struct cursor body)
{
    if (type == RECORD_ALERT)
        return read_alert(reader, body);
    if (type == RECORD_CHANGE_CIPHER_SPEC)
        return reader->reply.hello ? 0 : -EPROTO;
    if (type != RECORD_HANDSHAKE || body.left == 0 ||
        body.left > REPLY_MESSAGE_MAX - reader->message_length)
        return -EPROTO;
    memcpy(reader->message + reader->message_length, body.at, body.left);
    reader->message_length += body.left;
    return read_messages(reader);
}

/* How many more bytes make the record whole: of its head first. */
static size_t record_wants(const struct reply_reader *reader)
{
    if (reader->record_length < RECORD_HEAD)
        return RECORD_HEAD - reader->record_length;
    size_t size = (size_t)reader->record[3] << 8 | reader->record[4];
    return RECORD_HEAD + size - reader->record_length;
}

static bool is_record(const struct reply_reader *reader)
{
    struct cursor head = {reader->record, RECORD_HEAD, false};
    unsigned type = cursor_number(&head, 1);
    unsigned major = cursor_number(&head, 1);
    (void)cursor_number(&head, 1);
    return type >= RECORD_CHANGE_CIPHER_SPEC && type <= RECORD_HANDSHAKE && major == RECORD_MAJOR &&
           cursor_number(&head, 2) <= REPLY_RECORD_MAX - RECORD_HEAD;
}

static int take_record(struct reply_reader *reader)
{
    struct cursor body = {reader->record + RECORD_HEAD, reader->record_length - RECORD_HEAD, false};
    reader->record_length = 0;
    return read_record(reader, reader->record[0], body);
}

void reply_begin(struct reply_reader *reader)
{
    reader->reply = (struct reply){.hello = false};
    reader->done = false;
    reader->wire_length = reader->record_length = 0;
    reader->message_length = reader->certificates_length = 0;
}

int reply_feed(struct reply_reader *reader, const void *data, size_t size)
{
    struct cursor wire = {data, size, false};
    reader->wire_length += size;
    while (wire.left && !reader->done) {
        size_t wanted = record_wants(reader);
        struct cursor part = cursor_take(&wire, wanted < wire.left ? wanted : wire.left);
        memcpy(reader->record + reader->record_length, part.at, part.left);
        reader->record_length += part.left;
        if (reader->record_length >= RECORD_HEAD && !is_record(reader))
            return -EPROTO;
        if (record_wants(reader) == 0) {
            int error = take_record(reader);
            if (error)
                return error;
        }
    }
    return reader->done ? 1 : reader->wire_length > REPLY_WIRE_MAX ? -EPROTO : 0;
}
