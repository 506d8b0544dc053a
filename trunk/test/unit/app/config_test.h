#ifndef TEST_UNIT_APP_CONFIG_TEST_H
#define TEST_UNIT_APP_CONFIG_TEST_H

/* Configurations from text, for the check_config*.c files: the text is written to a temporary file,
 * which is removed before the call returns. */
#include "app/config/config.h"
#include "base/buf.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_TEST_FILE "test.conf"

static inline struct err *config_test_try(const char *text, char **environment, struct config **out)
{
    char folder[] = "/tmp/check_config.XXXXXX";
    char path[64];
    struct config_options options = {.file = path};
    struct err *err;
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/%s", folder, CONFIG_TEST_FILE);
    file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    err = config_load(&options, environment, out);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
    return err;
}

static inline struct config *config_test_load(const char *text, char **environment)
{
    struct config *config;
    struct err *err = config_test_try(text, environment, &config);

    ck_assert_msg(err == NULL, "%s: %s", text, err ? err_text(err) : "");
    return config;
}

static inline void config_test_refuse(const char *text, char **environment, const char *what)
{
    struct config *config;
    struct err *err = config_test_try(text, environment, &config);

    ck_assert_msg(err != NULL, "taken: %s", text);
    ck_assert_ptr_null(config);
    ck_assert_msg(strstr(err_text(err), what) != NULL, "\"%s\" has no \"%s\"", err_text(err), what);
    err_free(err);
}

/* A log that keeps what is written to it. */
struct config_test_log {
    struct log_sink sink; /* first */
    struct log log;
    char text[65536];
    size_t len;
};

static inline void config_test_log_write(struct log_sink *sink, const char *line, size_t len)
{
    struct config_test_log *log = (struct config_test_log *)sink;

    ck_assert_uint_lt(log->len + len, sizeof(log->text));
    memcpy(log->text + log->len, line, len);
    log->len += len;
    log->text[log->len] = '\0';
}

static inline void config_test_log_init(struct config_test_log *log)
{
    memset(log, 0, sizeof(*log));
    log->sink.write = config_test_log_write;
    log->log.level = LOG_DEBUG;
    log->log.sink = &log->sink;
}

/* The warnings of a configuration as text. */
static inline const char *config_test_warnings(struct config_test_log *log,
                                               const struct config *config)
{
    config_test_log_init(log);
    config_warnings_log(config, &log->log);
    return log->text;
}

/* What -t prints. The caller frees it. */
static inline char *config_test_dump(const struct config *config)
{
    struct buf out;
    char *copy;

    buf_init(&out, CONFIG_TEXT_MAX);
    ck_assert_int_eq(config_dump(config, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    copy = strdup((const char *)buf_data(&out));
    ck_assert_ptr_nonnull(copy);
    buf_fini(&out);
    return copy;
}

#endif
