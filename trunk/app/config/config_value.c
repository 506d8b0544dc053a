/*
 * Values of directives: the syntax of each type of the table, and its conversion to a struct field.
 * config_value_print.c converts fields back to text.
 */
#include "app/config/config_value.h"

#include "app/config/address_mask.h"
#include "app/config/directory_place.h"
#include "app/config/directory_url.h"
#include "app/config/ladder.h"
#include "app/config/mount.h"
#include "app/config/origin.h"
#include "app/config/security.h"
#include "app/config/trust.h"
#include "base/str.h"
#include "co/net.h"
#include "proto/url.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 128 /* words of one text: no list of the table is longer */

#define VALUE_NUMBER_SIZE 32 /* of a number as written, terminator included */

static struct err *no_memory(void)
{
    return err_new(ERR_NOMEM, "no memory for the configuration");
}

/* The length to which an error shows a word. */
#define SHOWN_SIZE 101

static int is_address(const struct config_row *row)
{
    return row->type == CONFIG_DESTINATIONS || row->type == CONFIG_SOURCES ||
           row->type == CONFIG_ORIGINS || row->type == CONFIG_URL || row->type == CONFIG_URLS;
}

/* A word as an error may show it: an address may contain a password or a stream key. */
static void show_word(const struct config_row *row, const char *word, char out[SHOWN_SIZE])
{
    if (is_address(row) || strstr(word, "://") != NULL || strchr(word, '@') != NULL)
        address_mask_text(word, out, SHOWN_SIZE);
    else
        (void)str_copy(out, SHOWN_SIZE, word);
}

/* "takes on or off, not \"maybe\"". */
static struct err *value_refuse(const struct config_row *row, const char *word)
{
    char shown[SHOWN_SIZE];
    struct buf kind;
    struct err *err;

    show_word(row, word, shown);
    buf_init(&kind, 512);
    if (config_value_kind(row, &kind) || buf_append(&kind, "", 1))
        err = no_memory();
    else
        err = err_new(ERR_CONFIG, "takes %s, not \"%s\"", (const char *)buf_data(&kind), shown);
    buf_fini(&kind);
    return err;
}

static int parse_switch(const char *word, int *out)
{
    if (str_ieq(word, "on") || str_ieq(word, "true"))
        *out = 1;
    else if (str_ieq(word, "off") || str_ieq(word, "false"))
        *out = 0;
    else
        return -1;
    return 0;
}

/* "16m": a number with an optional k, m or g. */
static int parse_size(const char *word, int64_t min, int64_t max, int64_t *out)
{
    char digits[24];
    size_t len = strlen(word);
    int64_t unit = 1;
    int64_t value;

    if (len == 0 || len >= sizeof(digits))
        return -1;
    switch (word[len - 1]) {
    case 'k':
    case 'K':
        unit = 1024;
        break;
    case 'm':
    case 'M':
        unit = (int64_t)1024 * 1024;
        break;
    case 'g':
    case 'G':
        unit = (int64_t)1024 * 1024 * 1024;
        break;
    default:
        break;
    }
    (void)str_copy_n(digits, sizeof(digits), word, unit > 1 ? len - 1 : len);
    if (str_to_i64(digits, 0, INT64_MAX / unit, &value))
        return -1;
    value *= unit;
    if (value < min || value > max)
        return -1;
    *out = value;
    return 0;
}

/* Converts "350" or "0.5" milliseconds, within [min, max], to microseconds. */
static int parse_ms(const char *word, int64_t min, int64_t max, usec_t *out)
{
    const char *dot = strchr(word, '.');
    char whole[24];
    int64_t value;
    int64_t fraction = 0;

    if (str_copy_n(whole, sizeof(whole), word, dot ? (size_t)(dot - word) : strlen(word)) ||
        str_to_i64(whole, 0, max, &value))
        return -1;
    if (dot != NULL) {
        char digits[4] = "000";
        size_t len = strlen(dot + 1);

        if (len < 1 || len > 3 || strspn(dot + 1, "0123456789") != len)
            return -1;
        memcpy(digits, dot + 1, len);
        if (str_to_i64(digits, 0, 999, &fraction))
            return -1;
    }
    value = value * USEC_PER_MS + fraction;
    if (value < min * USEC_PER_MS || value > max * USEC_PER_MS)
        return -1;
    *out = value;
    return 0;
}

static int is_port(const char *text)
{
    int64_t port;

    return str_to_i64(text, 0, 65535, &port) == 0;
}

/* The syntax of net_listen(): "8080", ":8080", "ip:8080", "[v6]:8080", "unix:/path". */
static int is_endpoint(const char *word)
{
    const char *colon = strrchr(word, ':');
    char host[INET6_ADDRSTRLEN];
    unsigned char addr[sizeof(struct in6_addr)];
    size_t len;

    if (str_starts(word, "unix:"))
        return word[5] != '\0' && strlen(word + 5) < 100;
    if (colon == NULL)
        return is_port(word);
    if (!is_port(colon + 1))
        return 0;
    len = (size_t)(colon - word);
    if (len >= 2 && word[0] == '[' && word[len - 1] == ']')
        return str_copy_n(host, sizeof(host), word + 1, len - 2) == 0 &&
               inet_pton(AF_INET6, host, addr) == 1;
    return len == 0 ||
           (str_copy_n(host, sizeof(host), word, len) == 0 && inet_pton(AF_INET, host, addr) == 1);
}

static int is_domain(const char *word)
{
    return *word != '\0' && strpbrk(word, "/:@?#[]* ") == NULL;
}

/* self, none, *, or the characters of a CSP scheme or host source. */
/* "all", "app/stream", "vhost/app/stream". */
static int is_stream(const char *word)
{
    const char *slash = strrchr(word, '/');

    return strcmp(word, "all") == 0 || (slash != NULL && slash != word && slash[1] != '\0');
}

static int is_frame(const char *word)
{
    return *word != '\0' && word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789.:/*_-[]")] == '\0';
}

static int is_url(const char *word)
{
    struct url_http url;

    return (str_starts(word, "http://") || str_starts(word, "https://")) &&
           url_http_parse(&url, word) == SCAN_DONE;
}

/* "\"word\": why". */
static struct err *word_refuse(const struct config_row *row, const char *word, const char *why)
{
    char shown[SHOWN_SIZE];

    show_word(row, word, shown);
    return err_new(ERR_CONFIG, "\"%s\": %s", shown, why);
}

static struct err *check_url(const struct config_row *row, const char *word)
{
    const char *host = strstr(word, "://");
    int is_plain = 1;

    for (const char *p = word; *p != '\0'; p++)
        is_plain &= *p > ' ' && *p < 0x7f;
    if (!is_plain || !is_url(word))
        return value_refuse(row, word);
    host += strlen("://");
    if (memchr(host, '@', strcspn(host, "/?")) != NULL)
        return word_refuse(row, word, "user and password are not supported");
    return NULL;
}

static struct err *check_item(const struct config_row *row, const char *word)
{
    const char *why;

    if (strlen(word) >= CONFIG_STRING_MAX)
        return err_new(ERR_CONFIG, "longer than %d bytes", CONFIG_STRING_MAX - 1);
    if (is_address(row) && address_mask_is_in(word))
        return err_new(ERR_CONFIG, "must be the complete address, without " ADDRESS_MASK);
    if (row->type == CONFIG_CONGESTION)
        return net_congestion_check(word);
    if (row->type == CONFIG_URLS)
        return check_url(row, word);
    if (row->type == CONFIG_ENDPOINTS && !is_endpoint(word))
        return value_refuse(row, word);
    if (row->type == CONFIG_MOUNTS && mount_check(word, &why))
        return word_refuse(row, word, why);
    if ((row->type == CONFIG_STREAMS && !is_stream(word)) ||
        (row->type == CONFIG_DOMAINS && !is_domain(word)) ||
        (row->type == CONFIG_FRAMES && !is_frame(word)) ||
        (row->type == CONFIG_ORIGINS && origin_check(word)))
        return value_refuse(row, word);
    if (row->type == CONFIG_NETWORKS && trust_check(word))
        return value_refuse(row, word);
    if ((row->type == CONFIG_DESTINATIONS && origin_destination_check(word, &why)) ||
        (row->type == CONFIG_ADVERTISE && directory_place_check(word, &why)))
        return word_refuse(row, word, why);
    if (row->type == CONFIG_SECRETS && (*word == '\0' || strcmp(word, CONFIG_VALUE_MASK) == 0))
        return err_new(ERR_CONFIG, "key must not be empty or the mask " CONFIG_VALUE_MASK);
    return NULL;
}

/* Checks a list as a whole. */
static struct err *check_list(const struct config_row *row, const struct config_words *words)
{
    char name[SHOWN_SIZE], url[SHOWN_SIZE];
    const char *why = NULL;
    int at = 0;

    if (row->type == CONFIG_RULES && security_rules_check(words->args, words->count, &at, &why))
        return word_refuse(row, words->args[at], why);
    if (row->type == CONFIG_LADDERS && ladder_check(words->args, words->count, &at, &why))
        return word_refuse(row, words->args[at], why);
    if (row->type != CONFIG_SOURCES)
        return NULL;
    if (words->count % 2 != 0)
        return err_new(ERR_CONFIG, "takes a name and an address");
    for (int i = 0; i < words->count; i += 2) {
        if (origin_source_check(words->args[i], words->args[i + 1], &why) == 0)
            continue;
        show_word(row, words->args[i], name);
        show_word(row, words->args[i + 1], url);
        return err_new(ERR_CONFIG, "%s \"%s\": %s", name, url, why);
    }
    return NULL;
}

static struct err *set_list(const struct config_row *row, struct config_strings *list,
                            const struct config_words *words, struct config_arena *arena)
{
    int is_none = row->min == 0 && words->count == 1 && words->args[0][0] == '\0';
    int count = words->append ? list->count : 0;
    struct err *err;

    if (list->item == NULL)
        list->item = config_arena_alloc(arena, (size_t)row->max * sizeof(*list->item));
    if (list->item == NULL)
        return no_memory();
    err = is_none ? NULL : check_list(row, words);
    if (err)
        return err;
    for (int i = 0; i < words->count && !is_none; i++) {
        err = check_item(row, words->args[i]);
        if (err)
            return err;
        if (count == row->max)
            return err_new(ERR_CONFIG, "takes no more than %d values", (int)row->max);
        list->item[count] = config_arena_string(arena, words->args[i]);
        if (list->item[count++] == NULL)
            return no_memory();
    }
    list->count = count;
    return NULL;
}

static struct err *set_string(const struct config_row *row, const char **field, const char *word,
                              struct config_arena *arena)
{
    struct err *err = check_item(row, word);

    if (err)
        return err;
    *field = config_arena_string(arena, word);
    return *field == NULL ? no_memory() : NULL;
}

/* The error does not repeat the value, which may contain a password. */
static struct err *set_directory(const struct config_row *row, const char **field, const char *word,
                                 struct config_arena *arena)
{
    struct directory_url url;
    const char *why = NULL;
    int rc = *word != '\0' ? directory_url_parse(&url, word, &why) : 0;

    explicit_bzero(&url, sizeof(url));
    if (rc != 0)
        return err_new(ERR_CONFIG, "%s", why);
    return set_string(row, field, word, arena);
}

static int parse_choice(const struct config_row *row, const char *word, int *out)
{
    for (int i = 0; row->choices[i] != NULL; i++) {
        if (str_ieq(row->choices[i], word)) {
            *out = i;
            return 0;
        }
    }
    return -1;
}

/* Copies a number without its unit, which may be absent: "5s", "5". 0, or -1 if it is too long. */
static int drop_unit(const char *word, char unit, char out[VALUE_NUMBER_SIZE])
{
    size_t len = strlen(word);

    if (len > 1 && word[len - 1] == unit)
        len--;
    return str_copy_n(out, VALUE_NUMBER_SIZE, word, len);
}

static int set_scalar(const struct config_row *row, char *at, const char *word)
{
    char plain[VALUE_NUMBER_SIZE];
    int level;

    switch (row->type) {
    case CONFIG_SWITCH:
        return parse_switch(word, (int *)(void *)at);
    case CONFIG_INT:
        return str_to_i64(word, row->min, row->max, (int64_t *)(void *)at);
    case CONFIG_INT_AUTO:
        if (str_ieq(word, "auto")) {
            *(int64_t *)(void *)at = row->min - 1;
            return 0;
        }
        return str_to_i64(word, row->min, row->max, (int64_t *)(void *)at);
    case CONFIG_SIZE:
        return parse_size(word, row->min, row->max, (int64_t *)(void *)at);
    case CONFIG_MS_AUTO:
        if (str_ieq(word, "auto")) {
            *(usec_t *)(void *)at = -1;
            return 0;
        }
        return parse_ms(word, row->min, row->max, (usec_t *)(void *)at);
    case CONFIG_MS:
        return parse_ms(word, row->min, row->max, (usec_t *)(void *)at);
    case CONFIG_SECONDS:
        if (drop_unit(word, 's', plain) != 0)
            return -1;
        word = plain;
        /* One thousandth of the unit keeps "2.5" exact here too. */
        if (parse_ms(word, row->min, row->max, (usec_t *)(void *)at))
            return -1;
        *(usec_t *)(void *)at *= 1000;
        return 0;
    case CONFIG_CHOICE:
        return parse_choice(row, word, (int *)(void *)at);
    case CONFIG_LOG_LEVEL:
        level = log_level_parse(word);
        if (level >= 0)
            *(int *)(void *)at = level;
        return level >= 0 ? 0 : -1;
    default:
        assert(0);
        return -1;
    }
}

struct err *config_value_set(const struct config_row *row, void *base,
                             const struct config_words *words, struct config_arena *arena)
{
    char *at;

    assert(row != NULL && base != NULL && words != NULL && arena != NULL);
    at = (char *)base + row->offset;
    if (words->count == 0)
        return err_new(ERR_CONFIG, "needs a value");
    if (config_table_is_list(row))
        return set_list(row, (struct config_strings *)(void *)at, words, arena);
    if (words->count > 1)
        return err_new(ERR_CONFIG, "takes one value, not %d", words->count);
    if (row->type == CONFIG_URL && words->args[0][0] != '\0' && !is_url(words->args[0]))
        return value_refuse(row, words->args[0]);
    if (row->type == CONFIG_STRING || row->type == CONFIG_PATH || row->type == CONFIG_URL ||
        row->type == CONFIG_CONGESTION)
        return set_string(row, (const char **)(void *)at, words->args[0], arena);
    if (row->type == CONFIG_DIRECTORY)
        return set_directory(row, (const char **)(void *)at, words->args[0], arena);
    if (set_scalar(row, at, words->args[0]))
        return value_refuse(row, words->args[0]);
    return NULL;
}

struct err *config_value_set_text(const struct config_row *row, void *base, const char *text,
                                  struct config_arena *arena)
{
    char *args[LIST_MAX];
    struct config_words words = {args, 0, 0};
    char *copy = config_arena_string(arena, text);

    if (copy == NULL)
        return no_memory();
    if (!config_table_is_list(row)) {
        args[0] = copy;
        words.count = 1;
        return config_value_set(row, base, &words, arena);
    }
    for (char *p = copy; *p != '\0';) {
        size_t blank = strspn(p, " \t");
        size_t len = strcspn(p + blank, " \t");

        p += blank;
        if (len == 0)
            break;
        if (words.count == LIST_MAX)
            return err_new(ERR_CONFIG, "takes no more than %d values", (int)row->max);
        args[words.count++] = p;
        p += len;
        if (*p != '\0')
            *p++ = '\0';
    }
    if (words.count == 0 && row->min == 0)
        args[words.count++] = copy; /* the empty list */
    return config_value_set(row, base, &words, arena);
}
