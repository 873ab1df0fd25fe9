/* The questions: a line for each version's suites and their order, two for groups, and two for
 * signatures that no client should be given. */
#include "probe/enumeration.h"

#include "base/cursor.h"
#include "base/str.h"
#include "probe/ciphers.h"
#include "probe/scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINES_MAX = PROBE_VERSIONS + 4 };

enum step { STEP_STRIKE, STEP_ORDER, STEP_DONE };

enum subject { SUBJECT_SUITES, SUBJECT_GROUPS, SUBJECT_SIGNATURES };

struct inquiry {
    struct scan_prober scan_prober; /* first, so that one is the other */
    const struct target *target;
    struct probe_result *result;
    struct probe_version *version; /* where it is kept */
    enum tls_version asked;
    enum step step;
    enum subject subject; /* what is removed: for signatures, the suites of one kind of key */
    enum hello_signatures signatures;
    bool share; /* TLS 1.3: the server wants a key share before it answers */
    uint16_t suites[CIPHERS_MAX], groups[GROUPS_MAX];
    size_t suite_count, group_count;
};

static struct inquiry *inquiry_of(struct scan_prober *scan_prober)
{
    return (struct inquiry *)(void *)scan_prober;
}

/* --- asking --- */

/* The suites that were found, the last one first: a server that keeps its own order is not
 * moved. */
static void reverse_found(struct inquiry *inquiry)
{
    const struct probe_version *version = inquiry->version;
    inquiry->suite_count = version->suite_count;
    for (size_t i = 0; i < version->suite_count; i++)
        inquiry->suites[i] = version->suites[version->suite_count - 1 - i].id;
}

static int ask(struct scan_prober *scan_prober, unsigned char to[HELLO_SIZE_MAX])
{
    struct inquiry *inquiry = inquiry_of(scan_prober);
    if (inquiry->step == STEP_DONE || inquiry->suite_count == 0 ||
        (inquiry->subject == SUBJECT_GROUPS && inquiry->group_count == 0))
        return 0;
    struct hello hello = {
        .version = inquiry->asked,
        .suites = inquiry->suites,
        .suite_count = inquiry->suite_count,
        .groups = inquiry->groups,
        .group_count = inquiry->group_count,
        .signatures = inquiry->signatures,
        .server_name = inquiry->target->named ? inquiry->target->name : NULL,
        .share = inquiry->share,
    };
    return hello_write(&hello, to);
}

/* --- striking out --- */

/* False when it was not there: the server chose something that was not offered. */
static bool strike(uint16_t *codes, size_t *count, uint16_t code)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (codes[i] != code)
            codes[kept++] = codes[i];
    bool found = kept < *count;
    *count = kept;
    return found;
}

static enum probe_answer answer(bool yes)
{
    return yes ? PROBE_YES : PROBE_NO;
}

/* What the first hello of a version says beside its suite. TLS 1.3 has none of these to say. */
static void note_features(struct probe_version *version, const struct reply *reply)
{
    version->accepted = true;
    if (version->version >= TLS_1_3)
        return;
    version->renegotiation = answer(reply->renegotiation);
    version->master_secret = answer(reply->master_secret);
    version->ticket = answer(reply->ticket);
    version->session_id = answer(reply->session_id);
    version->compression = answer(reply->compression != 0);
}

static void note_group(struct probe_result *result, uint16_t code, uint16_t version)
{
    if (code == 0)
        return;
    for (size_t i = 0; i < result->group_count; i++) {
        if (result->groups[i].code != code)
            continue;
        if (version > result->groups[i].version)
            result->groups[i].version = version;
        return;
    }
    if (result->group_count < PROBE_GROUPS_MAX)
        result->groups[result->group_count++] = (struct probe_group){code, version};
}

static void note_signature(struct probe_result *result, uint16_t code)
{
    for (size_t i = 0; i < result->signature_count; i++)
        if (result->signatures[i] == code)
            return;
    if (code && result->signature_count < PROBE_SIGNATURES_MAX)
        result->signatures[result->signature_count++] = code;
}

static void note_suite(struct inquiry *inquiry, const struct reply *reply)
{
    struct probe_version *version = inquiry->version;
    if (!version->accepted)
        note_features(version, reply);
    if (version->suite_count < PROBE_SUITES_MAX)
        version->suites[version->suite_count++] = (struct probe_suite){
            .id = reply->suite, .group = reply->group, .dh_bits = reply->dh_bits};
}

/* The list of a Certificate message before TLS 1.3: each behind a length of three bytes. */
static void note_chain(struct certificate_chain *chain, const struct reply_reader *reader)
{
    struct cursor list = {reader->certificates, reader->certificates_length, false};
    if (certificate_chain_is_seen(chain))
        return;
    while (list.left) {
        struct cursor one = cursor_vector(&list, 3);
        if (list.bad || one.left == 0)
            return;
        certificate_chain_add(chain, one.at, one.left);
    }
}

/* --- hearing --- */

static void end_of_suites(struct inquiry *inquiry)
{
    inquiry->step = inquiry->version->suite_count > 1 ? STEP_ORDER : STEP_DONE;
    reverse_found(inquiry);
}

static void on_response_suite(struct inquiry *inquiry, const struct reply_reader *reader)
{
    const struct reply *reply = &reader->reply;
    note_suite(inquiry, reply);
    note_group(inquiry->result, reply->group, reply->version);
    note_signature(inquiry->result, reply->signature);
    note_chain(&inquiry->result->chain, reader);
    if (!strike(inquiry->suites, &inquiry->suite_count, reply->suite) || inquiry->suite_count == 0)
        end_of_suites(inquiry);
}

static void on_response_group(struct inquiry *inquiry, const struct reply *reply)
{
    note_group(inquiry->result, reply->group, reply->version);
    if (!strike(inquiry->groups, &inquiry->group_count, reply->group))
        inquiry->step = STEP_DONE; /* a suite without a group: there is nothing left to strike */
}

/* Suites that need the same kind of key are signed alike. */
static void on_response_signature(struct inquiry *inquiry, const struct reply *reply)
{
    size_t kept = 0;
    note_signature(inquiry->result, reply->signature);
    for (size_t i = 0; i < inquiry->suite_count; i++)
        if (cipher_key(inquiry->suites[i]) != cipher_key(reply->suite))
            inquiry->suites[kept++] = inquiry->suites[i];
    if (kept == inquiry->suite_count)
        inquiry->step = STEP_DONE; /* it chose what was not offered */
    inquiry->suite_count = kept;
}

/* A server that refuses a TLS 1.3 hello without a share may take one that has it. */
static bool try_with_share(struct inquiry *inquiry, enum scan_response scan_response)
{
    if (inquiry->asked != TLS_1_3 || inquiry->share || scan_response != SCAN_ALERT ||
        inquiry->version->accepted)
        return false;
    inquiry->share = true;
    return true;
}

static void on_response(struct scan_prober *scan_prober, enum scan_response scan_response,
                        const struct reply_reader *reader)
{
    struct inquiry *inquiry = inquiry_of(scan_prober);
    const struct reply *reply = &reader->reply;
    bool taken = scan_response == SCAN_HELLO && reply->version == inquiry->asked;
    if (inquiry->step == STEP_ORDER) {
        if (taken)
            inquiry->version->server_order = answer(reply->suite == inquiry->version->suites[0].id);
        inquiry->step = STEP_DONE;
    } else if (taken && inquiry->subject == SUBJECT_GROUPS) {
        on_response_group(inquiry, reply);
    } else if (taken && inquiry->subject == SUBJECT_SIGNATURES) {
        on_response_signature(inquiry, reply);
    } else if (taken) {
        on_response_suite(inquiry, reader);
    } else if (!try_with_share(inquiry, scan_response)) {
        inquiry->step = STEP_DONE;
        if (inquiry->subject == SUBJECT_SUITES)
            end_of_suites(inquiry);
    }
}

/* --- the lines --- */

static void prepare(struct inquiry *inquiry, const struct target *target,
                    struct probe_result *result, size_t version)
{
    *inquiry = (struct inquiry){
        .scan_prober = {.ask = ask, .on_response = on_response},
        .target = target,
        .result = result,
        .version = &result->version[version],
        .asked = result->version[version].version,
    };
    inquiry->suite_count = ciphers_of_version(inquiry->asked, inquiry->suites);
    inquiry->group_count = groups_known(inquiry->asked < TLS_1_3, inquiry->groups);
}

static void prepare_groups(struct inquiry *inquiry, const struct target *target,
                           struct probe_result *result, enum tls_version version)
{
    prepare(inquiry, target, result, (size_t)(version - SSL_3_0));
    inquiry->subject = SUBJECT_GROUPS;
    size_t kept = 0;
    for (size_t i = 0; version < TLS_1_3 && i < inquiry->suite_count; i++)
        if (cipher_parameters(inquiry->suites[i]) == PARAMETERS_ECDH)
            inquiry->suites[kept++] = inquiry->suites[i];
    if (version < TLS_1_3)
        inquiry->suite_count = kept;
}

/* Whether a key exchange with that suite is signed. */
static bool is_signed(uint16_t suite)
{
    return cipher_parameters(suite) != PARAMETERS_NONE && cipher_key(suite) != CIPHER_KEY_ANY;
}

static void prepare_signatures(struct inquiry *inquiry, const struct target *target,
                               struct probe_result *result, enum hello_signatures signatures)
{
    prepare(inquiry, target, result, TLS_1_2 - SSL_3_0);
    inquiry->subject = SUBJECT_SIGNATURES;
    inquiry->signatures = signatures;
    size_t kept = 0;
    for (size_t i = 0; i < inquiry->suite_count; i++)
        if (is_signed(inquiry->suites[i]))
            inquiry->suites[kept++] = inquiry->suites[i];
    inquiry->suite_count = kept;
}

/* --- what it came to --- */

static bool any_accepted(const struct probe_result *result)
{
    for (size_t i = 0; i < PROBE_VERSIONS; i++)
        if (result->version[i].accepted)
            return true;
    return false;
}

static void fail(struct probe_result *result, int error, const char *reason)
{
    result->error = error;
    (void)snprintf(result->reason, sizeof(result->reason), "%s", reason);
}

/* Nothing was accepted: why, the plainest first. */
static void explain(struct probe_result *result, const struct scan_count *counted)
{
    const uint32_t *scan_response = counted->scan_response;
    if (scan_response[SCAN_ALERT] || scan_response[SCAN_HELLO])
        fail(result, -EPROTO, "it refuses every ClientHello: no version, no suite");
    else if (scan_response[SCAN_GARBAGE])
        fail(result, -EPROTO, "it does not answer in TLS");
    else if (scan_response[SCAN_NOTHING])
        fail(result, counted->error, strerror(-counted->error));
    else if (scan_response[SCAN_CLOSED])
        fail(result, -ECONNRESET, "it closes every connection without an answer");
    else if (counted->begun)
        fail(result, -ETIMEDOUT, "it begins to answer and does not finish in time");
    else
        fail(result, -ETIMEDOUT, "it accepts connections and sends nothing");
}

void enumeration_run(const struct target *target, const struct probe_options *options,
                     uint64_t deadline_ms, struct probe_result *result)
{
    struct inquiry inquiries[LINES_MAX];
    struct scan_prober *scan_probers[LINES_MAX];
    struct scan_limits limits = {deadline_ms, options->answer_ms, options->parallel};
    struct scan_count counted;
    for (size_t i = 0; i < PROBE_VERSIONS; i++)
        prepare(&inquiries[i], target, result, i);
    prepare_groups(&inquiries[PROBE_VERSIONS], target, result, TLS_1_2);
    prepare_groups(&inquiries[PROBE_VERSIONS + 1], target, result, TLS_1_3);
    prepare_signatures(&inquiries[PROBE_VERSIONS + 2], target, result, HELLO_SIGNATURES_UNSAID);
    prepare_signatures(&inquiries[PROBE_VERSIONS + 3], target, result, HELLO_SIGNATURES_FORBIDDEN);
    for (size_t i = 0; i < LINES_MAX; i++)
        scan_probers[i] = &inquiries[i].scan_prober;
    int error = scan_run(target, &limits, scan_probers, LINES_MAX, &counted);
    result->connections += counted.connections;
    if (error)
        fail(result, error, strerror(-error));
    else if (!any_accepted(result))
        explain(result, &counted);
    else if (counted.unfinished)
        fail(result, -ETIME, "it answers too slowly: not every question was sent in time");
    else if (counted.scan_response[SCAN_SILENCE] || counted.scan_response[SCAN_NOTHING])
        fail(result, -ETIME, "it answers too slowly: not every question was answered in time");
}
