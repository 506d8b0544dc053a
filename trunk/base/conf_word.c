/*
 * The tokenizer of the configuration's grammar: words, quoted or not, and the three marks between
 * them. Words are collected until the parser takes them, so that a directive costs one allocation.
 */
#include "base/conf_private.h"

#include <string.h>

static int conf_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether c ends an unquoted word. */
static int conf_is_delimiter(char c)
{
    return conf_is_space(c) || c == ';' || c == '{' || c == '}';
}

static void conf_skip_blank(struct conf_text *file)
{
    int is_comment = 0;

    for (; file->at < file->len; file->at++) {
        char c = file->text[file->at];

        if (c == '\n') {
            file->line++;
            is_comment = 0;
        } else if (c == '#') {
            is_comment = 1;
        } else if (!is_comment && !conf_is_space(c)) {
            return;
        }
    }
}

static struct err *conf_add_char(struct conf_text *file, struct conf_words *words, size_t *len,
                                 char c)
{
    if (((unsigned char)c < 0x20 && c != '\t' && c != '\n') || c == 0x7f)
        return conf_fail(file, file->line, "control character 0x%02x", (unsigned char)c);
    if (++*len >= CONF_WORD_MAX)
        return conf_fail(file, file->line, "a word is longer than %d bytes", CONF_WORD_MAX - 1);
    if (buf_append(&words->text, &c, 1))
        return conf_no_memory();
    return NULL;
}

/* What a backslash and c mean in quotes; 0 if it is not an escape and both are literal. */
static char conf_unescape(char c)
{
    static const char written[] = "\\\"'nt";
    static const char meant[] = "\\\"'\n\t";
    const char *at = memchr(written, c, sizeof(written) - 1);

    return at != NULL ? meant[at - written] : '\0';
}

static struct err *conf_quoted(struct conf_text *file, struct conf_words *words)
{
    char quote = file->text[file->at++];
    struct err *err = NULL;
    size_t len = 0;

    while (!err && file->at < file->len) {
        char c = file->text[file->at++];

        if (c == quote) {
            if (file->at < file->len && !conf_is_delimiter(file->text[file->at]))
                return conf_fail(file, file->line, "text right after a closing quote");
            return NULL;
        }
        if (c == '\n')
            break;
        if (c == '\\' && file->at < file->len && conf_unescape(file->text[file->at]))
            c = conf_unescape(file->text[file->at++]);
        err = conf_add_char(file, words, &len, c);
    }
    return err ? err : conf_fail(file, file->line, "a quote is not closed on its line");
}

static struct err *conf_plain(struct conf_text *file, struct conf_words *words)
{
    struct err *err = NULL;
    size_t len = 0;

    while (!err && file->at < file->len && !conf_is_delimiter(file->text[file->at]))
        err = conf_add_char(file, words, &len, file->text[file->at++]);
    return err;
}

static struct err *conf_word(struct conf_text *file, struct conf_words *words)
{
    char first = file->text[file->at];
    struct err *err;

    /* The name counts as a word, too. */
    if (words->count > CONF_ARGS_MAX)
        return conf_fail(file, words->line, "%s: more than %d arguments (is a ';' missing?)",
                         (const char *)buf_data(&words->text), CONF_ARGS_MAX);
    if (words->count == 0)
        words->line = file->line;
    err = first == '"' || first == '\'' ? conf_quoted(file, words) : conf_plain(file, words);
    if (!err && buf_append(&words->text, "", 1))
        err = conf_no_memory();
    if (err)
        return err;
    if (words->count == 0 && buf_data(&words->text)[0] == '\0')
        return conf_fail(file, file->line, "a directive's name is empty");
    words->count++;
    return NULL;
}

struct err *conf_next(struct conf_text *file, struct conf_words *words, enum conf_token *token)
{
    conf_skip_blank(file);
    if (file->at == file->len) {
        *token = CONF_END;
        return NULL;
    }
    switch (file->text[file->at]) {
    case '{':
        *token = CONF_OPEN;
        break;
    case '}':
        *token = CONF_CLOSE;
        break;
    case ';':
        *token = CONF_SEMICOLON;
        break;
    default:
        *token = CONF_WORD;
        return conf_word(file, words);
    }
    file->at++;
    return NULL;
}
