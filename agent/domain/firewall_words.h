/*
 * The words of a firewall rule. Each appends what nft(8) writes and, at the same time, the
 * expressions that the kernel runs, so that the two cannot part. nft prints a loaded rule byte for
 * byte as it stands here: words, their order and the registers are those of nft 1.0.6.
 */
#ifndef HOLDFAST_DOMAIN_FIREWALL_WORDS_H
#define HOLDFAST_DOMAIN_FIREWALL_WORDS_H

#include "domain/firewall_network.h"
#include "netlink/nftables.h"

#include <stdbool.h>
#include <stdint.h>

enum { FIREWALL_TEXT_SIZE = 128 };

struct firewall_words {
    struct nft_rule rule;
    char text[FIREWALL_TEXT_SIZE];
    uint8_t nfproto, l4proto; /* that the rule has tested so far, 0: none */
    bool failed;              /* it is longer than there is room for */
};

void words_iifname(struct firewall_words *words, const char *name);
void words_ct_state(struct firewall_words *words, const char *names, uint32_t bits);
void words_l4proto(struct firewall_words *words, const char *name, uint8_t number);

/* The first to the last type of ICMP (v6 or not); `name` is nft's for a single one, or NULL. */
void words_icmp(struct firewall_words *words, bool v6, uint8_t first, uint8_t last,
                const char *name);
void words_hoplimit(struct firewall_words *words, uint8_t limit);
void words_address(struct firewall_words *words, bool source,
                   const struct firewall_network *network);

/* `udp` or tcp; source or destination ports from first to last. */
void words_ports(struct firewall_words *words, bool udp, bool source, uint16_t first,
                 uint16_t last);

/* Up to `per_second` packets, in bursts of as many; `over`: matches what goes beyond. */
void words_limit(struct firewall_words *words, uint32_t per_second, bool over);
void words_connections_over(struct firewall_words *words, uint32_t count);
void words_counter(struct firewall_words *words);
void words_notrack(struct firewall_words *words);
void words_accept(struct firewall_words *words);
void words_drop(struct firewall_words *words);
void words_goto(struct firewall_words *words, const char *chain);
void words_reject_tcp(struct firewall_words *words); /* with a reset */
void words_reject(struct firewall_words *words);     /* with port unreachable */
void words_dscp(struct firewall_words *words, bool v6, uint8_t value);

#endif
