/*
 * The endpoint as the warden sees it: its certificate, kept in the state, and the front process
 * that answers for it, started again when it ends.
 */
#ifndef HOLDFAST_SERVE_ENDPOINT_H
#define HOLDFAST_SERVE_ENDPOINT_H

#include "base/buf.h"
#include "serve/front.h"
#include "serve/node.h"

#include <stdbool.h>
#include <stdint.h>

/* Where it listens. */
#define ENDPOINT_KEY_OBJECT "endpoint.key" /* its name in the state */

struct endpoint_place {
    char address[SETTING_ITEM_SIZE];
    uint16_t port;
};

struct endpoint {
    struct front front;
    bool running;
    struct endpoint_place place; /* what the front was started with */
    struct tls_offer offer;
    struct stations stations;
    struct buf certificate_pem;
    struct buf key_pem; /* wiped by endpoint_close */
    int64_t expires_s;
};

/* Reads the certificate and its key from the state, or makes and stores them at first boot; neither
 * where a self-test failed (serve/fips.h). A node without a state gets a pair that lasts as long as
 * the process. 0 or a negative code, told. */
int endpoint_open(struct endpoint *endpoint, struct node *node);

/* For a report: whether FIPS mode would let the endpoint start, with the key that the state holds.
 */
void endpoint_judge(struct node *node);

/* Starts the front on the address and port of the settings; or leaves it down (`running` is false,
 * and 0 is returned) where FIPS mode forbids it: a self-test failed, or the key is not approved.
 * 0 or a negative errno, told. */
int endpoint_start(struct endpoint *endpoint, struct node *node);

/* Whether the running front listens where, and offers what, the settings say now; else it must be
 * started again, which ends every connection and makes every session ticket void. */
bool endpoint_is_as_set(const struct endpoint *endpoint, const struct node *node);

/* Tells a running front whom it serves, where health.stations has changed. 0, or a negative code:
 * then it must be started again. */
int endpoint_admit(struct endpoint *endpoint, const struct node *node);

/* Ends the front; endpoint_start may follow. */
void endpoint_stop(struct endpoint *endpoint);
void endpoint_close(struct endpoint *endpoint);

#endif
