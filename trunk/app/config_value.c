/*
 * Values of directives: what may be written for each type of the table, how
 * it becomes a field of the structs, and how a field is written again. What is printed here
 * reads back as the same value; a test holds every row to that.
 */
#include "app/config_value.h"

#include "app/mount.h"
#include "app/origin.h"
#include "app/security.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 128   /* words of one text: no list of the table is longer */
#define MASK     "***" /* what is shown for a secret */

static const char *const level_names[] = {"error", "warn", "info", "debug"};

struct config_piece {
    struct config_piece *next;
    max_align_t bytes[];
};

void *config_arena_alloc(struct config_arena *arena, size_t size)
{
    struct config_piece *piece = calloc(1, sizeof(*piece) + size);

    if (piece == NULL)
        return NULL;
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

char *config_arena_string(struct config_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = config_arena_alloc(arena, size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void config_arena_fini(struct config_arena *arena)
{
    while (arena->pieces != NULL) {
        struct config_piece *piece = arena->pieces;

        arena->pieces = piece->next;
        free(piece);
    }
}

static struct err *no_memory(void)
{
    return err_new(ERR_NOMEM, "no memory for the configuration");
}

/* "takes on or off, not \"maybe\"". */
static struct err *value_refuse(const struct config_row *row, const char *word)
{
    struct buf kind;
    struct err *err;

    buf_init(&kind, 512);
    if (config_value_kind(row, &kind) || buf_append(&kind, "", 1))
        err = no_memory();
    else
        err = err_new(ERR_CONFIG, "takes %s, not \"%.100s\"", (const char *)buf_data(&kind), word);
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

/* "16m": a number and perhaps k, m or g. */
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

/* "350" or "0.5" milliseconds, within [min, max], to microseconds. */
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

/* What net_listen() takes: "8080", ":8080", "ip:8080", "[v6]:8080", "unix:/path". */
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

static struct err *check_item(const struct config_row *row, const char *word)
{
    const char *why;

    if (strlen(word) >= CONFIG_STRING_MAX)
        return err_new(ERR_CONFIG, "longer than %d bytes", CONFIG_STRING_MAX - 1);
    if (row->type == CONFIG_ENDPOINTS && !is_endpoint(word))
        return value_refuse(row, word);
    if (row->type == CONFIG_MOUNTS && mount_check(word, &why))
        return err_new(ERR_CONFIG, "\"%s\": %s", word, why);
    if ((row->type == CONFIG_DOMAINS && !is_domain(word)) ||
        (row->type == CONFIG_ORIGINS && origin_check(word)))
        return value_refuse(row, word);
    if (row->type == CONFIG_DESTINATIONS && origin_destination_check(word, &why))
        return err_new(ERR_CONFIG, "\"%.100s\": %s", word, why);
    if (row->type == CONFIG_SECRETS && (*word == '\0' || strcmp(word, MASK) == 0))
        return err_new(ERR_CONFIG, "needs the secret itself, not nothing or " MASK);
    return NULL;
}

/* What is said of a list as a whole. */
static struct err *check_list(const struct config_row *row, const struct config_words *words)
{
    const char *why = NULL;
    int at = 0;

    if (row->type == CONFIG_RULES && security_rules_check(words->args, words->count, &at, &why))
        return err_new(ERR_CONFIG, "\"%.100s\": %s", words->args[at], why);
    if (row->type != CONFIG_SOURCES)
        return NULL;
    if (words->count % 2 != 0)
        return err_new(ERR_CONFIG, "takes a name and an address");
    for (int i = 0; i < words->count; i += 2)
        if (origin_source_check(words->args[i], words->args[i + 1], &why))
            return err_new(ERR_CONFIG, "%.60s \"%.100s\": %s", words->args[i], words->args[i + 1],
                           why);
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

static int set_scalar(const struct config_row *row, char *at, const char *word)
{
    int level;

    switch (row->type) {
    case CONFIG_SWITCH:
        return parse_switch(word, (int *)(void *)at);
    case CONFIG_INT:
        return str_to_i64(word, row->min, row->max, (int64_t *)(void *)at);
    case CONFIG_INT_AUTO:
        if (str_ieq(word, "auto")) {
            *(int64_t *)(void *)at = 0;
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
        /* A thousandth of the unit keeps "2.5" exact here too. */
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
    if (row->type == CONFIG_STRING)
        return set_string(row, (const char **)(void *)at, words->args[0], arena);
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

/* A word as it is read back: in quotes when it would not be one word, or none, without. */
static int print_word(const char *word, struct buf *out)
{
    if (*word != '\0' && *word != '#' && strpbrk(word, " \t\r\n;{}\"'\\") == NULL)
        return buf_append(out, word, strlen(word));
    if (buf_append(out, "\"", 1))
        return -1;
    for (; *word != '\0'; word++) {
        const char *special = strchr("\"\\\n\t", *word);

        if (special != NULL) {
            char escape[2] = {'\\', *word == '\n' ? 'n' : *word == '\t' ? 't' : *word};

            if (buf_append(out, escape, 2))
                return -1;
        } else if (buf_append(out, word, 1)) {
            return -1;
        }
    }
    return buf_append(out, "\"", 1);
}

static int print_size(int64_t value, struct buf *out)
{
    static const char units[] = {'g', 'm', 'k'};

    for (int i = 0; i < 3; i++) {
        int64_t unit = (int64_t)1 << (30 - 10 * i);

        if (value > 0 && value % unit == 0)
            return buf_printf(out, "%" PRId64 "%c", value / unit, units[i]);
    }
    return buf_printf(out, "%" PRId64, value);
}

/* value in thousandths. */
static int print_decimal(int64_t value, struct buf *out)
{
    if (value % 1000 == 0)
        return buf_printf(out, "%" PRId64, value / 1000);
    return buf_printf(out, "%" PRId64 ".%03d", value / 1000, (int)(value % 1000));
}

static int print_list(const struct config_row *row, const struct config_strings *list,
                      struct buf *out)
{
    if (list->count == 0)
        return print_word("", out);
    for (int i = 0; i < list->count; i++)
        if ((i > 0 && buf_append(out, " ", 1)) ||
            print_word(row->type == CONFIG_SECRETS ? MASK : list->item[i], out))
            return -1;
    return 0;
}

int config_value_print(const struct config_row *row, const void *base, struct buf *out)
{
    const void *at = (const char *)base + row->offset;
    const char *word;

    switch (row->type) {
    case CONFIG_SWITCH:
        word = *(const int *)at ? "on" : "off";
        return buf_append(out, word, strlen(word));
    case CONFIG_INT:
        return buf_printf(out, "%" PRId64, *(const int64_t *)at);
    case CONFIG_INT_AUTO:
        if (*(const int64_t *)at == 0)
            return buf_append(out, "auto", 4);
        return buf_printf(out, "%" PRId64, *(const int64_t *)at);
    case CONFIG_SIZE:
        return print_size(*(const int64_t *)at, out);
    case CONFIG_MS_AUTO:
        if (*(const usec_t *)at < 0)
            return buf_append(out, "auto", 4);
        return print_decimal(*(const usec_t *)at, out);
    case CONFIG_MS:
        return print_decimal(*(const usec_t *)at, out);
    case CONFIG_SECONDS:
        return print_decimal(*(const usec_t *)at / 1000, out);
    case CONFIG_CHOICE:
        word = row->choices[*(const int *)at];
        return buf_append(out, word, strlen(word));
    case CONFIG_LOG_LEVEL:
        word = level_names[*(const int *)at];
        return buf_append(out, word, strlen(word));
    case CONFIG_STRING:
        return print_word(*(const char *const *)at, out);
    case CONFIG_ENDPOINTS:
    case CONFIG_MOUNTS:
    case CONFIG_RULES:
    case CONFIG_DOMAINS:
    case CONFIG_ORIGINS:
    case CONFIG_DESTINATIONS:
    case CONFIG_SOURCES:
    case CONFIG_SECRETS:
        return print_list(row, at, out);
    }
    return -1;
}

static int kind_choice(const struct config_row *row, struct buf *out)
{
    for (int i = 0; row->choices[i] != NULL; i++)
        if (buf_printf(out, "%s%s", i > 0 ? ", " : "", row->choices[i]))
            return -1;
    return 0;
}

static int kind_size(const struct config_row *row, struct buf *out)
{
    return buf_append(out, "bytes from ", 11) || print_size(row->min, out) ||
                   buf_append(out, " to ", 4) || print_size(row->max, out)
               ? -1
               : 0;
}

int config_value_kind(const struct config_row *row, struct buf *out)
{
    switch (row->type) {
    case CONFIG_SWITCH:
        return buf_printf(out, "on, off");
    case CONFIG_INT:
        return buf_printf(out, "a number from %" PRId64 " to %" PRId64, row->min, row->max);
    case CONFIG_INT_AUTO:
        return buf_printf(out, "auto, or a number from %" PRId64 " to %" PRId64, row->min,
                          row->max);
    case CONFIG_SIZE:
        return kind_size(row, out);
    case CONFIG_MS:
        return buf_printf(out, "milliseconds from %" PRId64 " to %" PRId64, row->min, row->max);
    case CONFIG_MS_AUTO:
        return buf_printf(out, "auto, or milliseconds from %" PRId64 " to %" PRId64, row->min,
                          row->max);
    case CONFIG_SECONDS:
        return buf_printf(out, "seconds from %" PRId64 " to %" PRId64, row->min, row->max);
    case CONFIG_CHOICE:
        return kind_choice(row, out);
    case CONFIG_LOG_LEVEL:
        return buf_printf(out, "error, warn, info (or trace), debug (or verbose)");
    case CONFIG_STRING:
        return buf_printf(out, "text");
    case CONFIG_ENDPOINTS:
        return buf_printf(out, "port, ip:port, [ipv6]:port or unix:/path, up to %d", (int)row->max);
    case CONFIG_MOUNTS:
        return buf_printf(out, "mount templates, up to %d", (int)row->max);
    case CONFIG_RULES:
        return buf_printf(out, "publish or play, then all, addresses or networks (10.0.0.0/8)");
    case CONFIG_DOMAINS:
        return buf_printf(out, "domains, up to %d", (int)row->max);
    case CONFIG_ORIGINS:
        return buf_printf(out, "host or host:port, up to %d", (int)row->max);
    case CONFIG_DESTINATIONS:
        return buf_printf(out, "host:port or rtmp addresses, up to %d", (int)row->max);
    case CONFIG_SOURCES:
        return buf_printf(out, "a name and an address, up to %d such pairs", (int)row->max / 2);
    case CONFIG_SECRETS:
        return buf_printf(out, "secrets, up to %d", (int)row->max);
    }
    return -1;
}
