/*
 * The endpoint's certificate and key, kept in the state. One that Holdfast has made itself is made
 * anew whenever that from which it was made has changed: the node's names and addresses, the clock,
 * the rules for its key; and at two thirds of its life. One that was not made here is never
 * touched, nor is one of which it cannot be known, whatever the fault of its text.
 */
#ifndef HOLDFAST_DAEMON_OWN_CERTIFICATE_H
#define HOLDFAST_DAEMON_OWN_CERTIFICATE_H

#include "base/buf.h"
#include "node/node.h"
#include "pki/certificate.h"
#include "pki/selfsigned.h"

#include <stdbool.h>
#include <stdint.h>

#define OWN_CERTIFICATE_KEY "endpoint.key" /* the key's name in the state */

struct own_certificate {
    struct buf certificate_pem; /* empty: there is none */
    struct buf key_pem;         /* wiped by own_certificate_close */
    bool is_loaded;             /* what is stored was looked at */
    bool self_made;
    bool is_import;    /* the stored one is: nothing is made in its place */
    bool is_volatile;  /* the origin of the stored one is unknown: it is not overwritten */
    const char *fault; /* why an imported one cannot be served, NULL: it can, or is none */
    struct buf key_rules, names; /* what a self-made one was made from */
    struct certificate_life life;
    char fingerprint[CERTIFICATE_FINGERPRINT_SIZE]; /* SHA-256 */
};

/* Reads the pair from the state; makes one where there is none, or ours cannot be read. On a node
 * whose state takes nothing, or where the stored one may be imported, it lasts as long as the
 * process. An imported one that cannot be read leaves no certificate, and `fault` says why. 0 or a
 * negative code, logged. */
int own_certificate_open(struct own_certificate *own, struct node *node);

/* Makes a self-made one anew where that is due, with an event. True where it did; never before
 * own_certificate_open. */
bool own_certificate_renew(struct own_certificate *own, struct node *node);

void own_certificate_close(struct own_certificate *own);

#endif
