/* Records, message and extensions, all by one kind of cursor. */
#include "serve/client_hello.h"

#include "base/cursor.h"

#include <errno.h>
#include <string.h>

enum {
    RECORD_HANDSHAKE = 22,
    RECORD_HEAD = 5,
    RECORD_MAX = 16384,
    MESSAGE_CLIENT_HELLO = 1,
    MESSAGE_HEAD = 4,
    RANDOM_SIZE = 32,
    SESSION_ID_MAX = 32,
    MAJOR_VERSION = 3,
    FALLBACK_SCSV = 0x5600,
    EXTENSION_GROUPS = 10,
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

/* --- the records --- */

/* Appends what one record carries; -EAGAIN when it is not all there. */
static int take_record(struct cursor *wire, unsigned char *message, size_t *length)
{
    if (wire->left && wire->at[0] != RECORD_HANDSHAKE)
        return -EBADMSG;
    if (wire->left < RECORD_HEAD)
        return -EAGAIN;
    struct cursor head = cursor_take(wire, RECORD_HEAD);
    (void)cursor_number(&head, 1);
    bool known = cursor_number(&head, 1) == MAJOR_VERSION;
    (void)cursor_number(&head, 1);
    size_t size = cursor_number(&head, 2);
    if (!known || size == 0 || size > RECORD_MAX)
        return -EBADMSG;
    size_t here = size < wire->left ? size : wire->left;
    size_t room = CLIENT_HELLO_MAX - *length;
    size_t taken = here < room ? here : room;
    memcpy(message + *length, wire->at, taken);
    *length += taken;
    (void)cursor_take(wire, here);
    return here == size ? 0 : -EAGAIN;
}

/* The message's own length, head included; 0 when not even that is there. */
static size_t message_size(const unsigned char *message, size_t length)
{
    struct cursor head = {message, length, false};
    (void)cursor_number(&head, 1);
    size_t size = cursor_number(&head, MESSAGE_HEAD - 1);
    return head.bad ? 0 : size + MESSAGE_HEAD;
}

static int gather(const void *data, size_t size, unsigned char *message, size_t *message_length)
{
    struct cursor wire = {data, size, false};
    size_t length = 0;
    for (int state = 0; state == 0;) {
        state = take_record(&wire, message, &length);
        if (state == -EBADMSG || (length && message[0] != MESSAGE_CLIENT_HELLO))
            return -EBADMSG;
        size_t whole = message_size(message, length);
        if (whole > CLIENT_HELLO_MAX)
            return -EBADMSG;
        if (whole && length >= whole) {
            *message_length = whole;
            return 0;
        }
    }
    return size < CLIENT_HELLO_WIRE_MAX ? -EAGAIN : -EBADMSG;
}

/* --- the extensions --- */

static void read_versions(struct client_hello *hello, struct cursor body)
{
    struct cursor list = cursor_vector(&body, 1);
    struct hello_codes versions = as_codes(&list);
    hello->version = 0;
    for (size_t i = 0; i < versions.count; i++) {
        uint16_t version = code_at(&versions, i);
        if (version <= CLIENT_HELLO_VERSION_LIMIT && version > hello->version)
            hello->version = version;
    }
}

static void read_groups(struct client_hello *hello, struct cursor body)
{
    struct cursor list = cursor_vector(&body, 2);
    hello->groups = as_codes(&list);
}

static void read_shares(struct client_hello *hello, struct cursor body)
{
    struct cursor list = cursor_vector(&body, 2);
    while (list.left && hello->share_count < CLIENT_HELLO_SHARES_MAX) {
        uint16_t group = (uint16_t)cursor_number(&list, 2);
        (void)cursor_vector(&list, 2);
        if (!list.bad)
            hello->shares[hello->share_count++] = group;
    }
}

static const struct extension {
    unsigned type;
    void (*read)(struct client_hello *hello, struct cursor body);
} extensions[] = {
    {EXTENSION_GROUPS,    read_groups  },
    {EXTENSION_VERSIONS,  read_versions},
    {EXTENSION_KEY_SHARE, read_shares  },
};

/* A list within an extension that runs over its end counts as empty: the TLS stack, which gets the
 * same bytes, refuses it with the alert that is due. */
static void read_extension(struct client_hello *hello, struct cursor *list)
{
    unsigned type = cursor_number(list, 2);
    struct cursor body = cursor_vector(list, 2);
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]) && !body.bad; i++)
        if (extensions[i].type == type)
            extensions[i].read(hello, body);
}

static int parse(struct client_hello *hello, const unsigned char *message, size_t length)
{
    struct cursor rest = {message + MESSAGE_HEAD, length - MESSAGE_HEAD, false};
    *hello = (struct client_hello){.version = (uint16_t)cursor_number(&rest, 2)};
    if (hello->version >= CLIENT_HELLO_VERSION_LIMIT) /* TLS 1.3 stands in its extension alone */
        hello->version = CLIENT_HELLO_VERSION_LIMIT - 1;
    (void)cursor_take(&rest, RANDOM_SIZE);
    rest.bad |= cursor_vector(&rest, 1).left > SESSION_ID_MAX;
    struct cursor suites = cursor_vector(&rest, 2);
    hello->suites = as_codes(&suites);
    (void)cursor_vector(&rest, 1); /* compression methods */
    if (rest.bad || suites.bad)
        return -EBADMSG;
    hello->fallback = client_hello_lists(&hello->suites, FALLBACK_SCSV);
    if (rest.left == 0)
        return 0; /* before TLS 1.2 there may be no extensions at all */
    struct cursor list = cursor_vector(&rest, 2);
    while (list.left)
        read_extension(hello, &list);
    return list.bad || rest.left ? -EBADMSG : 0;
}

/* --- what others call --- */

int client_hello_read(struct client_hello *hello, const void *wire, size_t size,
                      unsigned char message[CLIENT_HELLO_MAX])
{
    size_t length;
    int error = gather(wire, size, message, &length);
    return error ? error : parse(hello, message, length);
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
