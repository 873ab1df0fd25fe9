/* IPv4 and IPv6 networks: parsed, and written as nft(8) writes them. */
#include "firewall/network.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int firewall_network_parse(const char *text, struct firewall_network *network)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    *network = (struct firewall_network){.v6 = strchr(text, ':') != NULL};
    uint64_t all = network->v6 ? 128 : 32, bits = all;
    if (length >= sizeof(address))
        return -EINVAL;
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(network->v6 ? AF_INET6 : AF_INET, address, network->address) != 1 ||
        (slash && str_to_u64(slash + 1, 0, all, &bits) < 0))
        return -EINVAL;
    network->prefix = (uint8_t)bits;
    for (uint64_t i = bits; i < all; i++)
        network->address[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    return 0;
}

void firewall_network_text(const struct firewall_network *network, char text[FIREWALL_NETWORK_SIZE])
{
    char address[INET6_ADDRSTRLEN] = "";
    unsigned all = network->v6 ? 128 : 32;
    (void)inet_ntop(network->v6 ? AF_INET6 : AF_INET, network->address, address, sizeof(address));
    if (network->prefix == all)
        (void)snprintf(text, FIREWALL_NETWORK_SIZE, "%s", address);
    else
        (void)snprintf(text, FIREWALL_NETWORK_SIZE, "%s/%u", address, network->prefix);
}

bool firewall_network_has(const struct firewall_network *network, bool v6, const uint8_t *address)
{
    if (network->v6 != v6 || memcmp(network->address, address, network->prefix / 8) != 0)
        return false;
    unsigned bits = network->prefix % 8, at = network->prefix / 8;
    return bits == 0 || ((network->address[at] ^ address[at]) & (0xff << (8 - bits)) & 0xff) == 0;
}
