/*
 * The endpoint's certificate until an authority has signed one: self-signed, ECDSA, with the node's
 * names and addresses, so that the endpoint speaks TLS from the first boot on.
 */
#ifndef HOLDFAST_PKI_SELFSIGNED_H
#define HOLDFAST_PKI_SELFSIGNED_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum selfsigned_curve { SELFSIGNED_P256, SELFSIGNED_P384 };

/* 398 days is the longest life of a server's certificate that clients take (CA/Browser Forum,
 * Baseline Requirements, 6.3.2), its first and last second counted. It begins a day before it is
 * made, for clocks of others that are behind. */
enum { SELFSIGNED_LIFE_S = 398 * 86400 - 1, SELFSIGNED_BACK_S = 86400 };

struct selfsigned_order {
    const char *const *names; /* the first is the Common Name; all become SANs */
    size_t count;
    enum selfsigned_curve curve;
    int64_t now_s; /* of the wall clock */
};

/* Makes a key and a certificate, both as PEM. Its subject also has a unique serialNumber, so that
 * no two certificates have the same subject. The caller wipes key_pem, after an error too, where it
 * may be filled. 0 or a negative code; the message is logged. */
int selfsigned_make(const struct selfsigned_order *order, struct buf *certificate_pem,
                    struct buf *key_pem);

/* Of the first certificate of a PEM text. */
struct certificate_life {
    int64_t from_s, until_s; /* since 1970 */
    bool self_issued;
};

/* 0, or -EINVAL where the text is no certificate. */
int certificate_life(const struct buf *certificate_pem, struct certificate_life *life);

/* The DER of the first certificate of a PEM text, appended. 0, -EINVAL or -ENOMEM. */
int certificate_der(const struct buf *certificate_pem, struct buf *der);

/* Whether a certificate and a private key, both PEM texts, belong together. */
bool certificate_has_key(const struct buf *certificate_pem, const struct buf *key_pem);

#endif
