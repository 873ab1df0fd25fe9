/* Random numbers by getrandom(2), for our own use and as mbedTLS's external generator: it has no
 * state in this process, so that a fork can never repeat it. */
#include "pki/random.h"

#include <errno.h>
#include <mbedtls/build_info.h>
#include <psa/crypto.h>
#include <sys/random.h>

int random_bytes(void *context, unsigned char *to, size_t size)
{
    (void)context;
    while (size) {
        ssize_t got = getrandom(to, size, 0);
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0) {
            to += got;
            size -= (size_t)got;
        }
    }
    return 0;
}

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
                                             uint8_t *output, size_t output_size,
                                             size_t *output_length)
{
    if (random_bytes(context, output, output_size) < 0)
        return PSA_ERROR_INSUFFICIENT_ENTROPY;
    *output_length = output_size;
    return PSA_SUCCESS;
}
