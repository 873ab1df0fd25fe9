/*
 * The files that the services of the node read: each is a function of the policy alone, without
 * I/O. Who writes them, where and when is the files domain's to say (domain/files.c).
 *
 * Each appends one whole file to `out`; the caller asks buf_error(). The first line, or of JSON the
 * first members, says who wrote it and for which revision of the settings.
 * Source: spec/crypto.md, "What is rendered".
 */
#ifndef HOLDFAST_RENDER_RENDER_H
#define HOLDFAST_RENDER_RENDER_H

#include "base/buf.h"
#include "policy/policy.h"

/* Where the files lie, below the root: what one names of another, it names by this. */
#define RENDER_FOLDER "/run/holdfast/crypto"

/* What is no TLS. */
#define RENDER_WEB     "/run/holdfast/web.json"
#define RENDER_NETWORK "/run/holdfast/network.conf"

/* The record of every surface (policy.schema.json). */
void render_policy_json(const struct policy *policy, struct buf *out);

/* The object of one surface in it: https-in, https-out, sip-in, sip-out, srtp or h323; false, and
 * nothing is written, where there is no such surface. */
bool render_surface_json(const struct policy *policy, const char *name, struct buf *out);

/* For programs on OpenSSL 3, config(5): system-wide the record of https-out, with a section of its
 * own for each surface beside it (SSL_CTX_config(3)). */
void render_openssl_cnf(const struct policy *policy, struct buf *out);

/* For the http block of nginx: the record of https-in, headers, sessions. */
void render_nginx_conf(const struct policy *policy, struct buf *out);

/* For Kamailio's tls module: the records of sip-in and sip-out, verification. */
void render_kamailio_cfg(const struct policy *policy, struct buf *out);

/* For the SIP, H.323 and media services (sip.schema.json). */
void render_sip_json(const struct policy *policy, struct buf *out);

/* For the web application: sessions, banner, headers (web.schema.json). */
void render_web_json(const struct policy *policy, struct buf *out);

/* The group ffdhe2048 (RFC 7919, A.1) in PEM, for servers that take no group by its name: nginx and
 * its suites of DHE. */
void render_dh_pem(const struct policy *policy, struct buf *out);

/* For what brings the network up: the node's name, addresses and routers, as in holdfast.conf(5);
 * those last known where the stored settings are lost. */
void render_network_conf(const struct policy *policy, struct buf *out);

#endif
