/* Access to a result. */
#include "probe/result.h"

const struct probe_version *probe_version(const struct probe_result *result,
                                          enum tls_version version)
{
    return &result->version[version - SSL_3_0];
}
