/*
 * nginx writes times and sizes with units, and addresses with variables. What cannot be said in
 * this server's terms is an error here, and a note of the caller.
 */
#include "tools/import-nginx/nginx_value.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

#define VALUE_MAX ((int64_t)1 << 50)

const char *nginx_value_first(const struct conf_node *node)
{
    return node->arg_count > 0 ? node->args[0] : "";
}

int nginx_value_is_on(const struct conf_node *node)
{
    return strcmp(nginx_value_first(node), "on") == 0;
}

/* The digits at *p. 0; -1: there are none, or too many. */
static int digits(const char **p, int64_t *out)
{
    const char *start = *p;

    *out = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        *out = *out * 10 + (**p - '0');
        if (*out > VALUE_MAX)
            return -1;
    }
    return *p > start ? 0 : -1;
}

/* ms of the unit at *p, which it passes over; `alone` where there is none, 0 for an unknown one. */
static int64_t unit_ms(const char **p, int64_t alone)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};

    if (**p == '\0')
        return alone;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (str_starts(*p, units[i].name)) {
            *p += strlen(units[i].name);
            return units[i].ms;
        }
    }
    return 0;
}

int nginx_value_time(const char *text, int64_t alone_ms, int64_t *ms)
{
    const char *p = text;

    *ms = 0;
    do {
        int64_t value, unit;

        if (digits(&p, &value) != 0)
            return -1;
        unit = unit_ms(&p, alone_ms);
        if (unit == 0 || value > VALUE_MAX / unit)
            return -1;
        *ms += value * unit;
    } while (*p != '\0' && *ms < VALUE_MAX);
    return *p == '\0' ? 0 : -1;
}

int nginx_value_size(const char *text, int64_t *bytes)
{
    const char *p = text;
    int64_t unit = 1;

    if (digits(&p, bytes) != 0)
        return -1;
    if (*p == 'k' || *p == 'K')
        unit = 1024;
    else if (*p == 'm' || *p == 'M')
        unit = 1024 * 1024;
    else if (*p != '\0')
        return -1;
    if (*p != '\0' && p[1] != '\0')
        return -1;
    *bytes *= unit;
    return 0;
}

/* The length of a variable's name at p, which is after its '$' or '['. */
static size_t name_len(const char *p)
{
    return strspn(p, "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

static const char *variable(const char *name, size_t len)
{
    if (len == 3 && strncmp(name, "app", len) == 0)
        return "[app]";
    if ((len == 4 && strncmp(name, "name", len) == 0) ||
        (len == 6 && strncmp(name, "stream", len) == 0))
        return "[stream]";
    return NULL;
}

int nginx_value_template(const char *text, char *out, size_t cap)
{
    size_t used = 0;

    for (const char *p = text; *p != '\0';) {
        int is_bracket = *p == '[' && p[1 + name_len(p + 1)] == ']' && name_len(p + 1) > 0;
        const char *value = NULL;
        size_t len = 1;

        if (*p == '$' || is_bracket) {
            value = variable(p + 1, name_len(p + 1));
            if (value == NULL)
                return -1;
            len = 1 + name_len(p + 1) + (size_t)is_bracket;
        }
        if (str_copy_n(out + used, cap - used, value != NULL ? value : p,
                       value != NULL ? strlen(value) : 1) != 0)
            return -1;
        used += strlen(out + used);
        p += len;
    }
    out[used] = '\0';
    return 0;
}

int nginx_value_host(const char *url, char *out, size_t cap)
{
    const char *host = url;

    if (str_starts(url, "rtmp://"))
        host = url + strlen("rtmp://");
    else if (strstr(url, "://") != NULL)
        return -1;
    if (strcspn(host, "/") == 0)
        return -1;
    return str_copy_n(out, cap, host, strcspn(host, "/"));
}

int nginx_value_put(struct buf *out, const char *word)
{
    int rc;

    if (*word != '\0' && *word != '"' && *word != '\'' && *word != '#' &&
        strpbrk(word, " \t\r\n;{}\\") == NULL)
        return buf_append(out, word, strlen(word));
    rc = buf_append(out, "\"", 1);
    for (; *word != '\0' && rc == 0; word++) {
        if (*word == '\n')
            rc = buf_append(out, "\\n", 2);
        else if (*word == '"' || *word == '\\')
            rc = buf_printf(out, "\\%c", *word);
        else
            rc = buf_append(out, word, 1);
    }
    return rc == 0 ? buf_append(out, "\"", 1) : -1;
}
