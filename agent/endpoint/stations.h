/*
 * Whom the endpoint serves: the node itself, the daemon's own probe, and the networks in
 * health.stations. Each of these is a share: its places are its own (limiter.h). The firewall
 * keeps others out; this list does so too where it does not.
 */
#ifndef HOLDFAST_ENDPOINT_STATIONS_H
#define HOLDFAST_ENDPOINT_STATIONS_H

#include "settings/settings.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { STATIONS_MAX = 256 }; /* as many as health.stations may list */

/* Fixed-size and without padding: it crosses to the endpoint's process, and is compared. */
struct station {
    uint8_t v6;
    uint8_t prefix;      /* bits of `address`: at least 96 for an IPv4 network */
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct stations {
    uint32_t count;
    struct station list[STATIONS_MAX];
};

struct peer {
    struct in6_addr address; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port;
    bool is_node; /* it comes from the node itself */
};

/* SHARE_STATIONS is the first of them. */
enum { SHARE_NONE = -1, SHARE_PROBE, SHARE_NODE, SHARE_STATIONS };
enum { SHARES_MAX = SHARE_STATIONS + STATIONS_MAX };

/* The list of health.stations. 0 or -EINVAL. */
int stations_read(struct stations *stations, const struct settings *settings);

/* Whether what another process gave can be used. */
bool stations_are_valid(const struct stations *stations);

/* The peer: `from` as accept(2) returns it, `to` the node's side from getsockname(2). */
void peer_read(struct peer *peer, const struct sockaddr_storage *from,
               const struct sockaddr_storage *to);

/* Whose share the peer's connection takes, SHARE_NONE for an unknown client, and in `source` that
 * part of its address by which it is counted: all of an IPv4 address, of an IPv6 address the first
 * 64 bits, which one host may have to itself (RFC 6177), or more where the station's entry names
 * more.
 *
 * The probe is known by its port: below 1024 (IPPORT_RESERVED), which a process without
 * CAP_NET_BIND_SERVICE cannot bind to, ip(7). */
int stations_share(const struct stations *stations, const struct peer *peer,
                   struct in6_addr *source);

#endif
