/*
 * Prints the values of directives, and the syntax of each type. A printed value is read back as the
 * same value; a test checks that for every row.
 */
#include "app/config/config_value.h"

#include "app/config/address_mask.h"
#include "app/config/directory_url.h"

#include <inttypes.h>
#include <string.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Prints a word so that it is read back as one word: in quotes if necessary. */
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

/* Prints a value given in thousandths. */
static int print_decimal(int64_t value, struct buf *out)
{
    if (value % 1000 == 0)
        return buf_printf(out, "%" PRId64, value / 1000);
    return buf_printf(out, "%" PRId64 ".%03d", value / 1000, (int)(value % 1000));
}

static int print_address(const char *address, int has_key, struct buf *out)
{
    struct buf shown;
    int rc;

    buf_init(&shown, 4 * CONFIG_STRING_MAX);
    rc = address_mask(address, has_key, &shown) != 0 || buf_append(&shown, "", 1) != 0 ||
         print_word((const char *)buf_data(&shown), out) != 0;
    buf_fini(&shown);
    return rc ? -1 : 0;
}

static int print_item(const struct config_row *row, const char *item, struct buf *out)
{
    switch (row->type) {
    case CONFIG_SECRETS:
        return print_word(CONFIG_VALUE_MASK, out);
    case CONFIG_DESTINATIONS:
    case CONFIG_SOURCES:
    case CONFIG_ORIGINS:
        return print_address(item, 1, out);
    case CONFIG_URLS:
        return print_address(item, 0, out);
    default:
        return print_word(item, out);
    }
}

static int print_list(const struct config_row *row, const struct config_strings *list,
                      struct buf *out)
{
    if (list->count == 0)
        return print_word("", out);
    for (int i = 0; i < list->count; i++)
        if ((i > 0 && buf_append(out, " ", 1)) || print_item(row, list->item[i], out))
            return -1;
    return 0;
}

static int print_directory(const char *url, struct buf *out)
{
    char shown[CONFIG_STRING_MAX + sizeof(DIRECTORY_URL_MASK)];

    directory_url_mask(url, shown, sizeof(shown));
    return print_word(shown, out);
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
        if (*(const int64_t *)at < row->min)
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
    case CONFIG_CONGESTION:
    case CONFIG_PATH:
        return print_word(*(const char *const *)at, out);
    case CONFIG_URL:
        return print_address(*(const char *const *)at, 0, out);
    case CONFIG_DIRECTORY:
        return print_directory(*(const char *const *)at, out);
    case CONFIG_ENDPOINTS:
    case CONFIG_MOUNTS:
    case CONFIG_NETWORKS:
    case CONFIG_RULES:
    case CONFIG_STREAMS:
    case CONFIG_USER:
    case CONFIG_DOMAINS:
    case CONFIG_FRAMES:
    case CONFIG_ORIGINS:
    case CONFIG_DESTINATIONS:
    case CONFIG_SOURCES:
    case CONFIG_URLS:
    case CONFIG_LADDERS:
    case CONFIG_ADVERTISE:
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
    case CONFIG_PATH:
        return buf_printf(out, "a path");
    case CONFIG_CONGESTION:
        return buf_printf(out, "a congestion control of the kernel");
    case CONFIG_USER:
        return buf_printf(out, "a user, and a group");
    case CONFIG_URL:
        return buf_printf(out, "an http:// or https:// address");
    case CONFIG_DIRECTORY:
        return buf_printf(out, "redis://[user:password@]host[:port][/db], or rediss://");
    case CONFIG_ENDPOINTS:
        return buf_printf(out, "port, ip:port, [ipv6]:port or unix:/path, up to %d", (int)row->max);
    case CONFIG_MOUNTS:
        return buf_printf(out, "mount templates, up to %d", (int)row->max);
    case CONFIG_NETWORKS:
        return buf_printf(out, "addresses, networks (10.0.0.0/8) and unix:, up to %d",
                          (int)row->max);
    case CONFIG_RULES:
        return buf_printf(out, "publish or play, then all, addresses or networks (10.0.0.0/8)");
    case CONFIG_STREAMS:
        return buf_printf(out, "all or app/stream, up to %d", (int)row->max);
    case CONFIG_DOMAINS:
        return buf_printf(out, "domains, up to %d", (int)row->max);
    case CONFIG_FRAMES:
        return buf_printf(out, "self, none, * or sites (https://example.com), up to %d",
                          (int)row->max);
    case CONFIG_ORIGINS:
        return buf_printf(out, "host or host:port, up to %d", (int)row->max);
    case CONFIG_DESTINATIONS:
        return buf_printf(out, "host:port or rtmp addresses, up to %d", (int)row->max);
    case CONFIG_SOURCES:
        return buf_printf(out, "a name and an address, up to %d such pairs", (int)row->max / 2);
    case CONFIG_URLS:
        return buf_printf(out, "http:// or https:// addresses, up to %d", (int)row->max);
    case CONFIG_LADDERS:
        return buf_printf(out, "the name of a ladder and up to 8 rungs, each app/stream");
    case CONFIG_ADVERTISE:
        return buf_printf(out, "host, rtmp://host:port, http://host:port, https://host:port");
    case CONFIG_SECRETS:
        return buf_printf(out, "secrets, up to %d", (int)row->max);
    }
    return -1;
}
