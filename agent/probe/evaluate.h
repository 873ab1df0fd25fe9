/*
 * The judge: a probe's result held against a surface's record, and against what no listener should
 * do. Pure.
 *
 * A fault is something accepted that should not be. That something permitted is not offered is a
 * note, and not even that where the certificate's kind of key excludes it.
 */
#ifndef HOLDFAST_PROBE_EVALUATE_H
#define HOLDFAST_PROBE_EVALUATE_H

#include "policy/crypto.h"
#include "probe/result.h"

enum topic {
    TOPIC_VERSIONS,
    TOPIC_SUITES,
    TOPIC_GROUPS,
    TOPIC_SIGNATURES, /* of the key exchange in TLS 1.2 */
    TOPIC_ORDER,
    TOPIC_SESSIONS, /* renegotiation, extended master secret, compression */
    TOPIC_CERTIFICATE,
    TOPIC_HEADERS, /* of HTTP, where pages were requested */
    TOPIC_COUNT
};

/* "versions", "suites", ... */
const char *topic_name(enum topic topic);

enum { FINDING_TEXT_SIZE = 400 };

/* The effect of a finding: a fault of the listener, a fault of the node that runs it, or a check
 * without proof. */
enum finding_effect { FINDING_NOTE, FINDING_UNCHECKED, FINDING_ADVICE, FINDING_FAULT };

struct finding {
    enum topic topic;
    bool fault;                 /* else a note */
    enum finding_effect effect; /* of a note: how a check of the node's own listener ends by it */
    enum setting_key setting;   /* the setting that would permit it; SETTING_NONE: none does */
    char text[FINDING_TEXT_SIZE];
};

/* The receiver of findings, in the order of topics. */
struct evaluate_listener {
    void (*found)(void *context, const struct finding *finding);
    void *context;
};

/* The surface's record of `crypto`; SURFACE_NONE: no record is held against it. `now_s` is for the
 * certificate. */
void evaluate(const struct probe_result *result, const struct crypto *crypto, enum surface surface,
              int64_t now_s, const struct evaluate_listener *listener);

#endif
