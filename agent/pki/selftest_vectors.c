/* The published vectors. Where a text gave its numbers in base64 (RFC 7520), they are in
 * hexadecimal here. The bytes of CAVP are those of the response files' first vector of the named
 * length. */
#include "pki/selftest_vectors.h"

#include <stdlib.h>
#include <string.h>

#define CAVP "NIST CAVP, "

static const struct selftest_rsa rfc7520_key = {
    .n = "9f810fb4038273d02591e4073f31d2b6001b82cedb4d92f050165d47cfcab8a3c41cb778ac7553793f8ef975"
         "768d1a2374d8712564c3bcd77b9ea434544899407cff0099920a931a24c4414852ab29bdb0a95c0653f36c60"
         "e60bf90b6258dda56f37047ba5c2d1d029af9c9d40bac7aa41c78a0dd1068add699e808fea011ea1441d8a4f"
         "7bb4e97be39f55f1ddd44e9c4ba335159703d4d34b603e65147a4f23d6d3c0996c75edee846a82d190ae1078"
         "3c961cf0387aed2106d2d0555b6fd937fad5535387e0ff72ffbe78941402b0b822ea2a74b6058c1dabf9b34a"
         "76cb63b87faa2c6847b8e2837fff91186e6b1c14911cf989a89092a81ce601ddacd3f9cf",
    .e = "010001",
    .d = "6d6502f41f84151228f24a467e1d19bb218fbcc34abd858db41fe29221fd936d1e4fe3b5abf23bf1e8999295"
         "f15d0d144c4b362ec3514bef2e25bbd0f80d62ae4c0c48c90ad49dd74c681dae10a4bbd81195d63bb0d03f00"
         "a64687e43aeb5ff8dab20d2d109ef16fa7677e2e8bfa8e7e42e72bd4160c3aa9688b00f9b33059648316ed8c"
         "5016309074cc1332d81aa39ed389e8a9eab5844c414c704e05d90c5e2b85854ab5054ea5f83a84896c6a83cd"
         "ac5edda1f8b3274f7d38e80398268462a33ef9b525107c60ac8564c19cfe6e0e3775f242a1cafd3b9617d225"
         "dacf74ce4f972976d61b057f82ff9870aea056aeee076c3df1cfc718d539c3a906b433c1",
    .p = "dd297183f0f04d725c6fad3de51a17ca0402019e519c0bd9967a35ca11ed9d47b1fdfa7b019ffd9d168eec75"
         "fff9215f1907aeb5aa364c38c301653856ea64f2bc3d251d00cd9d0dd9fbee2009abfd60ac986a5e36a4277a"
         "fd53ec8c84b2787c50cb7e9f909a7e1922933844b2b9a7747e8bc4eaef44996c3e9e99bfc6d4ab49",
    .q = "b8a136761f9c4dfe84445e24e1efe3cbbf067cf61421a532a12489b81ce9dc2b9b937382aacea0ad3f1b47f7"
         "2ed039b5319c169ad76a0f223de47ad47aadcc3f5e6f30c38df251d3799bb69662afc2a5bb6a757953384cd6"
         "267bcf8c8c92e530156a01bf263cf7c117bd10fe85da91c47952a80675f76cc1de9545274b3ba457",
    .dp = "07c3d5bd792f26b8f62fe19843bbf7cbdafa2b0e60f526a15c1c2c594ce9d7d4d596023e615f39ab53486f5a"
          "f142d0fe22c5d7477f936a77afb913d1b7938139d88c190a7ca5bb76ea096361f294fc4f719fe4542c7cf4f9"
          "e77d13d8172ca0f85469e0a73f8f7d0feadbda64e71587a09a74d3d41fd47bc2862c515f9f5e8629",
    .dq = "08b0e60c676e87295cf68eebf38ac45159fba7343a3c5f3763e881671e4d4fe4e99ce64a175a44ac031578ac"
          "c5125e350e51c7aaa04b48cd16d6c3856f04f16166439bab08ea88398936f0406202de09c929b8bfee4fef26"
          "0187c07c603da5f63e7bcffb3c84903111b9ffabcb873f675d42abd02a0b6c9e2fa91d293d5c605f",
    .iq = "dcf8aabd740dd33c0c784fac06f6608b6f3d5cff57090177556a8fccc2a7220429eff4ee828ebe35904a090b"
          "0c7f71da1060634d526cfe370af3e4d15ef68a7beed931a423f157c175892cb1bbb434a0c386327e1ad8ac79"
          "a0d55adedd707d1c7f0c601541e9421ec5a02ae3149ea1e99129305eb19ae8ece2a3293f3f1a688e",
};

/* RFC 7520, 4: the payload of every example. */
#define RFC7520_PAYLOAD                                                                            \
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250" \
    "byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hl" \
    "cmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"

const struct selftest_vector selftest_vectors[SELFTEST_VECTORS] = {
#include "pki/selftest_vectors.def"
};

void selftest_bytes(struct selftest_bytes *bytes, const char *hex)
{
    bytes->length = 0;
    while (hex && hex[0] && hex[1] && bytes->length < sizeof(bytes->data)) {
        const char pair[] = {hex[0], hex[1], '\0'};
        bytes->data[bytes->length++] = (unsigned char)strtoul(pair, NULL, 16);
        hex += 2;
    }
}

void selftest_input(struct selftest_bytes *bytes, const struct selftest_vector *vector)
{
    if (!vector->text) {
        selftest_bytes(bytes, vector->input);
        return;
    }
    bytes->length = strnlen(vector->text, sizeof(bytes->data));
    memcpy(bytes->data, vector->text, bytes->length);
}

bool selftest_equal(const struct selftest_bytes *answer, const unsigned char *computed, size_t size)
{
    return answer->length == size && memcmp(answer->data, computed, size) == 0;
}
