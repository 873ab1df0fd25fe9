/*
 * The endpoint without a daemon, for tests and benchmarks from outside.
 *
 *   endpoint_driver ADDRESS PORT FOLDER [LIMIT=VALUE...] [guide] [SETTING=VALUE...]
 *
 * makes a self-signed certificate (FOLDER/cert.pem and key.pem, or takes those that are there),
 * starts the endpoint with system calls in kill mode and what the settings make of TLS and headers
 * (defaults; "guide": the guide's values), publishes pages, prints "ready PID", and takes
 * a command a line on standard input: "publish GENERATION", "stale" (pages too old at once),
 * "garbage" (a sealed file that is no snapshot), "unknown GENERATION" (a snapshot in a message of
 * another kind), "stations LIST" (health.stations, from now on).
 * What the endpoint records is printed as "counts NAME=VALUE...". It ends with its input, or when
 * the endpoint is gone ("gone").
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "endpoint/worker.h"
#include "pki/selfsigned.h"
#include "policy/policy.h"
#include "process/helper.h"
#include "snapshot/pages.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BIG_SIZE = 600000,
    LINE_SIZE = 4096,
    PEM_MAX = 1 << 16,
    DAYS = 30,
    OPTIONS_FROM = 4,
    NEVER_STALE = 0,
    TICKET_KEY_S = 3600
};

struct limit {
    const char *name;
    unsigned *value;
};

struct drive {
    struct worker worker;
    struct settings settings;
    struct policy policy;
};

typedef int send_snapshot(struct worker *worker, int fd);

/* As worker_publish(), but that the message is no such. */
static int send_unknown(struct worker *worker, int fd)
{
    struct worker_message message = {.magic = WORKER_MAGIC + 1, .size = sizeof(message)};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {&message, sizeof(message)};
    const struct msghdr header = {.msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control)};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    return sendmsg(worker->channel, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int publish(struct drive *drive, uint64_t generation, uint64_t stale_ms, send_snapshot *send)
{
    struct page pages[] = {
        {.path = "/", .type = "text/html; charset=utf-8", .status = 200},
        {.path = "/health", .type = "application/health+json", .status = 200},
        {.path = "/health", .type = "application/health+json", .status = 503, .kind = PAGE_STALE},
        {.path = "/live", .type = "text/plain; charset=utf-8", .status = 200},
        {.path = "/metrics", .type = "text/plain; version=0.0.4", .status = 200},
        {.path = "/metrics",
         .type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
         .status = 200,
         .kind = PAGE_OPENMETRICS},
        {.path = "/big", .type = "text/plain; charset=utf-8", .status = 200},
        {.path = "/empty", .type = "text/plain; charset=utf-8", .status = 200},
    };
    struct snapshot_head head = {
        .generation = generation,
        .boot_ms = clock_boot_ms(),
        .stale_ms = stale_ms,
    };
    int error = pages_headers(&drive->policy, &head);
    if (error)
        return error;
    buf_puts(&pages[0].body,
             "<!doctype html><title>t</title><style>b{color:red}</style><b>b</b>\n");
    buf_printf(&pages[1].body,
               "{\"status\":\"pass\",\"version\":\"1\",\"releaseId\":\"%llu\",\"serviceId\":"
               "\"holdfast\",\"notes\":[\"the same bytes for every server in a comparison\"]}\n",
               (unsigned long long)generation);
    buf_puts(&pages[2].body, "{\"status\":\"fail\"}\n");
    buf_puts(&pages[3].body, "live\n");
    buf_puts(&pages[4].body, "a 1\n");
    buf_puts(&pages[5].body, "a 1\n# EOF\n");
    while (pages[6].body.length < BIG_SIZE)
        buf_printf(&pages[6].body, "%07zu generation %llu\n", pages[6].body.length,
                   (unsigned long long)generation);
    int fd = snapshot_seal(&head, pages, countof(pages));
    error = fd < 0 ? fd : send(&drive->worker, fd);
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; i < countof(pages); i++)
        buf_free(&pages[i].body);
    return error;
}

static int publish_garbage(struct worker *worker)
{
    int fd = memfd_create("garbage", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int error = file_write_all(fd, "garbage", strlen("garbage"));
    if (error == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        error = -errno;
    if (error == 0)
        error = worker_publish(worker, fd);
    close(fd);
    return error;
}

static int pair_file(char *path, size_t size, const char *folder, const char *name)
{
    int length = snprintf(path, size, "%s/%s", folder, name);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static int load_pair(struct worker_setup *setup, const char *folder)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    char certificate[256], key[256];
    int error = pair_file(certificate, sizeof(certificate), folder, "cert.pem");
    if (error == 0)
        error = pair_file(key, sizeof(key), folder, "key.pem");
    if (error == 0 && access(certificate, R_OK) == 0) {
        error = file_read(certificate, PEM_MAX, &setup->certificate_pem);
        return error ? error : file_read(key, PEM_MAX, &setup->key_pem);
    }
    if (error == 0)
        error = selfsigned_make(&(struct selfsigned_order){.names = names,
                                                           .count = countof(names),
                                                           .now_s = clock_now_s()},
                                &setup->certificate_pem, &setup->key_pem);
    if (error == 0)
        error = file_replace(certificate, setup->certificate_pem.data,
                             setup->certificate_pem.length, 0644);
    if (error == 0)
        error = file_replace(key, setup->key_pem.data, setup->key_pem.length, 0600);
    return error;
}

static int take_limit(const struct limit *limits, size_t count, const char *option)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(limits[i].name);
        uint64_t value;
        if (strncmp(option, limits[i].name, length) != 0 || option[length] != '=')
            continue;
        if (str_to_u64(option + length + 1, 0, UINT32_MAX, &value) < 0)
            return -EINVAL;
        *limits[i].value = (unsigned)value;
        return 0;
    }
    return -EINVAL;
}

/* A setting's name has a point in it. */
static int take_setting(struct settings *settings, const char *option)
{
    char name[LINE_SIZE];
    struct buf why = {0};
    const char *value = strchr(option, '=');
    if (str_equal(option, "guide"))
        return settings_strictest(settings);
    if (!value || (size_t)(value - option) >= sizeof(name))
        return -EINVAL;
    memcpy(name, option, (size_t)(value - option));
    name[value - option] = '\0';
    int key = setting_find(name);
    int error = key < 0 ? -EINVAL : settings_put(settings, (enum setting_key)key, value + 1, &why);
    if (error)
        log_error("%s: %s", option, buf_text(&why));
    buf_free(&why);
    return error;
}

static int take_options(struct worker_setup *setup, struct settings *settings, char **options)
{
    struct worker_limits *to = &setup->limits;
    const struct limit limits[] = {
        {"connections", &to->connections},
        {"connections_per_address", &to->connections_per_address},
        {"handshake_ms", &to->handshake_ms},
        {"head_ms", &to->head_ms},
        {"idle_ms", &to->idle_ms},
        {"life_ms", &to->life_ms},
        {"handshakes_per_address_s", &to->handshakes_per_address_s},
        {"head_bytes", &to->head_bytes},
        {"ticket_key_s", &setup->ticket_key_s},
    };
    int error = 0;
    for (; *options && error == 0; options++)
        error = str_equal(*options, "guide") || strchr(*options, '.')
                    ? take_setting(settings, *options)
                    : take_limit(limits, countof(limits), *options);
    return error;
}

static void print_counts(const struct traffic_counts *counts)
{
#define COUNT(name) printf(" " #name "=%llu", (unsigned long long)counts->name)
    printf("counts");
    COUNT(connections);
    COUNT(handshakes);
    COUNT(handshake_failures);
    COUNT(renegotiations);
    COUNT(requests);
    COUNT(refused_connections);
    COUNT(refused_address);
    COUNT(refused_rate);
    COUNT(refused_unknown);
    COUNT(delayed);
    COUNT(gave_way);
    COUNT(timed_out);
    COUNT(refused_requests);
    putchar('\n');
    fflush(stdout);
#undef COUNT
}

static int admit(struct drive *drive, char *list)
{
    for (char *space = strchr(list, ' '); space; space = strchr(space, ' '))
        *space = '\n'; /* between items of a list */
    struct stations stations;
    struct buf why = {0};
    int error = settings_put(&drive->settings, HEALTH_STATIONS, list, &why);
    buf_free(&why);
    if (error == 0)
        error = stations_read(&stations, &drive->settings);
    return error ? error : worker_admit(&drive->worker, &stations);
}

static int obey(struct drive *drive, char *line)
{
    static const char verb[] = "publish ", stations[] = "stations ", unknown[] = "unknown ";
    line[strcspn(line, "\n")] = '\0';
    if (str_equal(line, "stale"))
        return publish(drive, 1, 1, worker_publish);
    if (str_equal(line, "garbage"))
        return publish_garbage(&drive->worker);
    if (str_starts(line, stations))
        return admit(drive, line + sizeof(stations) - 1);
    uint64_t generation;
    if (str_starts(line, unknown) &&
        str_to_u64(line + sizeof(unknown) - 1, 0, UINT32_MAX, &generation) == 0)
        return publish(drive, generation, NEVER_STALE, send_unknown);
    if (!str_starts(line, verb) ||
        str_to_u64(line + sizeof(verb) - 1, 0, UINT32_MAX, &generation) < 0)
        return -EINVAL;
    return publish(drive, generation, NEVER_STALE, worker_publish);
}

static int serve(struct drive *drive)
{
    char line[LINE_SIZE];
    struct worker_record record;
    int error = publish(drive, 1, NEVER_STALE, worker_publish);
    printf("ready %d\n", drive->worker.pid);
    fflush(stdout);
    while (error == 0) {
        struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {drive->worker.channel, POLLIN, 0}};
        if (poll(fds, countof(fds), -1) < 0 && errno != EINTR)
            return -errno;
        if (fds[1].revents) {
            error = worker_record_read(&drive->worker, &record);
            if (error == 0)
                print_counts(&record.counts);
        }
        if (fds[0].revents) {
            if (!fgets(line, sizeof(line), stdin))
                return 0;
            error = obey(drive, line);
        }
        if (error == -EAGAIN)
            error = 0;
    }
    if (error == -EPIPE)
        puts("gone");
    return error;
}

static void make_policy(struct drive *drive, struct worker_setup *setup)
{
    const struct policy_input input = {.role = ROLE_MANAGEMENT, .settings = &drive->settings};
    policy_make(&drive->policy, &input);
    tls_offer_make(&setup->offer, &drive->policy.crypto, SURFACE_HTTPS_IN);
}

int main(int count, char **arguments)
{
    int status = helper_main(count, arguments);
    if (status >= 0)
        return status;
    uint64_t port;
    struct drive drive = {0};
    struct worker_setup setup = {
        .limits = {100, 10, 10000, 10000, 60000, 600000, 20, 8192},
        .errors = STDERR_FILENO,
        .ticket_key_s = TICKET_KEY_S,
    };
    log_setup("endpoint_driver", LOG_LEVEL_NOTICE);
    if (count < OPTIONS_FROM || str_to_u64(arguments[2], 1, UINT16_MAX, &port) < 0 ||
        settings_defaults(&drive.settings) < 0 ||
        take_options(&setup, &drive.settings, arguments + OPTIONS_FROM) < 0 ||
        load_pair(&setup, arguments[3]) < 0)
        return 2;
    setvbuf(stdin, NULL, _IONBF, 0); /* a line is read whole, and poll(2) tells the truth */
    setup.address = arguments[1];
    setup.port = (uint16_t)port;
    make_policy(&drive, &setup);
    struct stations stations;
    if (stations_read(&stations, &drive.settings) < 0)
        return 2;
    setup.stations = &stations;
    int error = worker_spawn(&drive.worker, &setup);
    buf_free(&setup.certificate_pem);
    buf_wipe(&setup.key_pem);
    if (error)
        return 2;
    error = serve(&drive);
    worker_stop(&drive.worker);
    settings_free(&drive.settings);
    return error ? 1 : 0;
}
