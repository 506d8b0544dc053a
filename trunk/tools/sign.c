/*
 * Prints a signed address (doc/access.md): what a web application computes for
 * its users, at the command line. The stream is read out of the address as the
 * server reads it: the last part without its extension is the stream, the rest the app, and
 * "vhost=" in the query or --vhost names a vhost that is not the default one.
 * Exit status: 0 printed, 1 could not, 2 wrong usage.
 */
#include "base/clock.h"
#include "base/str.h"
#include "media/mux.h"
#include "proto/token.h"
#include "proto/url.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 1024

static const char usage[] =
    "usage: sign --key KEY | --key-file FILE --expires WHEN [options] URL\n"
    "\n"
    "  --key KEY         the secret of the vhost's token { key KEY; }\n"
    "  --key-file FILE   its first line, which other users do not see in the list of processes\n"
    "  --expires WHEN    seconds from now (+3600) or since 1970 (1800000000)\n"
    "  --publish         for publishing; without it for playing\n"
    "  --ip ADDRESS      good for a client at this address only\n"
    "  --vhost NAME      the stream's vhost, when it is not the default one\n"
    "  --stream APP/NAME the stream, when the mount is not [app]/[stream].EXTENSION\n"
    "  --text            print the text that is signed instead\n"
    "\n"
    "URL is rtmp, rtmps, http, https, ws or wss: a signature is good for all of them.\n";

struct sign {
    const char *key;
    const char *key_file;
    const char *expires;
    const char *ip;
    const char *vhost;
    const char *stream;
    const char *url;
    int is_publish;
    int is_text;
    char key_line[LINE_SIZE];
    char address[INET6_ADDRSTRLEN];
    char vhost_name[256];
    char path[LINE_SIZE]; /* "app/stream" */
};

static int fail(const char *what, const char *argument)
{
    fprintf(stderr, "sign: %s%s\n", what, argument);
    return 1;
}

static int misused(const char *what, const char *argument)
{
    fprintf(stderr, "sign: %s%s\n\n%s", what, argument, usage);
    return 2;
}

/* Where the value of an option goes; NULL for what is no such option. */
static const char **option_value(struct sign *sign, const char *name)
{
    const struct {
        const char *name;
        const char **value;
    } options[] = {{"--key", &sign->key},         {"--key-file", &sign->key_file},
                   {"--expires", &sign->expires}, {"--ip", &sign->ip},
                   {"--vhost", &sign->vhost},     {"--stream", &sign->stream}};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (strcmp(options[i].name, name) == 0)
            return options[i].value;
    return NULL;
}

static int options_parse(struct sign *sign, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char **value = option_value(sign, argv[i]);

        if (value != NULL && i + 1 == argc)
            return misused("a value is missing after ", argv[i]);
        if (value != NULL)
            *value = argv[++i];
        else if (strcmp(argv[i], "--publish") == 0)
            sign->is_publish = 1;
        else if (strcmp(argv[i], "--text") == 0)
            sign->is_text = 1;
        else if (argv[i][0] == '-')
            return misused("unknown option ", argv[i]);
        else if (sign->url != NULL)
            return misused("only one URL at a time; unexpected ", argv[i]);
        else
            sign->url = argv[i];
    }
    if (sign->url == NULL)
        return misused("URL is missing", "");
    if (sign->expires == NULL)
        return misused("--expires is missing", "");
    if (!sign->is_text && (sign->key == NULL) == (sign->key_file == NULL))
        return misused("give one of --key and --key-file", "");
    return 0;
}

static int key_read(struct sign *sign)
{
    FILE *file;

    if (sign->key_file == NULL)
        return 0;
    file = fopen(sign->key_file, "re");
    if (file == NULL)
        return fail("cannot read ", sign->key_file);
    sign->key = fgets(sign->key_line, sizeof(sign->key_line), file);
    fclose(file);
    if (sign->key == NULL)
        return fail("file is empty: ", sign->key_file);
    sign->key_line[strcspn(sign->key_line, "\r\n")] = '\0';
    return 0;
}

/* As the server writes a client's address; a v4 one mapped into v6 is the v4 one. */
static int ip_clean(struct sign *sign)
{
    uint8_t byte[sizeof(struct in6_addr)];
    const char *text = sign->ip;

    if (text == NULL)
        return 0;
    if (strncasecmp(text, "::ffff:", 7) == 0 && strchr(text, '.') != NULL)
        text += 7;
    if (inet_pton(AF_INET, text, byte) == 1)
        (void)inet_ntop(AF_INET, byte, sign->address, sizeof(sign->address));
    else if (inet_pton(AF_INET6, text, byte) == 1)
        (void)inet_ntop(AF_INET6, byte, sign->address, sizeof(sign->address));
    else
        return fail("not a URL: ", sign->ip);
    return 0;
}

static void extension_cut(char *path)
{
    const struct mux *mux = mux_find_path(path);

    if (mux != NULL)
        path[strlen(path) - strlen(mux->extension)] = '\0';
}

static int url_read_http(struct sign *sign)
{
    struct url_http url;
    char path[LINE_SIZE];

    if (url_http_parse(&url, sign->url) != SCAN_DONE ||
        url_path_clean(path, sizeof(path), url.path, strlen(url.path)) != SCAN_DONE)
        return fail("not a URL: ", sign->url);
    (void)url_query_get(url.query, "vhost", sign->vhost_name, sizeof(sign->vhost_name));
    extension_cut(path);
    return str_copy(sign->path, sizeof(sign->path), path + 1);
}

static int url_read(struct sign *sign)
{
    struct url_rtmp url;

    if (strncasecmp(sign->url, "rtmp", 4) != 0)
        return url_read_http(sign);
    if (url_rtmp_parse_full(&url, sign->url) != SCAN_DONE)
        return fail("not a URL: ", sign->url);
    if (url_query_get(url.param, "vhost", sign->vhost_name, sizeof(sign->vhost_name)) != 0)
        (void)url_query_get(url.param, "domain", sign->vhost_name, sizeof(sign->vhost_name));
    return str_format(sign->path, sizeof(sign->path), "%s/%s", url.app, url.stream);
}

static int expires_read(const char *text, int64_t *out)
{
    int64_t now = clock_wall() / USEC_PER_SEC;
    int64_t value;

    if (str_to_i64(text + (*text == '+'), 0, INT64_MAX / 2, &value) != 0)
        return fail("not a time: ", text);
    *out = *text == '+' ? now + value : value;
    return 0;
}

static int sign_print(struct sign *sign, const struct token_claim *claim)
{
    char text[TOKEN_TEXT_MAX];
    char hex[TOKEN_HEX_SIZE];

    if (token_text(claim, text, sizeof(text)) != 0)
        return fail("these names cannot be signed: ", sign->path);
    if (sign->is_text)
        return fputs(text, stdout) < 0;
    if (token_sign(sign->key, claim, hex) != 0)
        return fail("OpenSSL cannot sign", "");
    return printf("%s%cexpires=%" PRId64 "&sign=%s\n", sign->url,
                  strchr(sign->url, '?') != NULL ? '&' : '?', claim->expires, hex) < 0;
}

int main(int argc, char **argv)
{
    static struct sign sign; /* too large for the stack's taste */
    struct token_claim claim = {.ip = sign.address};
    char *slash;
    int failed;

    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        return fputs(usage, stdout) < 0;
    failed = options_parse(&sign, argc, argv);
    if (failed)
        return failed;
    if (key_read(&sign) || ip_clean(&sign) || url_read(&sign) ||
        expires_read(sign.expires, &claim.expires))
        return 1;
    if (sign.stream != NULL && str_copy(sign.path, sizeof(sign.path), sign.stream) != 0)
        return fail("too long: ", sign.stream);
    slash = strrchr(sign.path, '/');
    if (slash == NULL)
        return fail("the URL needs an app and a stream: ", sign.url);
    *slash = '\0';
    claim.is_publish = sign.is_publish;
    claim.vhost = sign.vhost != NULL ? sign.vhost : sign.vhost_name;
    if (str_ieq(claim.vhost, URL_DEFAULT_VHOST))
        claim.vhost = "";
    claim.app = sign.path;
    claim.stream = slash + 1;
    return sign_print(&sign, &claim);
}
