/*
 * A message's head, RFC 9112. http-parser, as Debian builds it, is lenient: it accepts spaces in
 * header names, CR without LF, folded lines and HTTP/0.9. Request smuggling uses messages that two
 * programs in a chain parse differently. So each line is checked here first (sections 2.2, 3, 5.1,
 * 5.2, 6.1 to 6.3), and only a head that can be parsed in one way goes to http-parser, which then
 * determines method, version, length, keep-alive and upgrade.
 */
#include "proto/http_head.h"

#include "base/ip.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>

/* Results of http-parser for a head. */
struct verdict {
    int is_complete;
    int keep_alive;
};

static int head_bad(struct http_head *head, int status, const char *reason)
{
    head->status = status;
    head->reason = reason;
    return -1;
}

int http_head_is_token(unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return 1;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static size_t token_len(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && http_head_is_token((unsigned char)p[n]))
        n++;
    return n;
}

/* Whether there are no control characters; a tab is allowed in a header's value only. */
static int line_is_clean(const char *p, size_t len, int allow_tab)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];

        if ((c < 0x20 && !(c == '\t' && allow_tab)) || c == 0x7f)
            return 0;
    }
    return 1;
}

/* "METHOD target HTTP/d.d"; records where the target is. */
static int request_line_parse(struct http_head *head, char *line, size_t len, size_t *target_len)
{
    struct http_message *message = &head->message;
    size_t method_len = token_len(line, len);
    char *target = line + method_len + 1;
    char *version;

    if (!line_is_clean(line, len, 0))
        return head_bad(head, 400, "control character in the request line");
    if (method_len == 0 || method_len >= len || line[method_len] != ' ')
        return head_bad(head, 400, "malformed request line");
    version = memchr(target, ' ', len - method_len - 1);
    if (version == NULL || version == target)
        return head_bad(head, 400, "malformed request line");
    *target_len = (size_t)(version - target);
    version++;
    if (line + len - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[5] < '0' ||
        version[5] > '9' || version[6] != '.' || version[7] < '0' || version[7] > '9')
        return head_bad(head, 400, "malformed HTTP version");
    if (version[5] != '1')
        return head_bad(head, 505, "only HTTP/1.0 and HTTP/1.1 are served");
    if (str_copy_n(message->method, sizeof(message->method), line, method_len) != 0)
        return head_bad(head, 501, "unknown method");
    if (*target_len > HTTP_TARGET_MAX)
        return head_bad(head, 414, "request target too long");
    message->target = target;
    return 0;
}

/* Checks "Name: value" and records it. headers_terminate() writes the terminators after http-parser
 * has read the text. */
static int header_line_parse(struct http_head *head, char *line, size_t len, size_t *value_end)
{
    struct http_message *message = &head->message;
    size_t name_len = token_len(line, len);
    char *value = line + name_len + 1;
    char *end = line + len;

    if (line[0] == ' ' || line[0] == '\t')
        return head_bad(head, 400, "folded header line");
    if (name_len == 0 || name_len >= len || line[name_len] != ':')
        return head_bad(head, 400, "malformed header line");
    if (!line_is_clean(line, len, 1))
        return head_bad(head, 400, "control character in a header");
    if (message->header_count >= HTTP_HEADERS_MAX)
        return head_bad(head, 431, "too many headers");
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    message->headers[message->header_count].name = line;
    message->headers[message->header_count].value = value;
    *value_end = (size_t)(end - line);
    message->header_count++;
    return 0;
}

/* Terminates names and values with NUL: at the colon, and at the byte after the value. */
static void headers_terminate(struct http_message *message, char *text, const uint16_t *ends)
{
    for (size_t i = 0; i < message->header_count; i++) {
        char *name = text + (message->headers[i].name - text);

        name[token_len(name, HTTP_HEAD_MAX)] = '\0';
        text[ends[i]] = '\0';
    }
}

/* Counts the headers of this name; *value is the first one's. */
static size_t header_count(const struct http_message *message, const char *name, const char **value)
{
    size_t n = 0;

    for (size_t i = 0; i < message->header_count; i++) {
        if (!str_ieq(message->headers[i].name, name))
            continue;
        if (n++ == 0)
            *value = message->headers[i].value;
    }
    return n;
}

static int on_headers_complete(http_parser *parser)
{
    struct verdict *verdict = parser->data;

    verdict->is_complete = 1;
    verdict->keep_alive = http_should_keep_alive(parser);
    return 1; /* the body is not in this text: http.c reads it */
}

static int parser_run(struct http_head *head, enum http_side side, const char *text, size_t len)
{
    struct http_message *message = &head->message;
    http_parser_settings settings;
    http_parser parser;
    struct verdict verdict = {0, 0};
    enum http_errno code;

    http_parser_settings_init(&settings);
    settings.on_headers_complete = on_headers_complete;
    http_parser_init(&parser, side == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE);
    parser.data = &verdict;
    http_parser_execute(&parser, &settings, text, len);
    code = HTTP_PARSER_ERRNO(&parser);
    if (code == HPE_INVALID_METHOD || (side == HTTP_REQUESTS && parser.method == HTTP_CONNECT))
        return head_bad(head, 501, "unknown method");
    if (code == HPE_INVALID_VERSION)
        return head_bad(head, 505, http_errno_description(code));
    if (code != HPE_OK || !verdict.is_complete)
        return head_bad(head, 400,
                        code != HPE_OK ? http_errno_description(code) : "malformed head");
    if (parser.http_major != 1)
        return head_bad(head, 505, "only HTTP/1.0 and HTTP/1.1 are served");
    message->minor = parser.http_minor;
    message->keep_alive = verdict.keep_alive;
    message->status = side == HTTP_RESPONSES ? (int)parser.status_code : 0;
    message->upgrade = parser.upgrade ? HTTP_UPGRADE_OTHER : HTTP_UPGRADE_NONE;
    return 0;
}

/* Section 6: the length of the body. Anything ambiguous is refused. */
static int framing_parse(struct http_head *head, enum http_side side)
{
    struct http_message *message = &head->message;
    const char *value = "";
    size_t lengths;
    size_t codings;

    message->content_length = -1;
    lengths = header_count(message, "Content-Length", &value);
    if (lengths > 1)
        return head_bad(head, 400, "more than one Content-Length");
    if (lengths == 1 &&
        (value[0] == '-' || str_to_i64(value, 0, INT64_MAX, &message->content_length) != 0))
        return head_bad(head, 400, "malformed Content-Length");
    codings = header_count(message, "Transfer-Encoding", &value);
    if (codings == 0)
        return 0;
    if (lengths > 0)
        return head_bad(head, 400, "both Content-Length and Transfer-Encoding");
    if (codings > 1 || (side == HTTP_REQUESTS && message->minor == 0))
        return head_bad(head, 400, "malformed Transfer-Encoding");
    if (!str_ieq(value, "chunked"))
        return head_bad(head, 501, "only the chunked transfer coding is served");
    message->is_chunked = 1;
    return 0;
}

/* The allowed characters of a host: RFC 9110, section 7.2, by RFC 3986, section 3.2.2. Percent
 * signs, which nobody sends and which decoders treat differently, are refused, and so is userinfo:
 * RFC 9110, section 4.2.4. */
static int is_host(const char *text, size_t len, const char *host)
{
    struct ip ip;

    if (memchr(text, '@', len) != NULL)
        return 0;
    if (len > 0 && text[0] == '[')
        return strchr(host, ':') != NULL && ip_parse(host, &ip) == 0;
    return host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=")] == '\0';
}

/* Section 3.2: origin-form, absolute-form, and '*' for OPTIONS. */
static int target_parse(struct http_head *head)
{
    struct http_message *message = &head->message;
    const char *p = message->target;
    size_t len;

    message->query = "";
    if (strcmp(p, "*") == 0 && strcmp(message->method, "OPTIONS") == 0) {
        message->path = p;
        return 0;
    }
    if (*p != '/') {
        /* An absolute target's authority replaces the Host header. */
        const char *authority = strstr(p, "://");

        if (strncasecmp(p, "http://", 7) != 0 && strncasecmp(p, "https://", 8) != 0)
            return head_bad(head, 400, "malformed request target");
        authority += 3;
        len = strcspn(authority, "/?#");
        message->port = 0;
        if (url_authority_parse(authority, len, head->host, sizeof(head->host), &message->port) !=
                0 ||
            !is_host(authority, len, head->host) || head->host[0] == '\0')
            return head_bad(head, 400, "malformed authority in the request target");
        p = authority + len;
    }
    len = strcspn(p, "?#");
    head->path = malloc(len + 2);
    if (head->path == NULL)
        return head_bad(head, 503, "out of memory");
    if (url_path_clean(head->path, len + 2, len > 0 ? p : "/", len > 0 ? len : 1) != SCAN_DONE)
        return head_bad(head, 400, "malformed path");
    message->path = head->path;
    if (p[len] == '?')
        message->query = p + len + 1;
    return 0;
}

static int request_finish(struct http_head *head)
{
    struct http_message *message = &head->message;
    const char *value = "";
    size_t hosts = header_count(message, "Host", &value);

    message->host = head->host;
    if (hosts > 1 || (hosts == 0 && message->minor > 0))
        return head_bad(head, 400, hosts > 1 ? "more than one Host" : "no Host");
    if (url_authority_parse(value, strlen(value), head->host, sizeof(head->host), &message->port) !=
            0 ||
        !is_host(value, strlen(value), head->host))
        return head_bad(head, 400, "malformed Host");
    if (header_count(message, "Expect", &value) > 0)
        message->expect_continue = message->minor > 0 && str_ieq(value, "100-continue");
    if (message->upgrade == HTTP_UPGRADE_OTHER && header_count(message, "Upgrade", &value) == 1 &&
        str_ieq(value, "websocket") && message->minor > 0 && strcmp(message->method, "GET") == 0 &&
        message->content_length <= 0 && !message->is_chunked)
        message->upgrade = HTTP_UPGRADE_WEBSOCKET;
    return target_parse(head);
}

/* Parses the lines; ends[] are the offsets at which the headers' values end. */
static int lines_parse(struct http_head *head, enum http_side side, char *text, size_t len,
                       uint16_t *ends, size_t *target_len)
{
    char *p = text;

    while (p < text + len) {
        char *lf = memchr(p, '\n', (size_t)(text + len - p));
        size_t n;
        size_t value_end = 0;

        assert(lf != NULL);
        n = (size_t)(lf - p);
        if (n > 0 && p[n - 1] == '\r')
            n--;
        if (p != text && n > 0) {
            if (header_line_parse(head, p, n, &value_end) != 0)
                return -1;
            ends[head->message.header_count - 1] = (uint16_t)((size_t)(p - text) + value_end);
        } else if (p == text && side == HTTP_REQUESTS) {
            if (request_line_parse(head, p, n, target_len) != 0)
                return -1;
        } else if (p == text && !line_is_clean(p, n, 1)) {
            return head_bad(head, 400, "control character in the status line");
        }
        p = lf + 1;
    }
    return 0;
}

int http_head_parse(struct http_head *head, enum http_side side, char *text, size_t len)
{
    uint16_t ends[HTTP_HEADERS_MAX] = {0};
    size_t target_len = 0;

    assert(head != NULL && text != NULL && len > 0 && len <= HTTP_HEAD_MAX);
    assert(text[len - 1] == '\n');
    memset(head, 0, sizeof(*head));
    head->message.path = head->message.query = head->message.host = head->message.target = "";
    if (lines_parse(head, side, text, len, ends, &target_len) != 0)
        return -1;
    if (parser_run(head, side, text, len) != 0)
        return -1;
    headers_terminate(&head->message, text, ends);
    if (framing_parse(head, side) != 0)
        return -1;
    if (side == HTTP_RESPONSES)
        return 0;
    text[(size_t)(head->message.target - text) + target_len] = '\0';
    return request_finish(head);
}

void http_head_fini(struct http_head *head)
{
    free(head->path);
    head->path = NULL;
}
