/*
 * Addresses and networks as the settings hold them, for the rules that compare them.
 */
#ifndef HOLDFAST_SETTINGS_ADDRESS_H
#define HOLDFAST_SETTINGS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Both families in network order; IPv4 uses the first four bytes. */
struct address {
    int family; /* AF_INET or AF_INET6 */
    uint8_t byte[16];
    unsigned bits; /* 32 or 128 */
};

/* False where the text is no address. */
bool address_parse(const char *text, struct address *address);

/* "10.0.0.2/24": the address and the length of its network's prefix in bits. */
bool address_parse_network(const char *text, struct address *address, unsigned *prefix);

/* True where both begin with the same `prefix` bits, which are at most those of their family. */
bool address_is_in(const struct address *address, const struct address *network, unsigned prefix);

/* False for IPv4's two addresses of a network that belong to no host (RFC 1122, 3.2.1.3); a /31 and
 * a /32 have none (RFC 3021). */
bool address_is_host(const struct address *address, unsigned prefix);

#endif
