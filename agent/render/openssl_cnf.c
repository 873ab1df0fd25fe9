/* openssl.cnf: a section a surface, that of https-out being the system's. */
#include "render/render.h"

#include "render/openssl_names.h"

static void put_line(struct buf *out, const char *name, const struct surface_record *record,
                     void (*words)(const struct surface_record *record, struct buf *out))
{
    buf_printf(out, "%s = ", name);
    words(record, out);
    buf_putc(out, '\n');
}

static void put_surface(struct buf *out, enum surface surface, const struct surface_record *record)
{
    buf_printf(out, "\n# %s\n[%s]\n", surface_table[surface].title, surface_table[surface].name);
    buf_printf(out, "MinProtocol = %s\n", openssl_names_version(record->first));
    buf_printf(out, "MaxProtocol = %s\n", openssl_names_version(record->last));
    put_line(out, "CipherString", record, openssl_names_ciphers);
    put_line(out, "Ciphersuites", record, openssl_names_suites_of_1_3);
    put_line(out, "Groups", record, openssl_names_groups);
    put_line(out, "SignatureAlgorithms", record, openssl_names_signatures);
    buf_puts(out, "Options = ServerPreference\n");
}

void render_openssl_cnf(const struct policy *policy, struct buf *out)
{
    openssl_names_stamp(policy, out);
    buf_puts(out, "# For programs on OpenSSL 3: OPENSSL_CONF=" RENDER_FOLDER "/openssl.cnf\n"
                  "openssl_conf = holdfast\n\n[holdfast]\nssl_conf = surfaces\n\n[surfaces]\n");
    buf_printf(out, "system_default = %s\n", surface_table[SURFACE_HTTPS_OUT].name);
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++)
        buf_printf(out, "%s = %s\n", surface_table[surface].name, surface_table[surface].name);
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++)
        put_surface(out, surface, &policy->crypto.surface[surface]);
}
