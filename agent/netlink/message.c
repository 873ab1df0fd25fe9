/* Netlink bytes, built and parsed. Headers are copied in and out: nothing relies on alignment. */
#include "netlink/message.h"

#include <endian.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

/* --- building --- */

static void pad(struct buf *buf)
{
    static const char zeros[NLMSG_ALIGNTO];
    buf_append(buf, zeros, NLMSG_ALIGN(buf->length) - buf->length);
}

size_t netlink_begin(struct buf *buf, const struct netlink_head *head, const void *family,
                     size_t family_size)
{
    size_t begin = buf->length;
    struct nlmsghdr header = {
        .nlmsg_type = head->type, .nlmsg_flags = head->flags, .nlmsg_seq = head->sequence};
    buf_append(buf, &header, sizeof(header));
    buf_append(buf, family, family_size);
    pad(buf);
    return begin;
}

void netlink_end(struct buf *buf, size_t begin)
{
    if (buf_error(buf))
        return;
    uint32_t length = (uint32_t)(buf->length - begin);
    memcpy(buf->data + begin + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof(length));
}

void netlink_put(struct buf *buf, uint16_t type, const void *data, size_t size)
{
    struct nlattr header = {.nla_len = (uint16_t)(sizeof(header) + size), .nla_type = type};
    if (size > UINT16_MAX - sizeof(header)) {
        buf->failed = true;
        return;
    }
    buf_append(buf, &header, sizeof(header));
    buf_append(buf, data, size);
    pad(buf);
}

void netlink_put_string(struct buf *buf, uint16_t type, const char *text)
{
    netlink_put(buf, type, text, strlen(text) + 1);
}

void netlink_put_u8(struct buf *buf, uint16_t type, uint8_t value)
{
    netlink_put(buf, type, &value, sizeof(value));
}

void netlink_put_be16(struct buf *buf, uint16_t type, uint16_t value)
{
    uint16_t bytes = htobe16(value);
    netlink_put(buf, type, &bytes, sizeof(bytes));
}

void netlink_put_be32(struct buf *buf, uint16_t type, uint32_t value)
{
    uint32_t bytes = htobe32(value);
    netlink_put(buf, type, &bytes, sizeof(bytes));
}

void netlink_put_be64(struct buf *buf, uint16_t type, uint64_t value)
{
    uint64_t bytes = htobe64(value);
    netlink_put(buf, type, &bytes, sizeof(bytes));
}

size_t netlink_nest_begin(struct buf *buf, uint16_t type)
{
    size_t begin = buf->length;
    netlink_put(buf, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
    return begin;
}

void netlink_nest_end(struct buf *buf, size_t begin)
{
    if (buf_error(buf))
        return;
    size_t size = buf->length - begin;
    uint16_t length = (uint16_t)size;
    if (size > UINT16_MAX)
        buf->failed = true;
    else
        memcpy(buf->data + begin + offsetof(struct nlattr, nla_len), &length, sizeof(length));
}

/* --- parsing --- */

static void skip(struct netlink_bytes *rest, size_t size)
{
    size_t padded = NLMSG_ALIGN(size);
    if (padded > rest->size)
        padded = rest->size; /* the last one needs no padding */
    rest->data += padded;
    rest->size -= padded;
}

int netlink_next(struct netlink_bytes *rest, struct netlink_message *message)
{
    struct nlmsghdr header;
    if (rest->size == 0)
        return 0;
    if (rest->size < sizeof(header))
        return -EBADMSG;
    memcpy(&header, rest->data, sizeof(header));
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > rest->size)
        return -EBADMSG;
    *message = (struct netlink_message){
        .type = header.nlmsg_type,
        .flags = header.nlmsg_flags,
        .sequence = header.nlmsg_seq,
        .port = header.nlmsg_pid,
        .body = {rest->data + sizeof(header), header.nlmsg_len - sizeof(header)},
    };
    skip(rest, header.nlmsg_len);
    return 1;
}

int netlink_next_attribute(struct netlink_bytes *rest, struct netlink_attribute *attribute)
{
    struct nlattr header;
    if (rest->size == 0)
        return 0;
    if (rest->size < sizeof(header))
        return -EBADMSG;
    memcpy(&header, rest->data, sizeof(header));
    if (header.nla_len < sizeof(header) || header.nla_len > rest->size)
        return -EBADMSG;
    *attribute = (struct netlink_attribute){
        .type = header.nla_type & (uint16_t)NLA_TYPE_MASK,
        .value = {rest->data + sizeof(header), header.nla_len - sizeof(header)},
    };
    skip(rest, header.nla_len);
    return 1;
}

int netlink_take(struct netlink_bytes *rest, void *header, size_t size)
{
    if (rest->size < size)
        return -EBADMSG;
    memcpy(header, rest->data, size);
    skip(rest, size);
    return 0;
}

static int exactly(struct netlink_bytes value, void *to, size_t size)
{
    if (value.size != size)
        return -EBADMSG;
    memcpy(to, value.data, size);
    return 0;
}

int netlink_u8(struct netlink_bytes value, uint8_t *number)
{
    return exactly(value, number, sizeof(*number));
}

int netlink_u32(struct netlink_bytes value, uint32_t *number)
{
    return exactly(value, number, sizeof(*number));
}

int netlink_be16(struct netlink_bytes value, uint16_t *number)
{
    uint16_t bytes = 0;
    int error = exactly(value, &bytes, sizeof(bytes));
    *number = be16toh(bytes);
    return error;
}

int netlink_be32(struct netlink_bytes value, uint32_t *number)
{
    uint32_t bytes = 0;
    int error = exactly(value, &bytes, sizeof(bytes));
    *number = be32toh(bytes);
    return error;
}

int netlink_be64(struct netlink_bytes value, uint64_t *number)
{
    uint64_t bytes = 0;
    int error = exactly(value, &bytes, sizeof(bytes));
    *number = be64toh(bytes);
    return error;
}

int netlink_string(struct netlink_bytes value, char *text, size_t size)
{
    size_t length = value.size;
    text[0] = '\0';
    if (length && value.data[length - 1] == '\0')
        length--;
    if (length >= size)
        return -EBADMSG;
    for (size_t i = 0; i < length; i++)
        if (value.data[i] < ' ' || value.data[i] == 0x7f)
            return -EBADMSG;
    if (length)
        memcpy(text, value.data, length);
    text[length] = '\0';
    return 0;
}

void netlink_name(struct netlink_bytes value, char *text, size_t size)
{
    size_t length = 0;
    for (; length < value.size && length + 1 < size && value.data[length]; length++) {
        uint8_t byte = value.data[length];
        text[length] = byte < ' ' || byte > '~' ? '?' : (char)byte;
    }
    text[length] = '\0';
}

struct netlink_bytes netlink_bytes_of(const struct buf *buf)
{
    return (struct netlink_bytes){(const uint8_t *)buf->data, buf->length};
}
