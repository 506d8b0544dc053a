/*
 * nginx's grammar is that of base/conf.h with a few liberties more: ${name} inside a word, a ')'
 * directly after a closing quote, quotes over several lines, and blocks whose contents are no
 * directives. What this program does not need of them is replaced; lines keep their numbers, so
 * that messages name the right ones.
 */
#include "tools/import-nginx/nginx_text.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64

/* Their contents are tables or programs. */
static const char *const opaque[] = {"map", "types", "geo", "split_clients", "charset_map", "if"};

struct cleaner {
    const char *text;
    size_t len, at;
    char *out;
    size_t out_len;
    char name[NAME_MAX_LEN]; /* the first word of the directive */
    size_t name_len;
    int is_name_whole;
    size_t newlines; /* of a quote, to be put after it */
};

static void put(struct cleaner *c, char ch)
{
    c->out[c->out_len++] = ch;
}

/* The contents of a quote that begins at c->at, without what the grammar does not have. */
static void quote(struct cleaner *c)
{
    char mark = c->text[c->at++];

    put(c, mark);
    while (c->at < c->len && c->text[c->at] != mark) {
        if (c->text[c->at] == '\\' && c->at + 1 < c->len && c->text[c->at + 1] != '\n')
            put(c, c->text[c->at++]);
        if (c->text[c->at] == '\n') {
            c->newlines++;
            put(c, ' ');
            c->at++;
        } else {
            put(c, c->text[c->at++]);
        }
    }
    put(c, mark);
    c->at += c->at < c->len;
    if (c->at < c->len && c->text[c->at] == ')') {
        c->at++;
        put(c, ' ');
    }
    for (; c->newlines > 0; c->newlines--)
        put(c, '\n');
}

static void comment(struct cleaner *c)
{
    while (c->at < c->len && c->text[c->at] != '\n')
        c->at++;
}

/* Passes over a block's contents, up to its '}'. Only lines are kept. */
static void skip_block(struct cleaner *c)
{
    int depth = 1;

    while (c->at < c->len) {
        char ch = c->text[c->at];

        if (ch == '#') {
            comment(c);
            continue;
        }
        depth += ch == '{';
        depth -= ch == '}';
        if (depth == 0)
            return;
        if (ch == '\n')
            put(c, ch);
        c->at++;
    }
}

static int is_opaque(const struct cleaner *c)
{
    static const char lua[] = "_by_lua_block";

    for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); i++)
        if (strcmp(c->name, opaque[i]) == 0)
            return 1;
    return c->name_len >= sizeof(lua) &&
           strcmp(c->name + c->name_len - (sizeof(lua) - 1), lua) == 0;
}

/* ${name} becomes [name]. */
static void variable(struct cleaner *c)
{
    size_t end = c->at + 2;

    while (end < c->len && c->text[end] != '}' && c->text[end] != '\n')
        end++;
    put(c, '[');
    for (size_t i = c->at + 2; i < end; i++)
        put(c, c->text[i]);
    put(c, ']');
    c->at = end + (end < c->len && c->text[end] == '}');
}

static void name_note(struct cleaner *c, char ch)
{
    int is_space = ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';

    if (ch == ';' || ch == '{' || ch == '}') {
        c->name_len = 0;
        c->is_name_whole = 0;
    } else if (is_space) {
        c->is_name_whole = c->name_len > 0;
    } else if (!c->is_name_whole && c->name_len + 1 < sizeof(c->name)) {
        c->name[c->name_len++] = ch;
    }
    c->name[c->name_len] = '\0';
}

static void step(struct cleaner *c)
{
    char ch = c->text[c->at];
    char before = c->at > 0 ? c->text[c->at - 1] : '\n';
    int at_word = before == ' ' || before == '\t' || before == '\n' || before == '\r' ||
                  before == ';' || before == '{' || before == '}';

    if (ch == '#' && at_word) {
        comment(c);
    } else if ((ch == '"' || ch == '\'') && at_word) {
        name_note(c, 'q');
        quote(c);
    } else if (ch == '$' && c->at + 1 < c->len && c->text[c->at + 1] == '{') {
        variable(c);
    } else if (ch == '{' && is_opaque(c)) {
        put(c, c->text[c->at++]);
        name_note(c, ch);
        skip_block(c);
    } else {
        name_note(c, ch);
        put(c, c->text[c->at++]);
    }
}

char *nginx_text_clean(const char *text, size_t len, size_t *out_len)
{
    struct cleaner c = {.text = text, .len = len};

    /* A quote may become longer by its lines, and gets its end where it has none. */
    c.out = malloc(2 * len + 4);
    if (c.out == NULL)
        return NULL;
    while (c.at < c.len)
        step(&c);
    *out_len = c.out_len;
    return c.out;
}
