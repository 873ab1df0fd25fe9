/*
 * The endpoint's first certificate: self-signed, P-256, with the node's names and addresses, made
 * at first boot so that the endpoint speaks TLS before an authority has signed anything.
 */
#ifndef HOLDFAST_PKI_SELFSIGNED_H
#define HOLDFAST_PKI_SELFSIGNED_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Makes a key and a certificate for `names` (the first is the Common Name; DNS names, IPv4 and
 * IPv6 addresses become SANs), valid from a day before now_s for `days` days, both as PEM.
 * The caller wipes key_pem. 0 or a negative code; the message is told. */
int selfsigned_make(const char *const *names, size_t count, int64_t now_s, unsigned days,
                    struct buf *certificate_pem, struct buf *key_pem);

/* When the first certificate of a PEM text expires, in seconds since 1970. */
int certificate_expiry(const struct buf *certificate_pem, int64_t *expires_s);

#endif
