/* Hashes over length-prefixed fields. */
#include "state/digest.h"

#include <errno.h>
#include <string.h>

static void put(struct digest *digest, const unsigned char *data, size_t size)
{
    if (digest->error == 0)
        digest->error = mbedtls_sha256_update(&digest->sha256, data, size);
}

static void put_length(struct digest *digest, uint64_t number)
{
    unsigned char bytes[sizeof(number)];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(number >> (8 * (sizeof(bytes) - 1 - i)));
    put(digest, bytes, sizeof(bytes));
}

void digest_begin(struct digest *digest)
{
    mbedtls_sha256_init(&digest->sha256);
    digest->error = mbedtls_sha256_starts(&digest->sha256, 0);
}

void digest_bytes(struct digest *digest, const void *data, size_t size)
{
    put_length(digest, size);
    put(digest, data, size);
}

void digest_text(struct digest *digest, const char *text)
{
    digest_bytes(digest, text, strlen(text));
}

void digest_number(struct digest *digest, uint64_t number)
{
    put_length(digest, sizeof(number));
    put_length(digest, number);
}

int digest_end(struct digest *digest, unsigned char hash[DIGEST_SIZE])
{
    if (digest->error == 0)
        digest->error = mbedtls_sha256_finish(&digest->sha256, hash);
    mbedtls_sha256_free(&digest->sha256); /* wipes it */
    return digest->error ? -EIO : 0;
}

void digest_hex(const unsigned char hash[DIGEST_SIZE], char text[DIGEST_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 0xf];
    }
    text[DIGEST_TEXT_SIZE - 1] = '\0';
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_parse(const char *text, unsigned char hash[DIGEST_SIZE])
{
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return -EINVAL;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return text[DIGEST_TEXT_SIZE - 1] == '\0' ? 0 : -EINVAL;
}
