/*
 * SHA-256 (FIPS 180-4) over a canonical form of fields: each is its length as eight bytes, most
 * significant first, then its bytes; a number is such a field of eight bytes. No two lists of
 * fields share one form, and no copy of a secret is made.
 */
#ifndef HOLDFAST_STATE_DIGEST_H
#define HOLDFAST_STATE_DIGEST_H

#include <mbedtls/sha256.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32, DIGEST_TEXT_SIZE = 2 * DIGEST_SIZE + 1 };

struct digest {
    mbedtls_sha256_context sha256;
    int error; /* the first failure; later fields do nothing */
};

void digest_begin(struct digest *digest);
void digest_bytes(struct digest *digest, const void *data, size_t size);
void digest_text(struct digest *digest, const char *text);
void digest_number(struct digest *digest, uint64_t number);

/* Wipes the state. 0, or -EIO when the library failed. */
int digest_end(struct digest *digest, unsigned char hash[DIGEST_SIZE]);

void digest_hex(const unsigned char hash[DIGEST_SIZE], char text[DIGEST_TEXT_SIZE]);

/* The hash of such a text; -EINVAL where it is none. */
int digest_parse(const char *text, unsigned char hash[DIGEST_SIZE]);

#endif
