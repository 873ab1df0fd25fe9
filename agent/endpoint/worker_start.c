/* Both sides of the memfd. What is checked here comes from the same binary, but a person may start
 * the process too: seal and sizes before meaning. */
#include "endpoint/worker_start.h"

#include "base/file.h"
#include "base/memfd.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 0x48465331, PEM_MAX = 1 << 16 };

/* --- the daemon's side --- */

static int write_all(int fd, const struct worker_start *start, const struct worker_setup *setup)
{
    const struct buf *certificate = &setup->certificate_pem, *key = &setup->key_pem;
    int error = file_write_all(fd, start, sizeof(*start));
    if (error == 0)
        error = file_write_all(fd, certificate->data, certificate->length);
    if (error == 0)
        error = file_write_all(fd, key->data, key->length);
    return error ? error : memfd_seal(fd);
}

int worker_start_seal(const struct worker_setup *setup)
{
    if (setup->certificate_pem.length > PEM_MAX || setup->key_pem.length > PEM_MAX)
        return -E2BIG;
    const struct worker_start start = {
        .magic = MAGIC,
        .size = sizeof(start),
        .certificate_size = (uint32_t)setup->certificate_pem.length,
        .key_size = (uint32_t)setup->key_pem.length,
        .fips = setup->fips,
        .ticket_key_s = setup->ticket_key_s,
        .limits = setup->limits,
        .stations = *setup->stations,
        .offer = setup->offer,
    };
    int fd = memfd_open("endpoint");
    int error = fd < 0 ? fd : write_all(fd, &start, setup);
    if (error == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return error;
}

/* --- the child's side --- */

static bool start_is_valid(const struct worker_start *start, off_t file_size)
{
    return start->magic == MAGIC && start->size == sizeof(*start) &&
           start->certificate_size <= PEM_MAX && start->key_size <= PEM_MAX &&
           file_size == (off_t)(sizeof(*start) + start->certificate_size + start->key_size) &&
           start->limits.connections <= WORKER_CONNECTIONS_MAX &&
           stations_are_valid(&start->stations) && tls_offer_is_valid(&start->offer);
}

static int read_pem(int fd, struct buf *pem, size_t size)
{
    int error = buf_reserve(pem, size);
    if (error == 0)
        error = file_read_exactly(fd, pem->data, size);
    if (error)
        return error;
    pem->length = size;
    pem->data[size] = '\0';
    return 0;
}

int worker_start_read(int fd, struct worker_start *start, struct buf *certificate, struct buf *key)
{
    struct stat status;
    if (!memfd_is_sealed(fd) || fstat(fd, &status) < 0 || status.st_size < (off_t)sizeof(*start) ||
        file_read_exactly(fd, start, sizeof(*start)) < 0 || !start_is_valid(start, status.st_size))
        return -EBADMSG;
    int error = read_pem(fd, certificate, start->certificate_size);
    return error ? error : read_pem(fd, key, start->key_size);
}
