#ifndef BASE_CONF_PRIVATE_H
#define BASE_CONF_PRIVATE_H

/* Shared by conf.c (tree and files) and conf_word.c (tokens) only. */
#include "base/buf.h"
#include "base/conf.h"

/* A file's text and the reading position. */
struct conf_text {
    char *path;
    char *text;
    size_t len, at;
    int line;
};

/* The words of the current directive. */
struct conf_words {
    struct buf text; /* each ended by '\0' */
    int count;
    int line; /* of the first word */
};

enum conf_token { CONF_WORD, CONF_OPEN, CONF_CLOSE, CONF_SEMICOLON, CONF_END };

/* The next token; a word goes into words. ERR_CONFIG with file and line, or ERR_NOMEM. */
struct err *conf_next(struct conf_text *file, struct conf_words *words,
                      enum conf_token *token) ERR_MUST_CHECK;

/* ERR_CONFIG: "file:line: …". */
#define conf_fail(file, at_line, ...) \
    err_wrap(err_new(ERR_CONFIG, __VA_ARGS__), "%s:%d", (file)->path, (at_line))

static inline struct err *conf_no_memory(void)
{
    return err_new(ERR_NOMEM, "no memory for the configuration");
}

#endif
