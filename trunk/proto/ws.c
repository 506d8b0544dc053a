/*
 * WebSocket frames, RFC 6455 sections 4.2.2, 5 and 7. wslay is not used for reading: it holds a 4
 * KB buffer for each connection and reads ahead into it, which is most of the memory that a parked
 * viewer may occupy, and it leaves the rules of sections 5.4 and 5.5 to its caller. This reader is
 * a struct of 200 bytes that parses the caller's bytes and unmasks them in place. Only a control
 * frame's payload, at most 125 bytes, is collected.
 */
#include "proto/ws.h"

#include "base/str.h"
#include "proto/http_head.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#define WS_GUID      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WS_KEY_LEN   24 /* base64 of 16 bytes */
#define WS_SHA1_SIZE 20

enum ws_state { WS_IN_HEADER, WS_IN_PAYLOAD, WS_IN_CLOSED, WS_IN_BAD };

/* ---- the opening handshake ---- */

static int is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

int ws_accept(const char *key, char out[WS_ACCEPT_SIZE])
{
    char text[WS_KEY_LEN + sizeof(WS_GUID)];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    assert(key != NULL && out != NULL);
    if (strlen(key) != WS_KEY_LEN || strcmp(key + WS_KEY_LEN - 2, "==") != 0)
        return -1;
    for (size_t i = 0; i < WS_KEY_LEN - 2; i++)
        if (!is_base64(key[i]))
            return -1;
    memcpy(text, key, WS_KEY_LEN);
    memcpy(text + WS_KEY_LEN, WS_GUID, sizeof(WS_GUID));
    if (EVP_Digest(text, sizeof(text) - 1, digest, &digest_len, EVP_sha1(), NULL) != 1)
        return -1;
    assert(digest_len == WS_SHA1_SIZE);
    EVP_EncodeBlock((unsigned char *)out, digest, WS_SHA1_SIZE);
    return 0;
}

int ws_protocol_first(const char *list, char out[WS_PROTOCOL_SIZE])
{
    const char *p = list;

    assert(list != NULL && out != NULL);
    out[0] = '\0';
    for (;;) {
        const char *token;

        p += strspn(p, ", \t"); /* empty elements are ignored: RFC 9110, section 5.6.1 */
        if (*p == '\0')
            return out[0] != '\0';
        for (token = p; http_head_is_token((unsigned char)*p); p++)
            continue;
        if (p == token ||
            (out[0] == '\0' && str_copy_n(out, WS_PROTOCOL_SIZE, token, (size_t)(p - token)) != 0))
            return -1;
        p += strspn(p, " \t");
        if (*p != ',' && *p != '\0')
            return -1;
    }
}

/* ---- UTF-8 (RFC 3629) ---- */

/* The first byte of a character: how many follow, and the valid range of the next one. */
static int utf8_begin(struct ws_utf8 *utf8, uint8_t c)
{
    utf8->low = 0x80;
    utf8->high = 0xbf;
    if (c < 0x80)
        return 0;
    if (c < 0xc2 || c > 0xf4)
        return -1;
    utf8->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    if (c == 0xe0)
        utf8->low = 0xa0; /* else overlong */
    else if (c == 0xed)
        utf8->high = 0x9f; /* else a surrogate */
    else if (c == 0xf0)
        utf8->low = 0x90;
    else if (c == 0xf4)
        utf8->high = 0x8f; /* else beyond U+10FFFF */
    return 0;
}

int ws_utf8_feed(struct ws_utf8 *utf8, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];

        if (utf8->need == 0) {
            if (utf8_begin(utf8, c) != 0)
                return -1;
            continue;
        }
        if (c < utf8->low || c > utf8->high)
            return -1;
        utf8->low = 0x80;
        utf8->high = 0xbf;
        utf8->need--;
    }
    return 0;
}

/* ---- reading ---- */

void ws_in_init(struct ws_in *in, uint64_t message_max)
{
    memset(in, 0, sizeof(*in));
    in->message_max = message_max;
    in->state = WS_IN_HEADER;
}

static enum scan in_bad(struct ws_in *in, enum ws_code code, const char *reason)
{
    in->state = WS_IN_BAD;
    in->code = (uint16_t)code;
    in->reason = reason;
    return SCAN_BAD;
}

static int is_control(unsigned opcode)
{
    return (opcode & 8) != 0;
}

/* Checks the first two bytes of a header (section 5.2), and whether the frame may follow here (5.4,
 * 5.5). */
static enum scan header_check(struct ws_in *in)
{
    unsigned opcode = in->header[0] & 15;
    unsigned len = in->header[1] & 0x7f;

    in->opcode = (uint8_t)opcode;
    in->is_final = in->header[0] >> 7;
    if ((in->header[0] & 0x70) != 0)
        return in_bad(in, WS_CODE_PROTOCOL, "reserved bit set");
    if ((in->header[1] & 0x80) == 0)
        return in_bad(in, WS_CODE_PROTOCOL, "frame not masked");
    if (is_control(opcode)) {
        if (opcode > WS_PONG)
            return in_bad(in, WS_CODE_PROTOCOL, "unknown opcode");
        if (!in->is_final || len > WS_CONTROL_MAX)
            return in_bad(in, WS_CODE_PROTOCOL, "control frame too long or in fragments");
        return SCAN_DONE;
    }
    if (opcode > WS_BINARY)
        return in_bad(in, WS_CODE_PROTOCOL, "unknown opcode");
    if (opcode == WS_CONTINUATION && in->message == 0)
        return in_bad(in, WS_CODE_PROTOCOL, "continuation frame without a message");
    if (opcode != WS_CONTINUATION && in->message != 0)
        return in_bad(in, WS_CODE_PROTOCOL, "new message before the previous one ended");
    return SCAN_DONE;
}

/* The size of a header whose second byte is known: length fields, then the mask. */
static size_t header_size(const struct ws_in *in)
{
    unsigned len = in->header[1] & 0x7f;

    return len == 126 ? 8 : len == 127 ? 14 : 6;
}

/* Processes a complete header. */
static enum scan frame_begin(struct ws_in *in)
{
    unsigned short_len = in->header[1] & 0x7f;
    size_t len_size = short_len == 126 ? 2 : short_len == 127 ? 8 : 0;
    uint64_t len = len_size == 0 ? short_len : 0;

    for (size_t i = 0; i < len_size; i++)
        len = len << 8 | in->header[2 + i];
    if ((len_size == 2 && len < 126) || (len_size == 8 && len <= 0xffff) || len >> 63 != 0)
        return in_bad(in, WS_CODE_PROTOCOL, "malformed length");
    memmove(in->header, in->header + 2 + len_size, 4); /* the mask */
    in->mask_at = 0;
    in->left = len;
    in->state = WS_IN_PAYLOAD;
    in->header_len = 0;
    in->control_len = 0;
    if (is_control(in->opcode))
        return SCAN_DONE;
    if (in->opcode != WS_CONTINUATION) {
        in->message = in->opcode;
        in->message_len = 0;
        memset(&in->utf8, 0, sizeof(in->utf8));
    }
    if (len > in->message_max - in->message_len)
        return in_bad(in, WS_CODE_TOO_BIG, "message too long");
    in->message_len += len;
    return SCAN_DONE;
}

/* Collects the header. */
static enum scan header_feed(struct ws_in *in, const uint8_t *data, size_t len, size_t *used)
{
    while (*used < len) {
        in->header[in->header_len++] = data[(*used)++];
        if (in->header_len == 2 && header_check(in) == SCAN_BAD)
            return SCAN_BAD;
        if (in->header_len >= 2 && in->header_len == header_size(in))
            return frame_begin(in);
    }
    return SCAN_MORE;
}

static void unmask(struct ws_in *in, uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] ^= in->header[(in->mask_at + i) & 3];
    in->mask_at = (uint8_t)((in->mask_at + len) & 3);
}

/* Whether a client may close with this code: section 7.4, and codes that IANA has registered since.
 */
static int is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static enum scan close_done(struct ws_in *in, struct ws_event *event)
{
    struct ws_utf8 utf8 = {0};

    event->code = WS_CODE_NO_STATUS;
    in->state = WS_IN_CLOSED;
    if (in->control_len == 0)
        return SCAN_DONE;
    if (in->control_len == 1)
        return in_bad(in, WS_CODE_PROTOCOL, "malformed close frame");
    event->code = (uint16_t)(in->control[0] << 8 | in->control[1]);
    event->data += 2;
    event->len -= 2;
    if (!is_close_code(event->code))
        return in_bad(in, WS_CODE_PROTOCOL, "unknown close code");
    if (ws_utf8_feed(&utf8, event->data, event->len) != 0 || utf8.need != 0)
        return in_bad(in, WS_CODE_BAD_DATA, "close reason is not UTF-8");
    return SCAN_DONE;
}

/* A piece of a control frame. */
static enum scan control_feed(struct ws_in *in, const uint8_t *data, size_t len,
                              struct ws_event *event)
{
    assert(len <= WS_CONTROL_MAX - (size_t)in->control_len);
    if (len > 0)
        memcpy(in->control + in->control_len, data, len);
    in->control_len = (uint8_t)(in->control_len + len);
    if (in->left > 0)
        return SCAN_MORE;
    in->state = WS_IN_HEADER;
    event->opcode = (enum ws_opcode)in->opcode;
    event->data = in->control;
    event->len = in->control_len;
    event->is_last = 1;
    return event->opcode == WS_CLOSE ? close_done(in, event) : SCAN_DONE;
}

/* A piece of a message. */
static enum scan data_feed(struct ws_in *in, const uint8_t *data, size_t len,
                           struct ws_event *event)
{
    int is_last = in->left == 0 && in->is_final;

    if (in->message == WS_TEXT &&
        (ws_utf8_feed(&in->utf8, data, len) != 0 || (is_last && in->utf8.need != 0)))
        return in_bad(in, WS_CODE_BAD_DATA, "text is not UTF-8");
    event->opcode = (enum ws_opcode)in->message;
    event->data = data;
    event->len = len;
    event->is_last = is_last;
    if (in->left == 0)
        in->state = WS_IN_HEADER;
    if (is_last)
        in->message = 0;
    return len > 0 || is_last ? SCAN_DONE : SCAN_MORE;
}

enum scan ws_in_feed(struct ws_in *in, uint8_t *data, size_t len, size_t *used,
                     struct ws_event *event)
{
    enum scan scan = SCAN_MORE;

    assert(in != NULL && (data != NULL || len == 0) && used != NULL && event != NULL);
    *used = 0;
    memset(event, 0, sizeof(*event));
    if (in->state == WS_IN_BAD)
        return SCAN_BAD;
    if (in->state == WS_IN_CLOSED)
        *used = len;
    while (*used < len && scan == SCAN_MORE) {
        uint8_t *p;
        size_t n;

        if (in->state == WS_IN_HEADER && header_feed(in, data, len, used) != SCAN_DONE)
            return in->state == WS_IN_BAD ? SCAN_BAD : SCAN_MORE;
        if (*used == len && in->left > 0)
            return SCAN_MORE;
        p = data + *used;
        n = len - *used < in->left ? len - *used : (size_t)in->left;
        unmask(in, p, n);
        *used += n;
        in->left -= n;
        scan = is_control(in->opcode) ? control_feed(in, p, n, event) : data_feed(in, p, n, event);
    }
    return scan;
}

/* ---- writing ---- */

size_t ws_header_write(uint8_t out[WS_HEADER_MAX], enum ws_opcode opcode, uint64_t len)
{
    size_t n = 0;
    int bytes = len < 126 ? 0 : len <= 0xffff ? 2 : 8;

    out[n++] = (uint8_t)(0x80 | opcode);
    out[n++] = (uint8_t)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
    for (int i = bytes - 1; i >= 0; i--)
        out[n++] = (uint8_t)(len >> (8 * i));
    return n;
}

size_t ws_control_write(uint8_t out[WS_CONTROL_FRAME_MAX], enum ws_opcode opcode, const void *data,
                        size_t len)
{
    size_t n = ws_header_write(out, opcode, len);

    assert(is_control(opcode) && len <= WS_CONTROL_MAX);
    if (len > 0)
        memcpy(out + n, data, len);
    return n + len;
}

size_t ws_close_write(uint8_t out[WS_CONTROL_FRAME_MAX], uint16_t code, const char *reason)
{
    uint8_t payload[WS_CONTROL_MAX];
    size_t len = strnlen(reason, sizeof(payload) - 2);

    payload[0] = (uint8_t)(code >> 8);
    payload[1] = (uint8_t)code;
    memcpy(payload + 2, reason, len);
    return ws_control_write(out, WS_CLOSE, payload, len + 2);
}

size_t ws_close_answer(uint8_t out[WS_CONTROL_FRAME_MAX], const struct ws_event *close)
{
    if (close->code == WS_CODE_NO_STATUS)
        return ws_control_write(out, WS_CLOSE, NULL, 0);
    return ws_close_write(out, close->code, "");
}
