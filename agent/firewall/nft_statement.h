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

struct firewall_words {
    struct nft_rule rule;
    struct nft_set set; /* that the rule fills; without a name: none */
    char text[FIREWALL_TEXT_SIZE];
    uint8_t nfproto, l4proto; /* that the rule has tested so far, 0: none */
    bool failed;              /* it is longer than there is room for */
};

void words_iifname(struct firewall_words *words, const char *name);
void words_oifname(struct firewall_words *words, const char *name);
void words_ct_state(struct firewall_words *words, const char *names, uint32_t bits);
void words_ct_reply(struct firewall_words *words);               /* its direction */
void words_ct_assured(struct firewall_words *words, bool is);    /* or is not */
void words_ct_mark(struct firewall_words *words, uint32_t mark); /* has this mark */

/* The process that sends runs as this user; packets of the kernel's own have none. */
void words_skuid(struct firewall_words *words, uint32_t uid);

/* TCP's flags: a reset; and what neither begins a connection nor could be part of none. */
void words_tcp_reset(struct firewall_words *words);
void words_tcp_not_first(struct firewall_words *words);
void words_l4proto(struct firewall_words *words, const char *name, uint8_t number);

/* The first to the last type of ICMP (v6 or not); `name` is nft's for a single one, or NULL. */
void words_icmp(struct firewall_words *words, bool v6, uint8_t first, uint8_t last,
                const char *name);

/* Behind words_icmp: any code but that of "fragmentation needed". */
void words_icmp_not_too_big(struct firewall_words *words);
void words_hoplimit(struct firewall_words *words, uint8_t limit);
void words_address(struct firewall_words *words, bool source,
                   const struct firewall_network *network);

/* `udp` or tcp; source or destination ports from first to last. */
void words_ports(struct firewall_words *words, bool udp, bool source, uint16_t first,
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
void words_meter(struct firewall_words *words, const struct firewall_meter *meter);
void words_counter(struct firewall_words *words);
void words_notrack(struct firewall_words *words);
void words_accept(struct firewall_words *words);
void words_drop(struct firewall_words *words);
void words_goto(struct firewall_words *words, const char *chain);
void words_jump(struct firewall_words *words, const char *chain);
void words_set_ct_mark(struct firewall_words *words, uint32_t mark);
void words_reject_tcp(struct firewall_words *words); /* with a reset */
void words_reject(struct firewall_words *words);     /* with port unreachable */
void words_dscp(struct firewall_words *words, bool v6, uint8_t value);

#endif
