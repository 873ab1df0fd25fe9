/*
 * The field of 2^255 - 19 in limbs of 51 bits, and the ladder. Bounds: a product's limbs stay below
 * 2^51 + 2^13, a sum's or difference's of two such below 2^53, and products take limbs below 2^53.
 */
#include "pki/x25519.h"

#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

enum { LIMBS = 5, LIMB_BITS = 51, A24 = 121665, HIGHEST_BIT = 254 };

static const uint64_t LIMB_MASK = ((uint64_t)1 << LIMB_BITS) - 1;

struct field {
    uint64_t limb[LIMBS];
};

/* --- the field --- */

/* What a limb hands on to the next. */
static uint64_t excess_of(wide sum)
{
    /* cppcheck-suppress shiftTooManyBits ; it takes the type for an int */
    return (uint64_t)(sum >> LIMB_BITS);
}

/* Carries once around: the highest limb's excess counts 19 in the lowest. */
static inline void carry(struct field *to, wide sum[LIMBS])
{
    sum[1] += excess_of(sum[0]);
    sum[2] += excess_of(sum[1]);
    sum[3] += excess_of(sum[2]);
    sum[4] += excess_of(sum[3]);
    uint64_t lowest = ((uint64_t)sum[0] & LIMB_MASK) + excess_of(sum[4]) * 19;
    to->limb[0] = lowest & LIMB_MASK;
    to->limb[1] = ((uint64_t)sum[1] & LIMB_MASK) + (lowest >> LIMB_BITS);
    to->limb[2] = (uint64_t)sum[2] & LIMB_MASK;
    to->limb[3] = (uint64_t)sum[3] & LIMB_MASK;
    to->limb[4] = (uint64_t)sum[4] & LIMB_MASK;
}

static void multiply(struct field *to, const struct field *left, const struct field *right)
{
    const uint64_t *a = left->limb, *b = right->limb;
    const uint64_t b1 = b[1] * 19, b2 = b[2] * 19, b3 = b[3] * 19, b4 = b[4] * 19;
    wide sum[LIMBS] = {
        (wide)a[0] * b[0] + (wide)a[1] * b4 + (wide)a[2] * b3 + (wide)a[3] * b2 + (wide)a[4] * b1,
        (wide)a[0] * b[1] + (wide)a[1] * b[0] + (wide)a[2] * b4 + (wide)a[3] * b3 + (wide)a[4] * b2,
        (wide)a[0] * b[2] + (wide)a[1] * b[1] + (wide)a[2] * b[0] + (wide)a[3] * b4 +
            (wide)a[4] * b3,
        (wide)a[0] * b[3] + (wide)a[1] * b[2] + (wide)a[2] * b[1] + (wide)a[3] * b[0] +
            (wide)a[4] * b4,
        (wide)a[0] * b[4] + (wide)a[1] * b[3] + (wide)a[2] * b[2] + (wide)a[3] * b[1] +
            (wide)a[4] * b[0],
    };
    carry(to, sum);
}

static void square(struct field *to, const struct field *from, int times)
{
    *to = *from;
    const uint64_t *a = to->limb;
    for (; times; times--) {
        const uint64_t twice0 = a[0] * 2, twice1 = a[1] * 2, a3 = a[3] * 19, a4 = a[4] * 19;
        wide sum[LIMBS] = {
            (wide)a[0] * a[0] + (wide)twice1 * a4 + (wide)(a[2] * 2) * a3,
            (wide)twice0 * a[1] + (wide)(a[2] * 2) * a4 + (wide)a[3] * a3,
            (wide)twice0 * a[2] + (wide)a[1] * a[1] + (wide)(a[3] * 2) * a4,
            (wide)twice0 * a[3] + (wide)twice1 * a[2] + (wide)a[4] * a4,
            (wide)twice0 * a[4] + (wide)twice1 * a[3] + (wide)a[2] * a[2],
        };
        carry(to, sum);
    }
}

static void multiply_small(struct field *to, const struct field *from, uint64_t by)
{
    wide sum[LIMBS];
    for (int i = 0; i < LIMBS; i++)
        sum[i] = (wide)from->limb[i] * by;
    carry(to, sum);
}

static void add(struct field *to, const struct field *a, const struct field *b)
{
    for (int i = 0; i < LIMBS; i++)
        to->limb[i] = a->limb[i] + b->limb[i];
}

/* With twice the modulus added, so that no limb falls below zero. */
static void subtract(struct field *to, const struct field *a, const struct field *b)
{
    for (int i = 0; i < LIMBS; i++)
        to->limb[i] = a->limb[i] + 2 * (LIMB_MASK - (i == 0 ? 18 : 0)) - b->limb[i];
}

/* from^(2^255 - 21), which is 1 / from: 2^250 - 1 is built up from 2^5 - 1. */
static void invert(struct field *to, const struct field *from)
{
    struct field two, nine, eleven, run, longer, longest;
    square(&two, from, 1);
    square(&nine, &two, 2);
    multiply(&nine, &nine, from);
    multiply(&eleven, &nine, &two);
    square(&run, &eleven, 1);
    multiply(&run, &run, &nine); /* 2^5 - 1 */
    square(&longer, &run, 5);
    multiply(&run, &longer, &run); /* 2^10 - 1 */
    square(&longer, &run, 10);
    multiply(&longer, &longer, &run); /* 2^20 - 1 */
    square(&longest, &longer, 20);
    multiply(&longer, &longest, &longer); /* 2^40 - 1 */
    square(&longer, &longer, 10);
    multiply(&run, &longer, &run); /* 2^50 - 1 */
    square(&longer, &run, 50);
    multiply(&longer, &longer, &run); /* 2^100 - 1 */
    square(&longest, &longer, 100);
    multiply(&longer, &longest, &longer); /* 2^200 - 1 */
    square(&longer, &longer, 50);
    multiply(&run, &longer, &run); /* 2^250 - 1 */
    square(&run, &run, 5);
    multiply(to, &run, &eleven);
}

/* --- bytes --- */

static void read_field(struct field *to, const unsigned char bytes[X25519_SIZE])
{
    *to = (struct field){{0}};
    for (int bit = 0; bit <= HIGHEST_BIT; bit++)
        to->limb[bit / LIMB_BITS] |= (uint64_t)(bytes[bit / 8] >> bit % 8 & 1) << bit % LIMB_BITS;
}

/* The one form below the modulus: its multiple that must go is what adding 19 carries out. */
static void write_field(unsigned char bytes[X25519_SIZE], struct field *from)
{
    multiply_small(from, from, 1);
    uint64_t excess = 19;
    for (int i = 0; i < LIMBS; i++)
        excess = (from->limb[i] + excess) >> LIMB_BITS;
    from->limb[0] += excess * 19;
    for (int i = 0; i < LIMBS - 1; i++) {
        from->limb[i + 1] += from->limb[i] >> LIMB_BITS;
        from->limb[i] &= LIMB_MASK;
    }
    from->limb[LIMBS - 1] &= LIMB_MASK;
    memset(bytes, 0, X25519_SIZE);
    for (int bit = 0; bit <= HIGHEST_BIT; bit++)
        bytes[bit / 8] |=
            (unsigned char)((from->limb[bit / LIMB_BITS] >> bit % LIMB_BITS & 1) << bit % 8);
}

/* --- the ladder --- */

struct ladder {
    struct field x1, x2, z2, x3, z3;
    struct field a, aa, b, bb, e, c, d;
};

static void swap_if(uint64_t condition, struct field *a, struct field *b)
{
    for (int i = 0; i < LIMBS; i++) {
        uint64_t difference = (0 - condition) & (a->limb[i] ^ b->limb[i]);
        a->limb[i] ^= difference;
        b->limb[i] ^= difference;
    }
}

/* RFC 7748, 5, by its names; da and cb are kept in d and c. */
static void step(struct ladder *at)
{
    add(&at->a, &at->x2, &at->z2);
    square(&at->aa, &at->a, 1);
    subtract(&at->b, &at->x2, &at->z2);
    square(&at->bb, &at->b, 1);
    subtract(&at->e, &at->aa, &at->bb);
    add(&at->c, &at->x3, &at->z3);
    subtract(&at->d, &at->x3, &at->z3);
    multiply(&at->d, &at->d, &at->a);
    multiply(&at->c, &at->c, &at->b);
    add(&at->x3, &at->d, &at->c);
    square(&at->x3, &at->x3, 1);
    subtract(&at->z3, &at->d, &at->c);
    square(&at->z3, &at->z3, 1);
    multiply(&at->z3, &at->z3, &at->x1);
    multiply(&at->x2, &at->aa, &at->bb);
    multiply_small(&at->z2, &at->e, A24);
    add(&at->z2, &at->z2, &at->aa);
    multiply(&at->z2, &at->z2, &at->e);
}

void x25519_multiply(unsigned char result[X25519_SIZE], const unsigned char scalar[X25519_SIZE],
                     const unsigned char point[X25519_SIZE])
{
    struct ladder at = {.x2 = {{1}}, .z3 = {{1}}};
    unsigned char key[X25519_SIZE];
    uint64_t swapped = 0;
    memcpy(key, scalar, sizeof(key));
    key[0] &= 0xf8;
    key[31] = (unsigned char)((key[31] & 0x7f) | 0x40);
    read_field(&at.x1, point);
    at.x3 = at.x1;
    for (int bit = HIGHEST_BIT; bit >= 0; bit--) {
        uint64_t now = key[bit / 8] >> bit % 8 & 1;
        swap_if(swapped ^ now, &at.x2, &at.x3);
        swap_if(swapped ^ now, &at.z2, &at.z3);
        swapped = now;
        step(&at);
    }
    swap_if(swapped, &at.x2, &at.x3);
    swap_if(swapped, &at.z2, &at.z3);
    invert(&at.z2, &at.z2);
    multiply(&at.x2, &at.x2, &at.z2);
    write_field(result, &at.x2);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(&at, sizeof(at));
}
