/*
 * The random numbers of every key, nonce and handshake: getrandom(2), the kernel's own generator,
 * which needs no file and so works behind chroot and seccomp too.
 */
#ifndef HOLDFAST_PKI_RANDOM_H
#define HOLDFAST_PKI_RANDOM_H

#include <stddef.h>

/* As mbedTLS wants it (f_rng); `context` is not used. 0, or -1 when the kernel gives none. */
int random_bytes(void *context, unsigned char *to, size_t size);

#endif
