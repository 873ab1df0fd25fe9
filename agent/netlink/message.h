/*
 * Netlink bytes: a builder of messages and attributes over a struct buf, and a parser that never
 * looks past what it was given. No socket, no meaning.
 *
 * Source: the kernel's Documentation/userspace-api/netlink/intro.rst and linux/netlink.h: messages
 * and attributes begin on multiples of four bytes and carry their own length.
 */
#ifndef HOLDFAST_NETLINK_MESSAGE_H
#define HOLDFAST_NETLINK_MESSAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- building: failures stick in the buffer (buf_error) --- */

struct netlink_head {
    uint16_t type, flags;
    uint32_t sequence;
};

/* Begins a message with its family's own header; returns the place that netlink_end needs. */
size_t netlink_begin(struct buf *buf, const struct netlink_head *head, const void *family,
                     size_t family_size);
void netlink_end(struct buf *buf, size_t begin);

void netlink_put(struct buf *buf, uint16_t type, const void *data, size_t size);
void netlink_put_string(struct buf *buf, uint16_t type, const char *text);
void netlink_put_u8(struct buf *buf, uint16_t type, uint8_t value);

/* Numbers in network byte order, as nf_tables has them (linux/netfilter/nf_tables.h). */
void netlink_put_be16(struct buf *buf, uint16_t type, uint16_t value);
void netlink_put_be32(struct buf *buf, uint16_t type, uint32_t value);
void netlink_put_be64(struct buf *buf, uint16_t type, uint64_t value);

/* Attributes within an attribute. */
size_t netlink_nest_begin(struct buf *buf, uint16_t type);
void netlink_nest_end(struct buf *buf, size_t begin);

/* --- parsing: each length is checked against the bytes left --- */

/* Borrowed bytes. */
struct netlink_bytes {
    const uint8_t *data;
    size_t size;
};

struct netlink_message {
    uint16_t type, flags;
    uint32_t sequence, port;
    struct netlink_bytes body; /* behind the header, without padding */
};

struct netlink_attribute {
    uint16_t type; /* without the flags for nesting and byte order */
    struct netlink_bytes value;
};

/* Cuts the next message or attribute off `rest`: 1, 0 when nothing is left, -EBADMSG when the
 * bytes are none. */
int netlink_next(struct netlink_bytes *rest, struct netlink_message *message);
int netlink_next_attribute(struct netlink_bytes *rest, struct netlink_attribute *attribute);

/* Cuts the family's own header off a message's body: 0 or -EBADMSG when it is too short. */
int netlink_take(struct netlink_bytes *rest, void *header, size_t size);

/* A value of exactly that size: 0 or -EBADMSG. */
int netlink_u8(struct netlink_bytes value, uint8_t *number);
int netlink_u32(struct netlink_bytes value, uint32_t *number); /* host byte order */
int netlink_be16(struct netlink_bytes value, uint16_t *number);
int netlink_be32(struct netlink_bytes value, uint32_t *number);
int netlink_be64(struct netlink_bytes value, uint64_t *number);

/* A string, with or without its NUL; -EBADMSG when it does not fit or has a NUL or a control
 * character within. */
int netlink_string(struct netlink_bytes value, char *text, size_t size);

/* A name for people and comparison: what does not fit is cut, control characters become '?'. */
void netlink_name(struct netlink_bytes value, char *text, size_t size);

/* The messages in a buffer that netlink_request filled. */
struct netlink_bytes netlink_bytes_of(const struct buf *buf);

#endif
