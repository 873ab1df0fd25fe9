/* Netlink sockets. The kernel answers within sendto(2): the reply can be read at once. */
#include "netlink/socket.h"

#include "netlink/message.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    RECEIVE_BYTES = 65536, /* at once: the kernel fills at most 32 KiB of a dump in one message */
    REPLY_BYTES_MAX = 64 << 20,
    TIMEOUT_S = 5,
    DUMP_TRIES = 10,
    SEND_OVERHEAD = 4096 /* of the send buffer, for the kernel's own bookkeeping */
};

static int fail(struct netlink *netlink, int error, const char *what)
{
    (void)snprintf(netlink->why, sizeof(netlink->why), "%s: %s", what, strerror(-error));
    return error;
}

int netlink_open(struct netlink *netlink, int protocol)
{
    static const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    static const int on = 1;
    *netlink = (struct netlink){.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)};
    if (netlink->fd < 0)
        return fail(netlink, -errno, "cannot open a netlink socket");
    /* Neither option is needed to work: without them errors say less, and a hang lasts longer. */
    (void)setsockopt(netlink->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
    (void)setsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
    (void)setsockopt(netlink->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    return 0;
}

void netlink_close(struct netlink *netlink)
{
    if (netlink->fd > 0)
        close(netlink->fd);
    netlink->fd = -1;
}

/* The kernel passes over sockets without an address of their own, which others get with the first
 * message that they send. Binding again to one's address is no error. */
int netlink_subscribe(struct netlink *netlink, unsigned group)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof(own);
    if (getsockname(netlink->fd, (struct sockaddr *)&own, &size) < 0 ||
        bind(netlink->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
        return fail(netlink, -errno, "cannot bind the netlink socket");
    if (setsockopt(netlink->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
        return fail(netlink, -errno, "cannot subscribe to the kernel's announcements");
    return 0;
}

static int send_all(struct netlink *netlink, const struct buf *buf)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent =
        sendto(netlink->fd, buf->data, buf->length, 0, (struct sockaddr *)&kernel, sizeof(kernel));
    if (sent < 0)
        return fail(netlink, -errno, "cannot send to the kernel");
    return (size_t)sent == buf->length ? 0 : fail(netlink, -EIO, "cannot send to the kernel");
}

/* Appends one datagram from the kernel to `reply`; what another process sent is passed over. */
static int receive(struct netlink *netlink, struct buf *reply, int flags)
{
    struct sockaddr_nl from = {0};
    ssize_t got;
    do {
        if (buf_reserve(reply, RECEIVE_BYTES) < 0 || reply->length > REPLY_BYTES_MAX)
            return fail(netlink, -ENOMEM, "the kernel's reply is too long");
        struct iovec place = {reply->data + reply->length, RECEIVE_BYTES};
        struct msghdr message = {
            .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &place, .msg_iovlen = 1};
        got = recvmsg(netlink->fd, &message, flags);
        if (got >= 0 && (message.msg_flags & MSG_TRUNC))
            return fail(netlink, -EMSGSIZE, "the kernel's reply was truncated");
    } while ((got < 0 && errno == EINTR) || (got >= 0 && from.nl_pid != 0));
    if (got < 0)
        return fail(netlink, errno == EAGAIN ? -ETIMEDOUT : -errno, "no reply from the kernel");
    reply->length += (size_t)got;
    reply->data[reply->length] = '\0';
    return 0;
}

/* The words of an extended acknowledgement stand in attributes behind the error. */
static void read_why(struct netlink *netlink, int error, const struct netlink_message *message,
                     struct netlink_bytes rest)
{
    char words[NETLINK_WHY_SIZE / 2] = "";
    struct nlmsghdr request;
    struct netlink_attribute attribute;
    const char *reason = strerror(-error);
    bool capped = message->flags & NLM_F_CAPPED;
    if ((message->flags & NLM_F_ACK_TLVS) && netlink_take(&rest, &request, sizeof(request)) == 0 &&
        (capped || request.nlmsg_len >= sizeof(request))) {
        size_t copied = capped ? 0 : NLMSG_ALIGN(request.nlmsg_len) - sizeof(request);
        rest.data += copied < rest.size ? copied : rest.size;
        rest.size -= copied < rest.size ? copied : rest.size;
        while (netlink_next_attribute(&rest, &attribute) > 0)
            if (attribute.type == NLMSGERR_ATTR_MSG)
                (void)netlink_string(attribute.value, words, sizeof(words));
    }
    (void)snprintf(netlink->why, sizeof(netlink->why), words[0] ? "%s (%s)" : "%s", reason, words);
}

/* An error message: its code (0 is an acknowledgement), or -EBADMSG. */
static int read_error(struct netlink *netlink, const struct netlink_message *message)
{
    struct netlink_bytes rest = message->body;
    int32_t code;
    if (netlink_take(&rest, &code, sizeof(code)) < 0 || code > 0)
        return fail(netlink, -EBADMSG, "the kernel's acknowledgement is malformed");
    if (code < 0)
        read_why(netlink, code, message, rest);
    return code;
}

/* A dump's end has an error code too. */
static int read_done(struct netlink *netlink, const struct netlink_message *message)
{
    return message->body.size < sizeof(int32_t) ? 0 : read_error(netlink, message);
}

/* Looks at what one datagram brought: 1 when the reply is complete, 0 when more is to come. */
static int scan(struct netlink *netlink, struct netlink_bytes rest, bool *interrupted)
{
    struct netlink_message message;
    int more;
    while ((more = netlink_next(&rest, &message)) > 0) {
        int error = 0;
        if (message.sequence != netlink->sequence)
            continue;
        *interrupted |= (message.flags & NLM_F_DUMP_INTR) != 0;
        if (message.type == NLMSG_ERROR)
            error = read_error(netlink, &message);
        else if (message.type == NLMSG_DONE)
            error = read_done(netlink, &message);
        else
            continue;
        return error ? error : 1;
    }
    return more < 0 ? fail(netlink, more, "the kernel's reply is malformed") : 0;
}

static int request_once(struct netlink *netlink, const struct buf *request, struct buf *reply,
                        bool *interrupted)
{
    int done = buf_error(request);
    *interrupted = false;
    if (done == 0)
        done = send_all(netlink, request);
    while (done == 0) {
        size_t before = reply->length;
        done = receive(netlink, reply, 0);
        if (done == 0)
            done = scan(netlink,
                        (struct netlink_bytes){(const uint8_t *)reply->data + before,
                                               reply->length - before},
                        interrupted);
    }
    return done < 0 ? done : 0;
}

int netlink_request(struct netlink *netlink, const struct buf *request, struct buf *reply)
{
    for (int i = 0; i < DUMP_TRIES; i++) {
        bool interrupted;
        buf_clear(reply);
        int error = request_once(netlink, request, reply, &interrupted);
        if (error < 0 || !interrupted)
            return error;
    }
    return fail(netlink, -EINTR, "the kernel's tables change too fast to be read");
}

/* The messages of one datagram; 1 when the dump is complete, 0 when more is to come. */
static int show(struct netlink *netlink, struct netlink_bytes rest,
                int (*each)(void *context, const struct netlink_message *message), void *context)
{
    struct netlink_message message;
    bool interrupted = false;
    struct netlink_bytes all = rest;
    int done = scan(netlink, all, &interrupted);
    while (done >= 0 && netlink_next(&rest, &message) > 0) {
        if (message.sequence != netlink->sequence || message.type < NLMSG_MIN_TYPE)
            continue;
        int error = each(context, &message);
        if (error == -EBADMSG)
            return fail(netlink, error, "the kernel's reply is malformed");
        if (error)
            return fail(netlink, error, "the kernel's reply cannot be kept");
    }
    return done;
}

int netlink_dump(struct netlink *netlink, const struct buf *request,
                 int (*each)(void *context, const struct netlink_message *message), void *context)
{
    struct buf reply = {0};
    int done = buf_error(request);
    if (done == 0)
        done = send_all(netlink, request);
    while (done == 0) {
        buf_clear(&reply);
        done = receive(netlink, &reply, 0);
        if (done == 0)
            done = show(netlink, netlink_bytes_of(&reply), each, context);
    }
    buf_free(&reply);
    return done < 0 ? done : 0;
}

int netlink_dump_whole(struct netlink *netlink, const struct buf *request,
                       int (*each)(void *context, const struct netlink_message *message),
                       void *context)
{
    struct buf reply = {0};
    int error = netlink_request(netlink, request, &reply);
    if (error == 0)
        error = show(netlink, netlink_bytes_of(&reply), each, context);
    buf_free(&reply);
    return error < 0 ? error : 0;
}

static void make_room(const struct netlink *netlink, size_t size)
{
    int bytes = size > REPLY_BYTES_MAX ? REPLY_BYTES_MAX : (int)size + SEND_OVERHEAD;
    if (setsockopt(netlink->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
        (void)setsockopt(netlink->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* The first refusal in a datagram wins; `acknowledged` is set by any answer at all. */
static int scan_batch(struct netlink *netlink, struct netlink_bytes rest, bool *acknowledged,
                      uint32_t *failed)
{
    struct netlink_message message;
    while (netlink_next(&rest, &message) > 0) {
        if (message.type != NLMSG_ERROR)
            continue;
        *acknowledged = true;
        int error = read_error(netlink, &message);
        if (error) {
            *failed = message.sequence;
            return error;
        }
    }
    return 0;
}

int netlink_batch(struct netlink *netlink, const struct buf *batch, uint32_t *failed)
{
    struct buf reply = {0};
    bool acknowledged = false;
    int error = buf_error(batch);
    *failed = 0;
    make_room(netlink, batch->length);
    if (error == 0)
        error = send_all(netlink, batch);
    while (error == 0) {
        buf_clear(&reply);
        error = receive(netlink, &reply, acknowledged ? MSG_DONTWAIT : 0);
        if (error == -ETIMEDOUT && acknowledged) {
            error = 0;
            break;
        }
        if (error == 0)
            error = scan_batch(netlink, netlink_bytes_of(&reply), &acknowledged, failed);
    }
    buf_free(&reply);
    return error;
}
