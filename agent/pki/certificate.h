/*
 * The facts of a certificate chain: subject, validity, key, and whether each certificate was issued
 * by the next one. The chain is hostile input; mbedTLS parses it. Trust is not decided here.
 * Sources: RFC 5280; RFC 9525 (names).
 */
#ifndef HOLDFAST_PKI_CERTIFICATE_H
#define HOLDFAST_PKI_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CERTIFICATE_CHAIN_MAX = 10,    /* certificates */
    CERTIFICATE_CHAIN_SIZE = 24576 /* of their bytes altogether */
};

/* A chain as the server sent it, from its first certificate on: DER, one behind the other. */
struct certificate_chain {
    uint32_t count;
    uint32_t left_out; /* from the first that did not fit on, none is kept */
    uint32_t size[CERTIFICATE_CHAIN_MAX];
    unsigned char der[CERTIFICATE_CHAIN_SIZE];
};

/* Appends one; from the first that does not fit on they are left out. */
void certificate_chain_add(struct certificate_chain *chain, const unsigned char *der, size_t size);

/* Whether a server has shown it: a certificate was kept or left out. */
bool certificate_chain_is_seen(const struct certificate_chain *chain);

/* Whether this is its first certificate. */
bool certificate_chain_begins(const struct certificate_chain *chain, const unsigned char *der,
                              size_t size);

enum { CERTIFICATE_TEXT_SIZE = 256, CERTIFICATE_NAMES_SIZE = 2048, CERTIFICATE_WORD_SIZE = 32 };

/* "AB:CD:...", as `openssl x509 -fingerprint -sha256` and browsers show it. */
enum { CERTIFICATE_FINGERPRINT_SIZE = 96 };

/* Of the server's own certificate, unless it says otherwise. Texts are printable ASCII; one that is
 * too long is cut. */
struct certificate_facts {
    bool parsed;                                    /* else nothing else here means anything */
    char fingerprint[CERTIFICATE_FINGERPRINT_SIZE]; /* SHA-256 of the certificate */
    char subject[CERTIFICATE_TEXT_SIZE], issuer[CERTIFICATE_TEXT_SIZE];
    char names[CERTIFICATE_NAMES_SIZE]; /* "DNS:a.example, IP:192.0.2.1", of the SANs: whole ones
                                           alone, then "and 3 more" of those that do not fit */
    uint32_t names_left_out;            /* ... how many */
    int64_t not_before_s, not_after_s;
    char key[CERTIFICATE_WORD_SIZE];       /* "RSA 2048", "EC secp256r1" */
    char signature[CERTIFICATE_WORD_SIZE]; /* the hash under the issuer's signature: "SHA256" */
    bool weak_key;                         /* RSA of less than 2048 bits, or another kind */
    bool weak_signature;                   /* MD5 or SHA-1 */
    bool self_issued;
    char wanted[CERTIFICATE_TEXT_SIZE]; /* the name or address that it was requested by */
    bool by_name;                       /* that is a name */
    bool named;                         /* its SANs hold it */
    uint32_t in_order; /* how many from the first on were each signed by the next, itself counted */
    bool complete;     /* the last of those is self-issued */
};

/* The SHA-256 of a certificate in DER as text. 0 or -EIO. */
int certificate_fingerprint(const unsigned char *der, size_t size,
                            char text[CERTIFICATE_FINGERPRINT_SIZE]);

/* Whether the certificate names a host (a wildcard counts) or an address. Where names were left out
 * of the facts they are read from the chain, which is the facts' own. */
bool certificate_names_hold(const struct certificate_facts *facts,
                            const struct certificate_chain *chain, const char *name);

/* Whether it names a host at all. */
bool certificate_names_a_host(const struct certificate_facts *facts,
                              const struct certificate_chain *chain);

/* Reads a chain; `name` is the listener's name as requested: a host's name where `by_name`, else an
 * address. An empty chain, or one whose first certificate cannot be parsed, is `parsed` = false. */
void certificate_read(struct certificate_facts *facts, const struct certificate_chain *chain,
                      const char *name, bool by_name);

#endif
