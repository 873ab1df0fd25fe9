/*
 * The words of a firewall rule. Each appends what nft(8) writes and, at the same time, the
 * expressions that the kernel runs, so that the two cannot part. nft prints a loaded rule byte for
 * byte as it stands here: words, their order and the registers are those of nft 1.0.6.
 */
#ifndef HOLDFAST_FIREWALL_NFT_STATEMENT_H
#define HOLDFAST_FIREWALL_NFT_STATEMENT_H

#include "firewall/network.h"
#include "netlink/nftables.h"

#include <stdbool.h>
#include <stdint.h>

enum { FIREWALL_TEXT_SIZE = 192 };

struct nft_statement {
    struct nft_rule rule;
    struct nft_set set; /* that the rule fills; without a name: none */
    char text[FIREWALL_TEXT_SIZE];
    uint8_t nfproto, l4proto; /* that the rule has tested so far, 0: none */
    bool failed;              /* it is longer than there is room for */
};

void nft_statement_iifname(struct nft_statement *words, const char *name);
void nft_statement_oifname(struct nft_statement *words, const char *name);
void nft_statement_ct_state(struct nft_statement *words, const char *names, uint32_t bits);
void nft_statement_ct_reply(struct nft_statement *words);               /* its direction */
void nft_statement_ct_assured(struct nft_statement *words, bool is);    /* or is not */
void nft_statement_ct_mark(struct nft_statement *words, uint32_t mark); /* has this mark */

/* The process that sends runs as this user; packets of the kernel's own have none. */
void nft_statement_skuid(struct nft_statement *words, uint32_t uid);

/* TCP's flags: a reset; and what neither begins a connection nor could be part of none. */
void nft_statement_tcp_reset(struct nft_statement *words);
void nft_statement_tcp_not_first(struct nft_statement *words);
void nft_statement_l4proto(struct nft_statement *words, const char *name, uint8_t number);

/* The first to the last type of ICMP (v6 or not); `name` is nft's for a single one, or NULL. */
void nft_statement_icmp(struct nft_statement *words, bool v6, uint8_t first, uint8_t last,
                        const char *name);

/* Behind nft_statement_icmp: any code but that of "fragmentation needed". */
void nft_statement_icmp_not_too_big(struct nft_statement *words);
void nft_statement_hoplimit(struct nft_statement *words, uint8_t limit);
void nft_statement_address(struct nft_statement *words, bool source,
                           const struct firewall_network *network);

/* `udp` or tcp; source or destination ports from first to last. */
void nft_statement_ports(struct nft_statement *words, bool udp, bool source, uint16_t first,
                         uint16_t last);

/* A rate of each source for itself: of each IPv4 address, or of each /64 of IPv6, which is what one
 * host may have (RFC 4291, 2.5.4). Matches what goes beyond. */
struct firewall_meter {
    const char *name; /* of its set, unique in the table */
    bool v6;
    uint32_t sources;     /* that are known at once, at the most: others go unlimited */
    uint32_t packets;     /* in a unit of time, in bursts of as many */
    bool minute;          /* that unit; else a second */
    uint32_t forgotten_s; /* below a minute, or 60: what sent nothing for that time is forgotten */
};
void nft_statement_meter(struct nft_statement *words, const struct firewall_meter *meter);
void nft_statement_counter(struct nft_statement *words);
void nft_statement_notrack(struct nft_statement *words);
void nft_statement_accept(struct nft_statement *words);
void nft_statement_drop(struct nft_statement *words);
void nft_statement_goto(struct nft_statement *words, const char *chain);
void nft_statement_jump(struct nft_statement *words, const char *chain);
void nft_statement_set_ct_mark(struct nft_statement *words, uint32_t mark);
void nft_statement_reject_tcp(struct nft_statement *words); /* with a reset */
void nft_statement_reject(struct nft_statement *words);     /* with port unreachable */
void nft_statement_dscp(struct nft_statement *words, bool v6, uint8_t value);

#endif
