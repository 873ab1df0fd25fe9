/* An IPv4 or IPv6 network, as a rule compares it. */
#ifndef HOLDFAST_FIREWALL_NETWORK_H
#define HOLDFAST_FIREWALL_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FIREWALL_NETWORK_SIZE = sizeof("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128"),
};

struct firewall_network {
    bool v6;
    uint8_t address[16]; /* network byte order; IPv4 in the first four */
    uint8_t prefix;      /* bits */
};

/* Parses ADDRESS or ADDRESS/BITS and clears the bits of hosts. 0 or -EINVAL. */
int firewall_network_parse(const char *text, struct firewall_network *network);

/* Whether the address, in network byte order, lies in the network. */
bool firewall_network_has(const struct firewall_network *network, bool v6, const uint8_t *address);

/* "192.0.2.0/24"; a single host without its length. */
void firewall_network_text(const struct firewall_network *network,
                           char text[FIREWALL_NETWORK_SIZE]);

#endif
