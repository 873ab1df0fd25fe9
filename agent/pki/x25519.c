/* The call, without the library's own headers, which bring a world of macros along. */
#include "pki/x25519.h"

#include <stdint.h>
#include <string.h>

/* everest/Hacl_Curve25519.h; it writes to `public` alone. */
void Hacl_Curve25519_crypto_scalarmult(uint8_t *public, uint8_t *secret, uint8_t *point);

void x25519_multiply(unsigned char result[X25519_SIZE], const unsigned char scalar[X25519_SIZE],
                     const unsigned char point[X25519_SIZE])
{
    uint8_t secret[X25519_SIZE], from[X25519_SIZE];
    memcpy(secret, scalar, sizeof(secret));
    memcpy(from, point, sizeof(from));
    Hacl_Curve25519_crypto_scalarmult(result, secret, from);
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(from, sizeof(from));
}
