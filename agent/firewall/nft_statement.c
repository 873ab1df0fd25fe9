/* The words of a firewall rule: nft's text and the kernel's expressions, side by side. */
#include "firewall/nft_statement.h"

#include "base/str.h"

#include <endian.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    REGISTER = NFT_REG_1,
    INTERFACE_NAME_BYTES = 16, /* IFNAMSIZ: the kernel compares the whole register */
    IPV4_SOURCE = 12,          /* offsets in the headers, RFC 791 3.1 and RFC 8200 3 */
    IPV4_DESTINATION = 16,
    IPV4_CHECKSUM = 10,
    IPV6_HOP_LIMIT = 7,
    IPV6_SOURCE = 8,
    IPV6_DESTINATION = 24,
    TCP_FLAGS = 13, /* RFC 9293, 3.1 */
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_ACK = 16,
    ICMP_CODE = 1,     /* RFC 792 */
    DSCP_SHIFT_V4 = 2, /* RFC 2474, 3: the six bits above ECN, in the second byte of IPv4 */
    DSCP_SHIFT_V6 = 6  /* and across the first two of IPv6 */
};

__attribute__((format(printf, 2, 3))) static void say(struct nft_statement *words,
                                                      const char *format, ...)
{
    size_t used = strlen(words->text);
    va_list args;
    va_start(args, format);
    if (used && used + 1 < sizeof(words->text)) {
        words->text[used++] = ' ';
        words->text[used] = '\0';
    }
    int size = vsnprintf(words->text + used, sizeof(words->text) - used, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof(words->text) - used)
        words->failed = true;
}

static void run(struct nft_statement *words, struct nft_expression expression)
{
    if (words->rule.count == NFT_EXPRESSIONS_MAX)
        words->failed = true;
    else
        words->rule.list[words->rule.count++] = expression;
}

/* --- small compounds of expressions --- */

static void load_meta(struct nft_statement *words, uint32_t key)
{
    run(words, (struct nft_expression){.kind = NFT_META, .meta = {.key = key, .dreg = REGISTER}});
}

static void load_payload(struct nft_statement *words, uint32_t base, uint32_t offset,
                         uint32_t length)
{
    run(words,
        (struct nft_expression){
            .kind = NFT_PAYLOAD,
            .payload = {.dreg = REGISTER, .base = base, .offset = offset, .length = length}});
}

static struct nft_bytes bytes_of(const void *data, size_t size)
{
    struct nft_bytes bytes = {.length = (uint8_t)size};
    memcpy(bytes.byte, data, size);
    return bytes;
}

static void compare(struct nft_statement *words, uint32_t op, const void *data, size_t size)
{
    run(words,
        (struct nft_expression){
            .kind = NFT_CMP, .cmp = {.sreg = REGISTER, .op = op, .value = bytes_of(data, size)}});
}

static void mask(struct nft_statement *words, struct nft_bytes bits, struct nft_bytes xor)
{
    run(words, (struct nft_expression){.kind = NFT_BITWISE,
                                       .bitwise = {.sreg = REGISTER,
                                                   .dreg = REGISTER,
                                                   .length = bits.length,
                                                   .mask = bits,
                                                   .xor = xor}});
}

static void verdict(struct nft_statement *words, int32_t code, const char *chain)
{
    struct nft_expression expression = {
        .kind = NFT_IMMEDIATE, .immediate = {.dreg = NFT_REG_VERDICT, .verdict = {.code = code}}};
    if (str_copy(expression.immediate.verdict.chain, NFT_NAME_SIZE, chain) < 0)
        words->failed = true;
    run(words, expression);
}

/* A header's field means nothing before the protocol is known: nft's implicit dependencies. */
static void need_nfproto(struct nft_statement *words, bool v6)
{
    uint8_t family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
    if (words->nfproto == family)
        return;
    words->nfproto = family;
    load_meta(words, NFT_META_NFPROTO);
    compare(words, NFT_CMP_EQ, &family, sizeof(family));
}

static void need_l4proto(struct nft_statement *words, uint8_t protocol)
{
    if (words->l4proto == protocol)
        return;
    words->l4proto = protocol;
    load_meta(words, NFT_META_L4PROTO);
    compare(words, NFT_CMP_EQ, &protocol, sizeof(protocol));
}

static void between(struct nft_statement *words, const void *first, const void *last, size_t size)
{
    if (memcmp(first, last, size) == 0) {
        compare(words, NFT_CMP_EQ, first, size);
    } else {
        compare(words, NFT_CMP_GTE, first, size);
        compare(words, NFT_CMP_LTE, last, size);
    }
}

/* --- matches --- */

static void interface(struct nft_statement *words, uint32_t key, const char *word, const char *name)
{
    char padded[INTERFACE_NAME_BYTES] = "";
    if (str_copy(padded, sizeof(padded), name) < 0)
        words->failed = true;
    say(words, "%s \"%s\"", word, name);
    load_meta(words, key);
    compare(words, NFT_CMP_EQ, padded, sizeof(padded));
}

void nft_statement_iifname(struct nft_statement *words, const char *name)
{
    interface(words, NFT_META_IIFNAME, "iifname", name);
}

void nft_statement_oifname(struct nft_statement *words, const char *name)
{
    interface(words, NFT_META_OIFNAME, "oifname", name);
}

static void load_ct(struct nft_statement *words, uint32_t key)
{
    run(words, (struct nft_expression){.kind = NFT_CT, .ct = {.key = key, .dreg = REGISTER}});
}

/* Any of the bits, or none of them. */
static void has_bits(struct nft_statement *words, bool any, uint32_t bits)
{
    static const uint32_t none;
    mask(words, bytes_of(&bits, sizeof(bits)), bytes_of(&none, sizeof(none)));
    compare(words, any ? NFT_CMP_NEQ : NFT_CMP_EQ, &none, sizeof(none));
}

void nft_statement_ct_state(struct nft_statement *words, const char *names, uint32_t bits)
{
    say(words, "ct state %s", names);
    load_ct(words, NFT_CT_STATE);
    has_bits(words, true, bits);
}

void nft_statement_ct_reply(struct nft_statement *words)
{
    static const uint8_t reply = 1; /* IP_CT_DIR_REPLY, no part of the kernel's public headers */
    say(words, "ct direction reply");
    load_ct(words, NFT_CT_DIRECTION);
    compare(words, NFT_CMP_EQ, &reply, sizeof(reply));
}

void nft_statement_ct_assured(struct nft_statement *words, bool is)
{
    say(words, "ct status %sassured", is ? "" : "! ");
    load_ct(words, NFT_CT_STATUS);
    has_bits(words, is, IPS_ASSURED);
}

void nft_statement_ct_mark(struct nft_statement *words, uint32_t mark)
{
    say(words, "ct mark 0x%08x", mark);
    load_ct(words, NFT_CT_MARK);
    compare(words, NFT_CMP_EQ, &mark, sizeof(mark));
}

void nft_statement_skuid(struct nft_statement *words, uint32_t uid)
{
    say(words, "meta skuid %u", uid);
    load_meta(words, NFT_META_SKUID);
    compare(words, NFT_CMP_EQ, &uid, sizeof(uid));
}

static void tcp_flags(struct nft_statement *words, uint8_t bits, uint32_t op, uint8_t value)
{
    static const uint8_t none;
    need_l4proto(words, IPPROTO_TCP);
    load_payload(words, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, sizeof(bits));
    mask(words, bytes_of(&bits, sizeof(bits)), bytes_of(&none, sizeof(none)));
    compare(words, op, &value, sizeof(value));
}

void nft_statement_tcp_reset(struct nft_statement *words)
{
    say(words, "tcp flags rst");
    tcp_flags(words, TCP_RST, NFT_CMP_NEQ, 0);
}

void nft_statement_tcp_not_first(struct nft_statement *words)
{
    say(words, "tcp flags != syn / fin,syn,rst,ack");
    tcp_flags(words, TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK, NFT_CMP_NEQ, TCP_SYN);
}

void nft_statement_l4proto(struct nft_statement *words, const char *name, uint8_t number)
{
    say(words, "meta l4proto %s", name);
    need_l4proto(words, number);
}

void nft_statement_icmp(struct nft_statement *words, bool v6, uint8_t first, uint8_t last,
                        const char *name)
{
    const char *protocol = v6 ? "icmpv6" : "icmp";
    if (name)
        say(words, "%s type %s", protocol, name);
    else
        say(words, "%s type %u-%u", protocol, first, last);
    need_nfproto(words, v6);
    need_l4proto(words, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    load_payload(words, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(first));
    between(words, &first, &last, sizeof(first));
}

void nft_statement_icmp_not_too_big(struct nft_statement *words)
{
    static const uint8_t too_big = ICMP_FRAG_NEEDED;
    say(words, "icmp code != frag-needed");
    load_payload(words, NFT_PAYLOAD_TRANSPORT_HEADER, ICMP_CODE, sizeof(too_big));
    compare(words, NFT_CMP_NEQ, &too_big, sizeof(too_big));
}

void nft_statement_hoplimit(struct nft_statement *words, uint8_t limit)
{
    say(words, "ip6 hoplimit %u", limit);
    need_nfproto(words, true);
    load_payload(words, NFT_PAYLOAD_NETWORK_HEADER, IPV6_HOP_LIMIT, sizeof(limit));
    compare(words, NFT_CMP_EQ, &limit, sizeof(limit));
}

/* Whole bytes of a prefix are compared alone; any other length needs the mask. */
void nft_statement_address(struct nft_statement *words, bool source,
                           const struct firewall_network *network)
{
    size_t size = network->v6 ? 16 : 4;
    uint32_t offset_v4 = source ? IPV4_SOURCE : IPV4_DESTINATION;
    uint32_t offset_v6 = source ? IPV6_SOURCE : IPV6_DESTINATION;
    bool whole = network->prefix && network->prefix % 8 == 0;
    if (whole)
        size = network->prefix / 8;
    char text[FIREWALL_NETWORK_SIZE];
    firewall_network_text(network, text);
    say(words, "%s %s %s", network->v6 ? "ip6" : "ip", source ? "saddr" : "daddr", text);
    need_nfproto(words, network->v6);
    load_payload(words, NFT_PAYLOAD_NETWORK_HEADER, network->v6 ? offset_v6 : offset_v4,
                 (uint32_t)size);
    if (!whole) {
        struct nft_bytes bits = {.length = (uint8_t)size};
        for (unsigned i = 0; i < network->prefix; i++)
            bits.byte[i / 8] |= (uint8_t)(0x80 >> i % 8);
        mask(words, bits, (struct nft_bytes){.length = (uint8_t)size});
    }
    compare(words, NFT_CMP_EQ, network->address, size);
}

void nft_statement_ports(struct nft_statement *words, bool udp, bool source, uint16_t first,
                         uint16_t last)
{
    const char *protocol = udp ? "udp" : "tcp", *side = source ? "sport" : "dport";
    uint16_t from = htobe16(first), to = htobe16(last);
    if (first == last)
        say(words, "%s %s %u", protocol, side, first);
    else
        say(words, "%s %s %u-%u", protocol, side, first, last);
    need_l4proto(words, udp ? IPPROTO_UDP : IPPROTO_TCP);
    load_payload(words, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : sizeof(from), sizeof(from));
    between(words, &from, &to, sizeof(from));
}

/* --- meters --- */

/* nft's numbers of the types of keys, for its print. */
enum { KEY_IPV4 = 7, KEY_IPV6 = 8, MINUTE_S = 60 };

static void load_source(struct nft_statement *words, bool v6)
{
    static const struct nft_bytes host = {.length = 16,
                                          .byte = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    need_nfproto(words, v6);
    load_payload(words, NFT_PAYLOAD_NETWORK_HEADER, v6 ? IPV6_SOURCE : IPV4_SOURCE, v6 ? 16 : 4);
    if (v6)
        mask(words, host, (struct nft_bytes){.length = host.length});
}

static struct nft_each meter_each(const struct firewall_meter *meter)
{
    return (struct nft_each){.kind = NFT_LIMIT,
                             .limit = {.rate = meter->packets,
                                       .unit_s = meter->minute ? MINUTE_S : 1,
                                       .burst = meter->packets,
                                       .type = NFT_LIMIT_PKTS,
                                       .flags = NFT_LIMIT_F_INV}};
}

static void say_meter(struct nft_statement *words, const struct firewall_meter *meter)
{
    bool minute = meter->forgotten_s == MINUTE_S;
    say(words, "meter %s size %u { %s timeout %u%s limit rate over %u/%s burst %u packets }",
        meter->name, meter->sources, meter->v6 ? "ip6 saddr & ffff:ffff:ffff:ffff::" : "ip saddr",
        minute ? 1 : meter->forgotten_s, minute ? "m" : "s", meter->packets,
        meter->minute ? "minute" : "second", meter->packets);
}

void nft_statement_meter(struct nft_statement *words, const struct firewall_meter *meter)
{
    struct nft_expression fill = {.kind = NFT_DYNSET,
                                  .dynset = {.op = NFT_DYNSET_OP_UPDATE,
                                             .sreg = REGISTER,
                                             .timeout_ms = 1000ULL * meter->forgotten_s,
                                             .each = meter_each(meter)}};
    words->set = (struct nft_set){
        .flags = NFT_SET_ANONYMOUS | NFT_SET_EVAL | NFT_SET_TIMEOUT,
        .key_type = meter->v6 ? KEY_IPV6 : KEY_IPV4,
        .key_size = meter->v6 ? 16 : 4,
        .size = meter->sources,
    };
    if (str_copy(words->set.name, sizeof(words->set.name), meter->name) < 0 ||
        str_copy(fill.dynset.set, sizeof(fill.dynset.set), meter->name) < 0)
        words->failed = true;
    say_meter(words, meter);
    load_source(words, meter->v6);
    run(words, fill);
}

/* --- statements --- */

void nft_statement_counter(struct nft_statement *words)
{
    say(words, "counter packets 0 bytes 0");
    run(words, (struct nft_expression){.kind = NFT_COUNTER});
}

void nft_statement_notrack(struct nft_statement *words)
{
    say(words, "notrack");
    run(words, (struct nft_expression){.kind = NFT_NOTRACK});
}

void nft_statement_accept(struct nft_statement *words)
{
    say(words, "accept");
    verdict(words, NF_ACCEPT, "");
}

void nft_statement_drop(struct nft_statement *words)
{
    say(words, "drop");
    verdict(words, NF_DROP, "");
}

void nft_statement_goto(struct nft_statement *words, const char *chain)
{
    say(words, "goto %s", chain);
    verdict(words, NFT_GOTO, chain);
}

void nft_statement_jump(struct nft_statement *words, const char *chain)
{
    say(words, "jump %s", chain);
    verdict(words, NFT_JUMP, chain);
}

void nft_statement_set_ct_mark(struct nft_statement *words, uint32_t mark)
{
    say(words, "ct mark set 0x%08x", mark);
    run(words,
        (struct nft_expression){
            .kind = NFT_LOAD, .load = {.dreg = REGISTER, .value = bytes_of(&mark, sizeof(mark))}});
    run(words,
        (struct nft_expression){.kind = NFT_CT, .ct = {.key = NFT_CT_MARK, .sreg = REGISTER}});
}

void nft_statement_reject_tcp(struct nft_statement *words)
{
    if (words->l4proto != IPPROTO_TCP)
        nft_statement_l4proto(words, "tcp", IPPROTO_TCP);
    say(words, "reject with tcp reset");
    run(words, (struct nft_expression){.kind = NFT_REJECT, .reject = {.type = NFT_REJECT_TCP_RST}});
}

void nft_statement_reject(struct nft_statement *words)
{
    say(words, "reject"); /* nft leaves out what is the default of an inet table */
    run(words, (struct nft_expression){.kind = NFT_REJECT,
                                       .reject = {.type = NFT_REJECT_ICMPX_UNREACH,
                                                  .code = NFT_REJECT_ICMPX_PORT_UNREACH}});
}

/* nft's names for code points, as its rt_dsfield table has them; the others stand in
 * hexadecimal. */
static void say_dscp(struct nft_statement *words, const char *family, uint8_t value)
{
    static const char *const names[64] = {
        [0] = "cs0",   [1] = "lephb", [8] = "cs1",   [10] = "af11", [12] = "af12", [14] = "af13",
        [16] = "cs2",  [18] = "af21", [20] = "af22", [22] = "af23", [24] = "cs3",  [26] = "af31",
        [28] = "af32", [30] = "af33", [32] = "cs4",  [34] = "af41", [36] = "af42", [38] = "af43",
        [40] = "cs5",  [44] = "va",   [46] = "ef",   [48] = "cs6",  [56] = "cs7"};
    const char *name = value < countof(names) ? names[value] : NULL;
    if (name)
        say(words, "%s dscp set %s", family, name);
    else
        say(words, "%s dscp set 0x%02x", family, value);
}

void nft_statement_dscp(struct nft_statement *words, bool v6, uint8_t value)
{
    uint16_t keep = htobe16(v6 ? 0xf03f : 0xff03); /* all but the code point */
    uint16_t set = htobe16((uint16_t)(value << (v6 ? DSCP_SHIFT_V6 : DSCP_SHIFT_V4)));
    struct nft_expression write = {
        .kind = NFT_PAYLOAD,
        .payload = {.sreg = REGISTER, .base = NFT_PAYLOAD_NETWORK_HEADER, .length = sizeof(set)}};
    if (!v6) {
        write.payload.checksum_type = NFT_PAYLOAD_CSUM_INET;
        write.payload.checksum_offset = IPV4_CHECKSUM;
    }
    say_dscp(words, v6 ? "ip6" : "ip", value);
    need_nfproto(words, v6);
    load_payload(words, NFT_PAYLOAD_NETWORK_HEADER, 0, sizeof(set));
    mask(words, bytes_of(&keep, sizeof(keep)), bytes_of(&set, sizeof(set)));
    run(words, write);
}
