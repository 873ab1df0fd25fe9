/* rtnetlink: all interfaces, by one dump. */
#include "netlink/links.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

struct walk {
    void (*each)(void *context, const struct link *link);
    void *context;
};

int links_read_one(struct netlink_bytes body, struct link *link)
{
    struct ifinfomsg header;
    struct netlink_attribute attribute;
    bool named = false, sized = false;
    int more;
    *link = (struct link){.mtu = 0};
    if (netlink_take(&body, &header, sizeof(header)) < 0)
        return -EBADMSG;
    link->flags = header.ifi_flags;
    while ((more = netlink_next_attribute(&body, &attribute)) > 0) {
        if (attribute.type == IFLA_IFNAME) {
            netlink_name(attribute.value, link->name, sizeof(link->name));
            named = true;
        } else if (attribute.type == IFLA_MTU) {
            if (netlink_u32(attribute.value, &link->mtu) < 0)
                return -EBADMSG;
            sized = true;
        }
    }
    return more == 0 && named && sized ? 0 : -EBADMSG;
}

static int each_message(void *context, const struct netlink_message *message)
{
    const struct walk *walk = context;
    struct link link;
    if (message->type != RTM_NEWLINK)
        return 0;
    int error = links_read_one(message->body, &link);
    if (error == 0)
        walk->each(walk->context, &link);
    return error;
}

int links_read(struct netlink *netlink, void (*each)(void *context, const struct link *link),
               void *context)
{
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
    struct netlink_head head = {
        .type = RTM_GETLINK, .flags = NLM_F_REQUEST | NLM_F_DUMP, .sequence = ++netlink->sequence};
    struct walk walk = {each, context};
    struct buf request = {0};
    netlink_end(&request, netlink_begin(&request, &head, &header, sizeof(header)));
    int error = netlink_dump_whole(netlink, &request, each_message, &walk);
    buf_free(&request);
    return error;
}
