/*
 * nf_tables expressions: the instructions of a rule, as a closed tagged union.
 *
 * One table (nft_expression.c) says of each kind which attribute holds which member. Encoding,
 * decoding, comparing and printing all walk that table, so that what was written and what is read
 * back are the same structs. An expression, an attribute or a value that the table does not know
 * decodes to NFT_UNKNOWN, which equals nothing, itself included.
 *
 * Registers and their contents are raw bytes in the order that the packet has them; meta and ct
 * values are in the host's order. Source: linux/netfilter/nf_tables.h.
 */
#ifndef HOLDFAST_NETLINK_NFT_EXPRESSION_H
#define HOLDFAST_NETLINK_NFT_EXPRESSION_H

#include "base/buf.h"
#include "netlink/message.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    NFT_BYTES_MAX = 16, /* of a register */
    NFT_NAME_SIZE = 64  /* of a chain's or an expression's name, with its NUL */
};

enum nft_kind {
    NFT_UNKNOWN,
    NFT_META,
    NFT_CMP,
    NFT_PAYLOAD,
    NFT_BITWISE,
    NFT_CT,
    NFT_CONNLIMIT,
    NFT_LIMIT,
    NFT_COUNTER,
    NFT_REJECT,
    NFT_IMMEDIATE,
    NFT_LOAD, /* an immediate too: data for a register, in place of a verdict */
    NFT_NOTRACK,
    NFT_DYNSET,
    NFT_KINDS
};

struct nft_bytes {
    uint8_t length;
    uint8_t byte[NFT_BYTES_MAX];
};

struct nft_verdict {
    int32_t code;              /* NF_ACCEPT, NF_DROP, NFT_JUMP, NFT_GOTO, ... */
    char chain[NFT_NAME_SIZE]; /* of a jump or goto, else "" */
};

struct nft_connlimit {
    uint32_t count, flags;
};

struct nft_limit {
    uint64_t rate, unit_s;
    uint32_t burst, type, flags;
};

/* What each element of a dynamic set has for itself. */
struct nft_each {
    enum nft_kind kind; /* NFT_LIMIT or NFT_CONNLIMIT; NFT_UNKNOWN: nothing */
    union {
        struct nft_limit limit;
        struct nft_connlimit connlimit;
    };
};

/* A register of 0 where the expression reads or writes none. */
struct nft_expression {
    enum nft_kind kind;
    union {
        struct {
            uint32_t key, dreg, sreg;
        } meta;
        struct {
            uint32_t sreg, op;
            struct nft_bytes value;
        } cmp;
        struct {
            uint32_t dreg, sreg, base, offset, length; /* sreg: written into the packet */
            uint32_t checksum_type, checksum_offset, checksum_flags;
        } payload;
        struct {
            uint32_t sreg, dreg, length, op;
            struct nft_bytes mask, xor;
        } bitwise;
        struct {
            uint32_t key, dreg, sreg;
        } ct;
        struct nft_connlimit connlimit;
        struct nft_limit limit;
        struct {
            uint64_t bytes, packets; /* never compared */
        } counter;
        struct {
            uint32_t type;
            uint8_t code;
        } reject;
        struct {
            uint32_t dreg; /* NFT_REG_VERDICT */
            struct nft_verdict verdict;
        } immediate;
        struct {
            uint32_t dreg;
            struct nft_bytes value;
        } load;
        struct {
            char set[NFT_NAME_SIZE];
            uint32_t op, sreg, flags;
            uint64_t timeout_ms; /* of an element that is not updated; 0: for ever */
            struct nft_each each;
        } dynset;
        char unknown[NFT_NAME_SIZE]; /* the kernel's name for it */
    };
};

/* Appends the expression as one NFTA_LIST_ELEM. */
void nft_expression_put(struct buf *buf, const struct nft_expression *expression);

/* Reads the contents of one NFTA_LIST_ELEM; whatever it cannot read becomes NFT_UNKNOWN. */
void nft_expression_read(struct netlink_bytes element, struct nft_expression *expression);

bool nft_expression_equal(const struct nft_expression *a, const struct nft_expression *b);

/* Appends a readable form: "[ cmp sreg 1 op eq value 0x6c6f ]", "[ unknown quota ]". */
void nft_expression_print(const struct nft_expression *expression, struct buf *out);

#endif
