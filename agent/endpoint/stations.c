/* Addresses against the list. */
#include "endpoint/stations.h"

#include "firewall/network.h"

#include <errno.h>
#include <string.h>

enum {
    ADDRESS_BITS = 128,
    MAPPED_BITS = 96,     /* ::ffff:0:0/96 holds the IPv4 addresses */
    SOURCE_BITS = 64,     /* of an IPv6 address */
    FIRST_LOOPBACK = 127, /* 127.0.0.0/8 */
    BYTE_BITS = 8
};

static void map_v4(struct in6_addr *to, const void *v4)
{
    memset(to, 0, sizeof(*to));
    to->s6_addr[10] = to->s6_addr[11] = 0xff;
    memcpy(&to->s6_addr[MAPPED_BITS / BYTE_BITS], v4, sizeof(struct in_addr));
}

/* --- the list --- */

static int read_station(struct station *station, const char *text)
{
    struct firewall_network network;
    struct in6_addr address;
    int error = firewall_network_parse(text, &network);
    if (error)
        return error;
    if (network.v6)
        memcpy(&address, network.address, sizeof(address));
    else
        map_v4(&address, network.address);
    station->v6 = network.v6;
    station->prefix = (uint8_t)(network.v6 ? network.prefix : network.prefix + MAPPED_BITS);
    memcpy(station->address, &address, sizeof(station->address));
    return 0;
}

int stations_read(struct stations *stations, const struct settings *settings)
{
    char item[SETTING_ITEM_SIZE];
    size_t cursor = 0;
    memset(stations, 0, sizeof(*stations));
    while (settings_item(settings, HEALTH_STATIONS, &cursor, item))
        if (stations->count == STATIONS_MAX ||
            read_station(&stations->list[stations->count++], item) < 0)
            return -EINVAL;
    return 0;
}

bool stations_are_valid(const struct stations *stations)
{
    if (stations->count > STATIONS_MAX)
        return false;
    for (size_t i = 0; i < stations->count; i++)
        if (stations->list[i].prefix > ADDRESS_BITS)
            return false;
    return true;
}

/* --- a peer --- */

static bool read_address(struct in6_addr *to, uint16_t *port, const struct sockaddr_storage *from)
{
    struct sockaddr_in6 six;
    struct sockaddr_in four;
    if (from->ss_family == AF_INET6) {
        memcpy(&six, from, sizeof(six));
        *to = six.sin6_addr;
        *port = ntohs(six.sin6_port);
        return true;
    }
    memcpy(&four, from, sizeof(four));
    map_v4(to, &four.sin_addr);
    *port = ntohs(four.sin_port);
    return from->ss_family == AF_INET;
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) &&
            address->s6_addr[MAPPED_BITS / BYTE_BITS] == FIRST_LOOPBACK);
}

/* Only the node sends from its own addresses: the kernel drops such packets from outside. */
void peer_read(struct peer *peer, const struct sockaddr_storage *from,
               const struct sockaddr_storage *to)
{
    struct in6_addr own;
    uint16_t own_port;
    memset(peer, 0, sizeof(*peer));
    if (!read_address(&peer->address, &peer->port, from))
        return;
    peer->is_node = is_loopback(&peer->address) || (read_address(&own, &own_port, to) &&
                                                    memcmp(&own, &peer->address, sizeof(own)) == 0);
}

static void cut(struct in6_addr *address, unsigned bits)
{
    for (unsigned i = 0; i < sizeof(*address); i++) {
        unsigned kept = bits > i * BYTE_BITS ? bits - i * BYTE_BITS : 0;
        if (kept < BYTE_BITS)
            address->s6_addr[i] &= (uint8_t)(0xff00U >> kept);
    }
}

static bool station_holds(const struct station *station, const struct in6_addr *address)
{
    struct in6_addr network = *address;
    if (station->v6 == IN6_IS_ADDR_V4MAPPED(address))
        return false;
    cut(&network, station->prefix);
    return memcmp(&network, station->address, sizeof(network)) == 0;
}

/* Where several entries hold the address it is of the narrowest. */
static const struct station *find_station(const struct stations *stations,
                                          const struct in6_addr *address)
{
    const struct station *found = NULL;
    for (size_t i = 0; i < stations->count; i++)
        if ((!found || stations->list[i].prefix > found->prefix) &&
            station_holds(&stations->list[i], address))
            found = &stations->list[i];
    return found;
}

static unsigned source_bits(const struct in6_addr *address, const struct station *station)
{
    if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_LOOPBACK(address))
        return ADDRESS_BITS;
    return station && station->prefix > SOURCE_BITS ? station->prefix : SOURCE_BITS;
}

int stations_share(const struct stations *stations, const struct peer *peer,
                   struct in6_addr *source)
{
    const struct station *station = find_station(stations, &peer->address);
    *source = peer->address;
    cut(source, source_bits(source, station));
    if (peer->is_node && peer->port < IPPORT_RESERVED)
        return SHARE_PROBE;
    if (station)
        return SHARE_STATIONS + (int)(station - stations->list);
    return peer->is_node ? SHARE_NODE : SHARE_NONE;
}
