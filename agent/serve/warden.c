/*
 * The warden's loop: one poll(2) over the kernel's announcements, the timer, the door, the front
 * and signals. A walk follows whatever says that something may have changed.
 */
#include "serve/warden.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "netlink/monitor.h"
#include "serve/door.h"
#include "serve/endpoint.h"
#include "serve/node.h"
#include "serve/pages.h"
#include "serve/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    SETTLE_MS = 20,     /* announcements come in bursts: one walk for all of them */
    RESPAWN_MS = 1000,  /* a front that dies at once must not become a busy loop */
    STALE_INTERVALS = 3 /* spec/interfaces: a snapshot older than that fails /health */
};

struct warden {
    const struct warden_setup *setup;
    struct node node;
    struct results results; /* of the last walk */
    struct monitor *monitor;
    struct door *door;
    struct endpoint endpoint;
    int signals, timer;
    uint64_t walk_due_ms;    /* CLOCK_BOOTTIME, 0: no walk is due */
    uint64_t respawn_due_ms; /* 0: the front runs */
    uint64_t generation, drift_repaired;
    int64_t last_drift_s;
    struct traffic_counts traffic;
    bool stop;
};
