/* ctnetlink: the kernel's table of flows, as a dump that is read while it comes. */
#include "netlink/conntrack.h"

#include "base/str.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

/* --- reading --- */

static int read_address(struct netlink_bytes value, uint8_t address[CONNTRACK_ADDRESS_SIZE],
                        size_t size)
{
    if (value.size != size)
        return -EBADMSG;
    memcpy(address, value.data, size);
    return 0;
}

static int read_addresses(struct netlink_bytes rest, uint8_t family, struct conntrack_tuple *tuple)
{
    const size_t size = family == AF_INET6 ? 16 : 4;
    const unsigned source = family == AF_INET6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC;
    const unsigned target = family == AF_INET6 ? CTA_IP_V6_DST : CTA_IP_V4_DST;
    struct netlink_attribute attribute;
    unsigned seen = 0;
    int more;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0) {
        bool is_source = attribute.type == source;
        if (!is_source && attribute.type != target)
            continue;
        if (read_address(attribute.value, is_source ? tuple->source : tuple->target, size) < 0)
            return -EBADMSG;
        seen |= is_source ? 1U : 2U;
    }
    return seen == 3 ? more : -EBADMSG;
}

static int read_protocol(struct netlink_bytes rest, struct conntrack_tuple *tuple)
{
    struct netlink_attribute attribute;
    bool seen = false;
    int more;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0) {
        int error = 0;
        if (attribute.type == CTA_PROTO_NUM)
            error = netlink_u8(attribute.value, &tuple->protocol);
        else if (attribute.type == CTA_PROTO_SRC_PORT)
            error = netlink_be16(attribute.value, &tuple->source_port);
        else if (attribute.type == CTA_PROTO_DST_PORT)
            error = netlink_be16(attribute.value, &tuple->target_port);
        else if (attribute.type == CTA_PROTO_ICMP_TYPE || attribute.type == CTA_PROTO_ICMPV6_TYPE)
            error = netlink_u8(attribute.value, &tuple->icmp_type);
        if (error)
            return error;
        seen |= attribute.type == CTA_PROTO_NUM;
    }
    return seen ? more : -EBADMSG;
}

static int read_tuple(struct netlink_bytes rest, uint8_t family, struct conntrack_tuple *tuple)
{
    struct netlink_attribute attribute;
    unsigned seen = 0;
    int more;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0) {
        int error = 0;
        if (attribute.type == CTA_TUPLE_IP)
            error = read_addresses(attribute.value, family, tuple);
        else if (attribute.type == CTA_TUPLE_PROTO)
            error = read_protocol(attribute.value, tuple);
        if (error)
            return error;
        seen |= attribute.type == CTA_TUPLE_IP ? 1U : attribute.type == CTA_TUPLE_PROTO ? 2U : 0U;
    }
    return seen == 3 ? more : -EBADMSG;
}

static int keep_key(struct netlink_bytes value, struct conntrack_flow *flow)
{
    if (value.size > sizeof(flow->key))
        return -EBADMSG;
    memcpy(flow->key, value.data, value.size);
    flow->key_size = (uint16_t)value.size;
    return 0;
}

static int read_attribute(const struct netlink_attribute *attribute, struct conntrack_flow *flow,
                          unsigned *seen)
{
    uint32_t status = 0;
    int error = 0;
    switch (attribute->type) {
    case CTA_TUPLE_ORIG:
        *seen |= 1U;
        error = keep_key(attribute->value, flow);
        return error ? error : read_tuple(attribute->value, flow->family, &flow->original);
    case CTA_TUPLE_REPLY:
        *seen |= 2U;
        return read_tuple(attribute->value, flow->family, &flow->reply);
    case CTA_ID:
        return netlink_be32(attribute->value, &flow->id);
    case CTA_ZONE:
        return netlink_be16(attribute->value, &flow->zone);
    case CTA_STATUS:
        error = netlink_be32(attribute->value, &status);
        flow->dying = (status & IPS_DYING) != 0;
        return error;
    default:
        return 0;
    }
}

int conntrack_read(struct netlink_bytes attributes, uint8_t family, struct conntrack_flow *flow)
{
    struct netlink_attribute attribute;
    unsigned seen = 0;
    int more, error = 0;
    *flow = (struct conntrack_flow){.family = family};
    if (family != AF_INET && family != AF_INET6)
        return -EBADMSG;
    while (error == 0 && (more = netlink_next_attribute(&attributes, &attribute)) != 0)
        error = more < 0 ? more : read_attribute(&attribute, flow, &seen);
    return error == 0 && seen != 3 ? -EBADMSG : error;
}

/* --- the kernel --- */

static uint16_t type_of(unsigned message)
{
    return (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

static size_t begin(struct netlink *netlink, struct buf *buf, unsigned message, unsigned flags,
                    uint8_t family)
{
    struct nfgenmsg header = {.nfgen_family = family, .version = NFNETLINK_V0};
    struct netlink_head head = {.type = type_of(message),
                                .flags = (uint16_t)(NLM_F_REQUEST | flags),
                                .sequence = ++netlink->sequence};
    return netlink_begin(buf, &head, &header, sizeof(header));
}

/* The one number of the answer, which the acknowledgement follows. */
static int read_count(const struct buf *reply, uint32_t *count)
{
    struct netlink_bytes rest = netlink_bytes_of(reply);
    struct netlink_message message;
    struct netlink_attribute attribute;
    struct nfgenmsg header;
    if (netlink_next(&rest, &message) <= 0 || message.type != type_of(IPCTNL_MSG_CT_GET_STATS) ||
        netlink_take(&message.body, &header, sizeof(header)) < 0)
        return -EBADMSG;
    while (netlink_next_attribute(&message.body, &attribute) > 0)
        if (attribute.type == CTA_STATS_GLOBAL_ENTRIES)
            return netlink_be32(attribute.value, count);
    return -EBADMSG;
}

int conntrack_count(struct netlink *netlink, uint32_t *count)
{
    struct buf request = {0}, reply = {0};
    netlink_end(&request, begin(netlink, &request, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC));
    int error = netlink_request(netlink, &request, &reply);
    if (error == 0)
        error = read_count(&reply, count);
    buf_free(&request);
    buf_free(&reply);
    return error;
}

struct walk {
    int (*each)(void *context, const struct conntrack_flow *flow);
    void *context;
};

static int each_message(void *context, const struct netlink_message *message)
{
    const struct walk *walk = context;
    struct netlink_bytes rest = message->body;
    struct nfgenmsg header;
    struct conntrack_flow flow;
    if (message->type != type_of(IPCTNL_MSG_CT_NEW))
        return 0;
    if (netlink_take(&rest, &header, sizeof(header)) < 0)
        return -EBADMSG;
    int error = conntrack_read(rest, header.nfgen_family, &flow);
    if (error)
        return error;
    return flow.dying ? 0 : walk->each(walk->context, &flow);
}

int conntrack_each(struct netlink *netlink,
                   int (*each)(void *context, const struct conntrack_flow *flow), void *context)
{
    struct walk walk = {each, context};
    struct buf request = {0};
    netlink_end(&request, begin(netlink, &request, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC));
    int error = netlink_dump(netlink, &request, each_message, &walk);
    buf_free(&request);
    return error;
}

int conntrack_delete(struct netlink *netlink, const struct conntrack_flow *flow)
{
    struct buf request = {0}, reply = {0};
    size_t at = begin(netlink, &request, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, flow->family);
    netlink_put(&request, CTA_TUPLE_ORIG | NLA_F_NESTED, flow->key, flow->key_size);
    netlink_put_be32(&request, CTA_ID, flow->id);
    if (flow->zone)
        netlink_put_be16(&request, CTA_ZONE, flow->zone);
    netlink_end(&request, at);
    int error = netlink_request(netlink, &request, &reply);
    buf_free(&request);
    buf_free(&reply);
    return error == -ENOENT ? 0 : error;
}
