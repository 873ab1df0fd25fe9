/* dh.pem: RFC 7919's 2048-bit group, as PKCS #3 DHParameter in PEM, behind the stamp, which RFC
 * 7468 (2) allows there. */
#include "render/render.h"

#include "render/openssl_names.h"

static const char ffdhe2048[] = "-----BEGIN DH PARAMETERS-----\n"
                                "MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz\n"
                                "+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a\n"
                                "87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7\n"
                                "YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi\n"
                                "7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD\n"
                                "ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==\n"
                                "-----END DH PARAMETERS-----\n";

void render_dh_pem(const struct policy *policy, struct buf *out)
{
    openssl_names_stamp(policy, out);
    buf_puts(out, ffdhe2048);
}
