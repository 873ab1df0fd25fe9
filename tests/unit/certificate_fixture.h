/* A certificate that names more hosts and addresses than the node's own ever does. */
#ifndef HOLDFAST_TESTS_CERTIFICATE_FIXTURE_H
#define HOLDFAST_TESTS_CERTIFICATE_FIXTURE_H

#include "pki/certificate.h"

#include <stddef.h>

enum { CERTIFICATE_NAME_SIZE = 64 };

/* Makes the chain one self-signed certificate with these SANs: addresses, and names of hosts. */
void certificate_with_names(struct certificate_chain *chain,
                            const char (*names)[CERTIFICATE_NAME_SIZE], size_t count);

#endif
