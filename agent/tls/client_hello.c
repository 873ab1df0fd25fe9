/* Records, message and extensions, all by one kind of cursor. */
#include "tls/client_hello.h"

#include "base/cursor.h"
#include "tls/tls_alert.h"

#include <errno.h>
#include <string.h>

enum {
    RECORD_FIRST = 20, /* of the types that TLS has */
    RECORD_HANDSHAKE = 22,
    RECORD_LAST = 24,
    RECORD_HEAD = 5,
    RECORD_MAX = 16384,
    MESSAGE_CLIENT_HELLO = 1,
    MESSAGE_HEAD = 4,
    RANDOM_SIZE = 32,
    SESSION_ID_MAX = 32,
    MAJOR_VERSION = 3,
    FALLBACK_SCSV = 0x5600,
    VERSION_TLS13 = 0x0304,
    COMPRESSION_NONE = 0,
    EXTENSION_TYPES = 65536,
    EXTENSION_GROUPS = 10,
    EXTENSION_SIGNATURES = 13,
    EXTENSION_MASTER_SECRET = 23,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_VERSIONS = 43,
    EXTENSION_KEY_SHARE = 51
};

static struct hello_codes as_codes(struct cursor *from)
{
    from->bad |= from->left % 2 != 0;
    return (struct hello_codes){from->at, from->left / 2};
}

static uint16_t code_at(const struct hello_codes *codes, size_t index)
{
    return (uint16_t)(codes->data[2 * index] << 8 | codes->data[2 * index + 1]);
}

static int refuse(struct client_hello *hello, unsigned char alert)
{
    hello->alert = alert;
    return -EBADMSG;
}

/* --- the records --- */

/* The bytes assembled so far; more are announced than are there while a record is incomplete. */
struct gathered {
    unsigned char *message;
    size_t length, announced;
};

/* The size of a record; 0 when its head is not all there, or it is refused. */
static size_t read_head(struct client_hello *hello, struct cursor *wire)
{
    unsigned type = wire->left ? wire->at[0] : RECORD_HANDSHAKE;
    bool tls = type >= RECORD_FIRST && type <= RECORD_LAST && wire->left >= RECORD_HEAD &&
               wire->at[1] == MAJOR_VERSION;
    if (type != RECORD_HANDSHAKE)
        hello->alert = tls ? TLS_ALERT_UNEXPECTED_MESSAGE : TLS_ALERT_NONE;
    if (wire->left < RECORD_HEAD || !tls || type != RECORD_HANDSHAKE)
        return 0;
    struct cursor head = cursor_take(wire, RECORD_HEAD);
    (void)cursor_take(&head, 3);
    size_t size = cursor_number(&head, 2);
    if (size == 0)
        hello->alert = TLS_ALERT_UNEXPECTED_MESSAGE;
    if (size > RECORD_MAX)
        hello->alert = TLS_ALERT_RECORD_OVERFLOW;
    return size > RECORD_MAX ? 0 : size;
}

/* Appends what one record carries; -EAGAIN when it is not all there. */
static int take_record(struct client_hello *hello, struct cursor *wire, struct gathered *to)
{
    bool waits = wire->left < RECORD_HEAD && (wire->left == 0 || wire->at[0] == RECORD_HANDSHAKE);
    size_t size = read_head(hello, wire);
    if (size == 0)
        return waits ? -EAGAIN : -EBADMSG;
    size_t here = size < wire->left ? size : wire->left;
    size_t room = CLIENT_HELLO_MAX - to->length;
    size_t taken = here < room ? here : room;
    memcpy(to->message + to->length, wire->at, taken);
    to->length += taken;
    to->announced += size;
    (void)cursor_take(wire, here);
    return here == size ? 0 : -EAGAIN;
}

/* The message's own length, head included; 0 when not even that is there. */
static size_t message_size(const struct gathered *from)
{
    struct cursor head = {from->message, from->length, false};
    (void)cursor_number(&head, 1);
    size_t size = cursor_number(&head, MESSAGE_HEAD - 1);
    return head.bad ? 0 : size + MESSAGE_HEAD;
}

/* Nothing may share a record with a message behind which the keys change (RFC 8446, 5.1). */
static int gather(struct client_hello *hello, const void *data, size_t size, unsigned char *message)
{
    struct cursor wire = {data, size, false};
    struct gathered gathered = {.message = message};
    for (int state = 0; state == 0;) {
        state = take_record(hello, &wire, &gathered);
        if (state == -EBADMSG)
            return state;
        if (gathered.length && message[0] != MESSAGE_CLIENT_HELLO)
            return refuse(hello, TLS_ALERT_UNEXPECTED_MESSAGE);
        size_t whole = message_size(&gathered);
        if (whole > CLIENT_HELLO_MAX)
            return refuse(hello, TLS_ALERT_ILLEGAL_PARAMETER);
        if (whole && gathered.announced > whole)
            return refuse(hello, TLS_ALERT_UNEXPECTED_MESSAGE);
        if (whole && gathered.length == whole) {
            hello->message_length = whole;
            hello->wire_length = size - wire.left;
            return 0;
        }
    }
    return size < CLIENT_HELLO_WIRE_MAX ? -EAGAIN : refuse(hello, TLS_ALERT_DECODE_ERROR);
}

/* --- the extensions --- */

static void read_versions(struct client_hello *hello, struct cursor *body)
{
    struct cursor list = cursor_vector(body, 1);
    struct hello_codes versions = as_codes(&list);
    body->bad |= list.bad || versions.count == 0;
    hello->version = 0;
    for (size_t i = 0; i < versions.count; i++) {
        uint16_t version = code_at(&versions, i);
        if (version <= CLIENT_HELLO_VERSION_LIMIT && version > hello->version)
            hello->version = version;
    }
}

static void read_groups(struct client_hello *hello, struct cursor *body)
{
    struct cursor list = cursor_vector(body, 2);
    hello->groups = as_codes(&list);
    body->bad |= list.bad || hello->groups.count == 0;
}

static void read_signatures(struct client_hello *hello, struct cursor *body)
{
    struct cursor list = cursor_vector(body, 2);
    struct hello_codes signatures = as_codes(&list);
    body->bad |= list.bad || signatures.count == 0;
    hello->signatures = true;
}

static void read_master_secret(struct client_hello *hello, struct cursor *body)
{
    (void)body; /* it is empty, which is looked at behind every extension */
    hello->extended_master_secret = true;
}

/* What it announces is skipped by the stack. */
static void read_early_data(struct client_hello *hello, struct cursor *body)
{
    (void)hello;
    (void)body; /* empty, as above */
}

static void read_shares(struct client_hello *hello, struct cursor *body)
{
    struct cursor list = cursor_vector(body, 2);
    while (list.left && !list.bad) {
        uint16_t group = (uint16_t)cursor_number(&list, 2);
        (void)cursor_vector(&list, 2);
        if (!list.bad && hello->share_count < CLIENT_HELLO_SHARES_MAX)
            hello->shares[hello->share_count++] = group;
    }
    body->bad |= list.bad;
}

static const struct extension {
    unsigned type;
    void (*read)(struct client_hello *hello, struct cursor *body);
} extensions[] = {
    {EXTENSION_GROUPS, read_groups},
    {EXTENSION_SIGNATURES, read_signatures},
    {EXTENSION_MASTER_SECRET, read_master_secret},
    {EXTENSION_EARLY_DATA, read_early_data},
    {EXTENSION_VERSIONS, read_versions},
    {EXTENSION_KEY_SHARE, read_shares},
};

/* One extension; a known one is parsed to its end. */
static void read_extension(struct client_hello *hello, unsigned type, struct cursor *body)
{
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        if (extensions[i].type == type) {
            extensions[i].read(hello, body);
            body->bad |= body->left != 0;
        }
}

/* Each type once (RFC 8446, 4.2; RFC 5246, 7.4.1.4). */
static int read_extensions(struct client_hello *hello, struct cursor *list)
{
    unsigned char seen[EXTENSION_TYPES / 8] = {0};
    while (list->left) {
        unsigned type = cursor_number(list, 2);
        struct cursor body = cursor_vector(list, 2);
        if (list->bad || body.bad)
            return refuse(hello, TLS_ALERT_DECODE_ERROR);
        if (seen[type / 8] >> type % 8 & 1)
            return refuse(hello, TLS_ALERT_ILLEGAL_PARAMETER);
        seen[type / 8] |= (unsigned char)(1 << type % 8);
        read_extension(hello, type, &body);
        if (body.bad)
            return refuse(hello, TLS_ALERT_DECODE_ERROR);
    }
    return 0;
}

/* No compression is always among them (RFC 5246, 7.4.1.2), and in TLS 1.3 alone (RFC 8446,
 * 4.1.2). */
static bool compression_is_lawful(const struct client_hello *hello, const struct cursor *methods)
{
    if (hello->version == VERSION_TLS13 && methods->left != 1)
        return false;
    return memchr(methods->at, COMPRESSION_NONE, methods->left) != NULL;
}

static int parse(struct client_hello *hello, const unsigned char *message)
{
    struct cursor rest = {message + MESSAGE_HEAD, hello->message_length - MESSAGE_HEAD, false};
    hello->version = hello->legacy_version = (uint16_t)cursor_number(&rest, 2);
    if (hello->version >= CLIENT_HELLO_VERSION_LIMIT) /* TLS 1.3 stands in its extension alone */
        hello->version = CLIENT_HELLO_VERSION_LIMIT - 1;
    (void)cursor_take(&rest, RANDOM_SIZE);
    rest.bad |= cursor_vector(&rest, 1).left > SESSION_ID_MAX;
    struct cursor suites = cursor_vector(&rest, 2);
    hello->suites = as_codes(&suites);
    struct cursor methods = cursor_vector(&rest, 1);
    if (rest.bad || suites.bad || hello->suites.count == 0 || methods.left == 0)
        return refuse(hello, TLS_ALERT_DECODE_ERROR);
    hello->fallback = client_hello_lists(&hello->suites, FALLBACK_SCSV);
    if (rest.left) { /* there may be no extensions at all (RFC 5246, 7.4.1.4) */
        struct cursor list = cursor_vector(&rest, 2);
        if (rest.bad || rest.left)
            return refuse(hello, TLS_ALERT_DECODE_ERROR);
        int error = read_extensions(hello, &list);
        if (error)
            return error;
    }
    if (!compression_is_lawful(hello, &methods))
        return refuse(hello, TLS_ALERT_ILLEGAL_PARAMETER);
    return 0;
}

/* --- what others call --- */

int client_hello_read(struct client_hello *hello, const void *wire, size_t size,
                      unsigned char message[CLIENT_HELLO_MAX])
{
    *hello = (struct client_hello){0};
    int error = gather(hello, wire, size, message);
    return error ? error : parse(hello, message);
}

bool client_hello_lists(const struct hello_codes *codes, uint16_t code)
{
    for (size_t i = 0; i < codes->count; i++)
        if (code_at(codes, i) == code)
            return true;
    return false;
}

bool client_hello_shares(const struct client_hello *hello, uint16_t group)
{
    for (size_t i = 0; i < hello->share_count; i++)
        if (hello->shares[i] == group)
            return true;
    return false;
}
