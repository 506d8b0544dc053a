/*
 * The variables are SRS's. What replaces one never begins or ends a folder by itself, except for
 * [app], whose slashes are those of the address; bytes that a file system or a shell would take for
 * something else become underscores.
 */
#include "app/record/record_path.h"

#include "base/buf.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#define DEFAULT_NAME "[stream].[timestamp].flv"
/* Folders that an [app] may have. */
#define APP_DEPTH 8

struct filling {
    const struct record_names *names;
    struct tm tm;
    usec_t wall;
};

static int put_text(struct buf *out, const char *text, int keeps_slash)
{
    for (; *text != '\0'; text++) {
        char c = *text;

        if ((unsigned char)c < 0x20 || c == 0x7f || c == '\\' || (c == '/' && !keeps_slash))
            c = '_';
        if (buf_append(out, &c, 1) != 0)
            return -1;
    }
    return 0;
}

/* A component of dots only would be a folder, or no file. */
static int put_component(struct buf *out, const char *text, size_t len)
{
    char name[RECORD_PATH_MAX];

    if (str_copy_n(name, sizeof(name), text, len) != 0)
        return -1;
    if (name[strspn(name, ".")] == '\0')
        memset(name, '_', strlen(name));
    return put_text(out, name, 0);
}

static int put_app(struct buf *out, const char *app)
{
    int is_first = 1;

    while (*app != '\0') {
        size_t len = strcspn(app, "/");

        if (len > 0 &&
            ((!is_first && buf_append(out, "/", 1) != 0) || put_component(out, app, len) != 0))
            return -1;
        is_first = is_first && len == 0;
        app += len + (app[len] == '/');
    }
    return 0;
}

/* Appends the variable at the beginning of `at`; 1 with *len, 0 if it is none, -1 if too long. */
static int put_variable(struct buf *out, const char *at, const struct filling *fill, size_t *len)
{
    const struct {
        const char *name;
        int number, digits;
    } numbers[] = {{"[2006]", fill->tm.tm_year + 1900, 4},
                   {"[01]", fill->tm.tm_mon + 1, 2},
                   {"[02]", fill->tm.tm_mday, 2},
                   {"[15]", fill->tm.tm_hour, 2},
                   {"[04]", fill->tm.tm_min, 2},
                   {"[05]", fill->tm.tm_sec, 2},
                   {"[999]", (int)(fill->wall / USEC_PER_MS % 1000), 3}};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!str_starts(at, numbers[i].name))
            continue;
        *len = strlen(numbers[i].name);
        return buf_printf(out, "%0*d", numbers[i].digits, numbers[i].number) == 0 ? 1 : -1;
    }
    *len = strcspn(at, "]") + 1;
    if (str_starts(at, "[timestamp]"))
        return buf_printf(out, "%lld", (long long)(fill->wall / USEC_PER_MS)) == 0 ? 1 : -1;
    if (str_starts(at, "[vhost]"))
        return put_component(out, fill->names->vhost, strlen(fill->names->vhost)) == 0 ? 1 : -1;
    if (str_starts(at, "[app]"))
        return put_app(out, fill->names->app) == 0 ? 1 : -1;
    if (str_starts(at, "[stream]"))
        return put_component(out, fill->names->stream, strlen(fill->names->stream)) == 0 ? 1 : -1;
    return 0;
}

static int fill_in(struct buf *out, const char *template, const struct filling *fill)
{
    while (*template != '\0') {
        size_t len = strcspn(template, "[");
        int rc;

        if (buf_append(out, template, len) != 0)
            return -1;
        template += len;
        if (*template == '\0')
            break;
        rc = put_variable(out, template, fill, &len);
        if (rc < 0)
            return -1;
        if (rc == 0 && buf_append(out, template, len = 1) != 0)
            return -1;
        template += len;
    }
    return 0;
}

/* Whether the part after the operator's own folder stays beneath it, with names that fit. */
static int is_beneath(const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len > RECORD_NAME_MAX || (len == 2 && strncmp(path, "..", 2) == 0))
            return 0;
        path += len + (path[len] == '/');
    }
    return 1;
}

static int is_file(const char *template)
{
    return str_ends(template, ".flv") || str_ends(template, ".mp4");
}

/* The template of files. 0 or -1. */
static int template_of(const char *template, char out[RECORD_PATH_MAX])
{
    size_t len = strlen(template);

    if (is_file(template))
        return str_copy(out, RECORD_PATH_MAX, template);
    return str_format(out, RECORD_PATH_MAX, "%s%s" DEFAULT_NAME, template,
                      len > 0 && template[len - 1] == '/' ? "" : "/");
}

/* Where the last folder without a variable ends. */
static size_t root_len(const char *template)
{
    size_t len = strcspn(template, "[");

    while (len > 0 && template[len - 1] != '/')
        len--;
    return len;
}

int record_path_make(const char *template, const struct record_names *names, usec_t wall,
                     int is_utc, char out[RECORD_PATH_MAX])
{
    time_t seconds = (time_t)(wall / USEC_PER_SEC);
    struct filling fill = {.names = names, .wall = wall};
    char whole[RECORD_PATH_MAX];
    struct buf path;
    int rc;

    assert(template != NULL && names != NULL);
    if (template_of(template, whole) != 0 ||
        (is_utc ? gmtime_r(&seconds, &fill.tm) : localtime_r(&seconds, &fill.tm)) == NULL)
        return -1;
    buf_init(&path, RECORD_PATH_MAX);
    rc = fill_in(&path, whole, &fill);
    if (rc == 0)
        rc = str_copy_n(out, RECORD_PATH_MAX, (const char *)buf_data(&path), path.len);
    buf_fini(&path);
    if (rc != 0 || !is_beneath(out + root_len(whole)))
        return -1;
    return 0;
}

int record_path_number(const char *path, int number, char out[RECORD_PATH_MAX])
{
    const char *dot = strrchr(path, '.');

    assert(dot != NULL);
    return str_format(out, RECORD_PATH_MAX, "%.*s.%d%s", (int)(dot - path), path, number, dot);
}

int record_path_root(const char *template, char out[RECORD_PATH_MAX], int *depth)
{
    char whole[RECORD_PATH_MAX];
    size_t len;

    if (template_of(template, whole) != 0)
        return -1;
    len = root_len(whole);
    *depth = 0;
    for (const char *p = whole + len; *p != '\0'; p++) {
        *depth += *p == '/';
        *depth += str_starts(p, "[app]") ? APP_DEPTH : 0;
    }
    if (len == 0)
        return str_copy(out, RECORD_PATH_MAX, ".");
    return str_copy_n(out, RECORD_PATH_MAX, whole, len > 1 ? len - 1 : len);
}
