/*
 * The source of a configuration, kept with it. Its form as bytes is one record after another: a
 * letter (M main path, F file, V variable, E end), the lengths of two texts, and the texts. Only
 * processes on this machine read it, so numbers have the machine's byte order.
 *
 * It contains keys and passwords: only processes of the same server get it, and those that
 * may read this process's descriptors.
 */
#include "app/config/config_source.h"

#include "base/hash.h"
#include "base/secret.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENV_MAX 4096
/* Of a record: its letter and the two lengths. */
#define HEAD_SIZE (3 * sizeof(uint32_t))

static struct err *no_memory(const char *path)
{
    return err_new(ERR_NOMEM, "%s: no memory", path);
}

/* ---- made from files ---- */

/* Whether loading a configuration looks at this variable. */
static int is_concerned(const char *entry)
{
    return str_starts(entry, "SRS_") || str_starts(entry, "container=");
}

static int add_env(struct config_source *source, const char *entry, size_t len)
{
    char **env = realloc(source->env, (size_t)(source->env_count + 2) * sizeof(*env));

    if (env == NULL)
        return -1;
    source->env = env;
    env[source->env_count] = config_arena_copy(&source->arena, entry, len);
    env[source->env_count + 1] = NULL;
    if (env[source->env_count] == NULL)
        return -1;
    source->env_count++;
    source->size += len;
    return 0;
}

static int add_file(struct config_source *source, const char *path, const char *text, size_t len)
{
    struct config_source_file *file = &source->file[source->file_count];

    if (source->file_count == CONF_INCLUDES_MAX + 1 || source->size + len > CONFIG_SOURCE_BYTES_MAX)
        return -1;
    file->path = config_arena_string(&source->arena, path);
    file->text = config_arena_copy(&source->arena, text, len);
    file->len = len;
    if (file->path == NULL || file->text == NULL)
        return -1;
    source->size += len;
    source->file_count++;
    return 0;
}

struct config_source *config_source_new(const struct config_options *options, char **environment)
{
    struct config_source *source = calloc(1, sizeof(*source));
    int failed = source == NULL || (source->env = calloc(1, sizeof(*source->env))) == NULL;

    if (!failed && !options->env_only)
        failed = (source->path = strdup(options->file)) == NULL;
    for (char **entry = environment; !failed && entry != NULL && *entry != NULL; entry++)
        if (is_concerned(*entry) && source->env_count < ENV_MAX)
            failed = add_env(source, *entry, strlen(*entry)) != 0;
    if (!failed) {
        source->opener = options->opener;
        return source;
    }
    config_source_free(source);
    return NULL;
}

void config_source_free(struct config_source *source)
{
    if (source == NULL)
        return;
    config_arena_fini(&source->arena);
    free(source->env);
    free(source->path);
    free(source);
}

/* The file, also one that only the opener may open. NULL with errno. */
static FILE *open_file(const char *path, const struct opener *opener)
{
    FILE *file = fopen(path, "re");
    int fd = -1;

    if (file != NULL || errno != EACCES || opener->open == NULL)
        return file;
    fd = opener->open(opener->arg, path);
    if (fd >= 0)
        file = fdopen(fd, "re");
    if (fd >= 0 && file == NULL)
        close(fd);
    return file;
}

/* *text is memory for secrets, and longer than the file. */
static struct err *read_file(const char *path, const struct opener *opener, char **text,
                             size_t *len)
{
    FILE *file = open_file(path, opener);
    int failed;

    if (file == NULL && (errno == ENOENT || errno == ENOTDIR))
        return err_new(ERR_NOT_FOUND, "%s: no such file", path);
    if (file == NULL)
        return err_sys(errno, "%s", path);
    /* No copy of it stays in a buffer of the stream. */
    (void)setvbuf(file, NULL, _IONBF, 0);
    /* Read one byte more than the limit to detect a file that is too long. */
    *text = secret_new(CONF_FILE_MAX + 1);
    if (*text == NULL) {
        fclose(file);
        return no_memory(path);
    }
    errno = 0;
    *len = fread(*text, 1, CONF_FILE_MAX + 1, file);
    failed = ferror(file) ? errno : 0;
    fclose(file);
    if (failed) {
        secret_free(*text);
        *text = NULL;
        return err_sys(failed, "%s", path);
    }
    return NULL;
}

static struct err *copy_text(const struct config_source_file *file, char **text, size_t *len)
{
    *text = malloc(file->len + 1);
    if (*text == NULL)
        return no_memory(file->path);
    memcpy(*text, file->text, file->len);
    *len = file->len;
    return NULL;
}

struct err *config_source_load(void *arg, const char *path, char **text, size_t *len)
{
    struct config_source *source = arg;
    struct err *err;
    char *read;

    *text = NULL;
    for (int i = 0; i < source->file_count; i++)
        if (strcmp(source->file[i].path, path) == 0)
            return copy_text(&source->file[i], text, len);
    if (source->is_complete)
        return err_new(ERR_NOT_FOUND, "%s: no such file", path);
    err = read_file(path, &source->opener, &read, len);
    if (err != NULL)
        return err;
    if (add_file(source, path, read, *len) != 0)
        err = err_new(ERR_LIMIT, "%s: the files together are too long", path);
    else
        err = copy_text(&source->file[source->file_count - 1], text, len);
    secret_free(read);
    return err;
}

static uint64_t add_text(uint64_t sum, const char *text, size_t len)
{
    return (sum * 1000003 + len) * 1000003 + hash_bytes(text, len);
}

uint64_t config_source_fingerprint(const struct config_source *source)
{
    uint64_t sum = 1;

    for (int i = 0; i < source->file_count; i++)
        sum = add_text(sum, source->file[i].text, source->file[i].len);
    return sum;
}

uint64_t config_source_look(const struct config_source *source, const struct opener *opener)
{
    uint64_t sum = 1;

    for (int i = 0; i < source->file_count; i++) {
        char *text = NULL;
        size_t len = 0;
        struct err *err = read_file(source->file[i].path, opener, &text, &len);
        int is_missing = err != NULL;

        err_free(err);
        if (is_missing && i == 0)
            return 0;
        sum = is_missing ? sum + 1 : add_text(sum, text, len);
        secret_free(text);
    }
    return sum;
}

/* ---- as bytes ---- */

static int write_record(struct buf *out, char kind, const char *name, const char *text, size_t len)
{
    const uint32_t head[3] = {(uint32_t)kind, (uint32_t)strlen(name), (uint32_t)len};

    return buf_append(out, head, sizeof(head)) || buf_append(out, name, head[1]) ||
                   buf_append(out, text, len)
               ? -1
               : 0;
}

size_t config_source_length(const struct config_source *source)
{
    size_t len = HEAD_SIZE;

    if (source->path != NULL)
        len += HEAD_SIZE + strlen(source->path);
    for (int i = 0; i < source->file_count; i++)
        len += HEAD_SIZE + strlen(source->file[i].path) + source->file[i].len;
    for (int i = 0; i < source->env_count; i++)
        len += HEAD_SIZE + strlen(source->env[i]);
    return len;
}

int config_source_write(const struct config_source *source, struct buf *out)
{
    int failed = 0;

    if (source->path != NULL)
        failed = write_record(out, 'M', source->path, "", 0);
    for (int i = 0; i < source->file_count && !failed; i++)
        failed =
            write_record(out, 'F', source->file[i].path, source->file[i].text, source->file[i].len);
    for (int i = 0; i < source->env_count && !failed; i++)
        failed = write_record(out, 'V', "", source->env[i], strlen(source->env[i]));
    return failed || write_record(out, 'E', "", "", 0) ? -1 : 0;
}

struct record {
    uint32_t kind;
    const uint8_t *name, *text;
    uint32_t name_len, text_len;
};

/* Reads the record at *used and moves *used to its end; 0, or -1. */
static int read_record(const uint8_t *data, size_t len, size_t *used, struct record *record)
{
    size_t left = len - *used;
    uint32_t head[3];

    if (left < HEAD_SIZE)
        return -1;
    memcpy(head, data + *used, sizeof(head));
    left -= HEAD_SIZE;
    if (head[1] > left || head[2] > left - head[1])
        return -1;
    record->kind = head[0];
    record->name = data + *used + HEAD_SIZE;
    record->name_len = head[1];
    record->text = record->name + head[1];
    record->text_len = head[2];
    *used += HEAD_SIZE + head[1] + head[2];
    return 0;
}

static int take_record(struct config_source *source, const struct record *record)
{
    char *name = strndup((const char *)record->name, record->name_len);
    int failed = name == NULL;

    if (!failed && record->kind == 'M' && source->path == NULL) {
        source->path = name;
        return 0;
    }
    if (!failed && record->kind == 'F') {
        failed = add_file(source, name, (const char *)record->text, record->text_len) != 0;
    } else if (!failed && record->kind == 'V' && source->env_count < ENV_MAX) {
        failed = add_env(source, (const char *)record->text, record->text_len) != 0;
    } else {
        failed = 1;
    }
    free(name);
    return failed ? -1 : 0;
}

struct config_source *config_source_read(const uint8_t *data, size_t len, size_t *used)
{
    struct config_source *source = calloc(1, sizeof(*source));
    struct record record = {0};
    int failed = source == NULL || (source->env = calloc(1, sizeof(*source->env))) == NULL;

    *used = 0;
    while (!failed && (failed = read_record(data, len, used, &record)) == 0 && record.kind != 'E')
        failed = take_record(source, &record);
    if (!failed) {
        source->is_complete = 1;
        return source;
    }
    config_source_free(source);
    return NULL;
}
