/* The SHA-256 fingerprint of the endpoint's certificate in a file of one line: for the console,
 * which shows it to whoever sets a station up. */
#ifndef HOLDFAST_DAEMON_FINGERPRINT_H
#define HOLDFAST_DAEMON_FINGERPRINT_H

#define FINGERPRINT_PATH "/run/holdfast/fingerprint"

/* Below `root`. A failure is logged. */
void fingerprint_write(const char *root, const char *fingerprint);

/* Where nothing is served by it any more. */
void fingerprint_remove(const char *root);

#endif
