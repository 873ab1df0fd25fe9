/* rtnetlink: the addresses of all interfaces, by one dump. */
#include "netlink/addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* IFA_ADDRESS is the other end's on a link of two; IFA_LOCAL, where it stands, is our own. */
int addresses_read_one(struct netlink_bytes body, struct addresses_one *address)
{
    struct ifaddrmsg header;
    struct netlink_attribute attribute;
    bool found = false, local = false;
    int more;
    *address = (struct addresses_one){.family = AF_UNSPEC};
    if (netlink_take(&body, &header, sizeof(header)) < 0)
        return -EBADMSG;
    if (header.ifa_family != AF_INET && header.ifa_family != AF_INET6)
        return 0;
    const size_t size = header.ifa_family == AF_INET6 ? 16 : 4;
    while ((more = netlink_next_attribute(&body, &attribute)) > 0) {
        bool own = attribute.type == IFA_LOCAL;
        if ((!own && attribute.type != IFA_ADDRESS) || (local && !own))
            continue;
        if (attribute.value.size != size)
            return -EBADMSG;
        memcpy(address->byte, attribute.value.data, size);
        local = own;
        found = true;
    }
    address->family = header.ifa_family;
    return more < 0 ? more : found;
}

static int keep(struct addresses *addresses, const struct addresses_one *address)
{
    enum { FIRST = 8 };
    if (addresses->count == addresses->capacity) {
        size_t capacity = addresses->capacity ? addresses->capacity * 2 : FIRST;
        struct addresses_one *list = realloc(addresses->list, capacity * sizeof(*list));
        if (!list)
            return -ENOMEM;
        addresses->list = list;
        addresses->capacity = capacity;
    }
    addresses->list[addresses->count++] = *address;
    return 0;
}

static int each_message(void *context, const struct netlink_message *message)
{
    struct addresses_one address;
    if (message->type != RTM_NEWADDR)
        return 0;
    int got = addresses_read_one(message->body, &address);
    return got > 0 ? keep(context, &address) : got;
}

int addresses_read(struct netlink *netlink, struct addresses *addresses)
{
    struct rtgenmsg header = {.rtgen_family = AF_UNSPEC};
    struct netlink_head head = {
        .type = RTM_GETADDR, .flags = NLM_F_REQUEST | NLM_F_DUMP, .sequence = ++netlink->sequence};
    struct buf request = {0};
    *addresses = (struct addresses){0};
    netlink_end(&request, netlink_begin(&request, &head, &header, sizeof(header)));
    int error = netlink_dump_whole(netlink, &request, each_message, addresses);
    buf_free(&request);
    return error;
}

void addresses_free(struct addresses *addresses)
{
    free(addresses->list);
    *addresses = (struct addresses){0};
}

bool addresses_has(const struct addresses *addresses, uint8_t family, const uint8_t byte[16])
{
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses->list[i].family == family &&
            memcmp(addresses->list[i].byte, byte, family == AF_INET6 ? 16 : 4) == 0)
            return true;
    return false;
}
