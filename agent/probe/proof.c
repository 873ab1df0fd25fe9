/* Which stack proves what, and the walk over a scan's result. */
#include "probe/proof.h"

#include "base/clock.h"
#include "probe/proof_stack.h"

#include <errno.h>
#include <time.h>

enum {
    TRIES = 4,    /* of what was closed without a word: a listener may have a budget */
    PAUSE_MS = 60 /* before the next: twenty a second are not too many for it */
};

/* In the order of preference: for a handshake; for resumption, where BearSSL has no tickets, and
 * for a listener with the extended master secret, without which it may refuse (RFC 7627, 5.3), and
 * which BearSSL has not. */
static const struct proof_stack *const provers[] = {&proof_bearssl, &proof_mbedtls, NULL};
static const struct proof_stack *const resumers[] = {&proof_mbedtls, &proof_bearssl, NULL};

static const struct proof_stack *first_of(const struct proof_stack *const *stacks,
                                          enum tls_version version, uint16_t suite)
{
    while (*stacks && !(*stacks)->implements(version, suite))
        stacks++;
    return *stacks;
}

/* --- one question at a time --- */

struct run {
    const struct target *target;
    const struct probe_options *options;
    uint64_t deadline_ms;
    struct probe_result *result;
    bool paced;  /* the listener closes what comes too fast */
    bool proved; /* a handshake came to its end */
    bool late;   /* one was not answered in time, or closed without a word */
    bool ended;  /* the deadline came first */
};

static void pause_briefly(void)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static int ask(struct run *run, int (*question)(const struct proof_task *task),
               struct proof_task *task)
{
    int answer = -ETIMEDOUT;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t now_ms = clock_boot_ms();
        run->ended = now_ms >= run->deadline_ms;
        if (run->ended)
            return -ETIMEDOUT;
        if (run->paced)
            pause_briefly();
        uint64_t left_ms = run->deadline_ms - now_ms;
        uint32_t answer_ms = run->options->answer_ms;
        task->deadline_ms = now_ms + (left_ms < answer_ms ? left_ms : answer_ms);
        answer = question(task);
        if (answer != -ECONNRESET)
            return answer;
        run->paced = true;
    }
    return answer;
}

/* Whether an error is the listener's own answer: it failed or closed. A late answer, or a question
 * not sent for lack of a port or memory, is none. */
static bool is_refusal(int error)
{
    return error == -EPROTO || error == -ECONNRESET || error == -EPIPE;
}

static void note_proof(struct run *run, struct probe_suite *suite, int error)
{
    if (error == 0)
        suite->proof = PROOF_DONE;
    else if (is_refusal(error))
        suite->proof = PROOF_FAILED;
    run->proved |= error == 0;
    run->late |= error && error != -EPROTO;
}

static void prove_version(struct run *run, struct probe_version *version)
{
    for (size_t i = 0; i < version->suite_count && !run->ended; i++) {
        struct probe_suite *suite = &version->suites[i];
        const struct proof_stack *stack = first_of(
            version->master_secret == PROBE_YES ? resumers : provers, version->version, suite->id);
        if (!stack)
            continue;
        struct proof_task task = {
            .target = run->target,
            .version = version->version,
            .suite = suite->id,
            .chain = &run->result->chain,
            .key_proved = &run->result->key_proved,
            .connections = &run->result->connections,
        };
        int error = ask(run, stack->handshake, &task);
        note_proof(run, suite, error);
        if (error || version->resumption != PROBE_UNKNOWN)
            continue;
        stack = first_of(resumers, version->version, suite->id);
        int resumed = ask(run, stack->resumes, &task);
        if (resumed >= 0)
            version->resumption = resumed ? PROBE_YES : PROBE_NO;
    }
}

static bool serves(struct run *run, struct proof_task *task)
{
    return ask(run, proof_mbedtls.handshake, task) == 0;
}

/* Whether a client without the extended master secret is served, with a suite that was proved: what
 * it is refused for must be that alone, and where it was closed without a word, a client with it
 * must still be served. The server's hello does not say so: OpenSSL refuses by its FIPS provider,
 * when the keys are derived. */
static void prove_plain_secret(struct run *run, struct probe_version *version)
{
    for (size_t i = 0; i < version->suite_count; i++) {
        const struct probe_suite *suite = &version->suites[i];
        if (suite->proof != PROOF_DONE || !proof_mbedtls.implements(version->version, suite->id))
            continue;
        struct proof_task task = {
            .target = run->target,
            .version = version->version,
            .suite = suite->id,
            .plain_secret = true,
            .connections = &run->result->connections,
        };
        int error = ask(run, proof_mbedtls.handshake, &task);
        task.plain_secret = false;
        if (error == 0)
            version->plain_secret = PROBE_YES;
        else if (error == -EPROTO || (is_refusal(error) && serves(run, &task)))
            version->plain_secret = PROBE_NO;
        return;
    }
}

/* --- pages --- */

/* The newest version and first suite that a handshake proved and that can be asked with. */
static bool choose(const struct run *run, struct proof_task *task)
{
    for (size_t v = PROBE_VERSIONS; v-- > 0;) {
        const struct probe_version *version = &run->result->version[v];
        for (size_t i = 0; i < version->suite_count; i++) {
            task->version = version->version;
            task->suite = version->suites[i].id;
            if (version->suites[i].proof == PROOF_DONE &&
                proof_mbedtls.implements(task->version, task->suite))
                return true;
        }
    }
    return false;
}

/* Whether nothing can be said about the key: none was proved, and not each refused. */
static bool is_unproved(const struct run *run)
{
    return !run->proved && (run->late || run->ended);
}

/* One that is not answered in time is not followed by another. */
static void ask_for_pages(struct run *run)
{
    struct proof_task task = {.target = run->target, .connections = &run->result->connections};
    bool possible = choose(run, &task);
    int error = possible ? 0 : is_unproved(run) ? -ETIMEDOUT : -EPROTONOSUPPORT;
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        struct buf request = {0};
        page_request(i, run->options->host, &request);
        task.request = buf_text(&request);
        task.page = &run->result->page[i];
        if (error == 0)
            error = buf_error(&request) ? buf_error(&request) : ask(run, proof_mbedtls_ask, &task);
        if (error)
            *task.page = (struct page_answer){.error = error};
        if (error != -ETIMEDOUT && possible)
            error = 0;
        buf_free(&request);
    }
}

int proof_run(const struct target *target, const struct probe_options *options,
              uint64_t deadline_ms, struct probe_result *result)
{
    struct run run = {
        .target = target, .options = options, .deadline_ms = deadline_ms, .result = result};
    for (size_t i = PROBE_VERSIONS; i-- > 0;)
        if (result->version[i].accepted)
            prove_version(&run, &result->version[i]);
    int error = run.ended || is_unproved(&run) ? -ETIME : 0;
    prove_plain_secret(&run, &result->version[TLS_1_2 - SSL_3_0]);
    if (options->host)
        ask_for_pages(&run);
    return error;
}
