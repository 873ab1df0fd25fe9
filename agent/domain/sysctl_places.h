/*
 * Where kernel parameters lie: the folders of /proc/sys, and the interfaces in them.
 */
#ifndef HOLDFAST_DOMAIN_SYSCTL_PLACES_H
#define HOLDFAST_DOMAIN_SYSCTL_PLACES_H

#include "base/buf.h"
#include "domain/domain.h"

enum { SYSCTL_IPV4, SYSCTL_IPV6, SYSCTL_FAMILIES };

/* The folders of /proc/sys that hold the keys, and the interfaces in them: opened and listed once
 * for all checks. */
struct sysctl_places {
    int sys;                   /* /proc/sys */
    int conf[SYSCTL_FAMILIES]; /* net/ipv4/conf, net/ipv6/conf; -1 where the kernel has none, or */
    int why[SYSCTL_FAMILIES];  /* why it could not be opened, else 0 */
    struct buf
        interfaces[SYSCTL_FAMILIES]; /* names, each with its NUL; all and default among them */
    int error;
};

/* Opens and lists them; what could not be stands in `error` and `why`. The caller closes them,
 * whatever came of it. */
void sysctl_places_open(struct sysctl_places *places, const struct system *system);
void sysctl_places_close(struct sysctl_places *places);

/* 0 for "all", 1 for "default", 2 for an interface: their order in reports. */
int sysctl_place_rank(const char *place);

#endif
