/*
 * The table and its values as text: the effective configuration (-t), conf/full.conf and
 * doc/configuration.md. One writer creates the first two, so that full.conf has the same form as -t
 * and the parser accepts it. The table lists a block before the blocks in it, so one pass can open
 * and close all of them.
 */
#include "app/config/config_table.h"
#include "app/config/config_value.h"
#include "base/buf.h"

#include <assert.h>
#include <string.h>

#define COLUMNS 100

struct writer {
    struct buf *out;
    const struct config *config; /* NULL: the defaults, with comments */
    int depth;                   /* open blocks */
    int failed;
};

/* The nesting depth of this block's rows. */
static int depth_of(enum config_where where)
{
    const struct config_block *block = config_table_block(where);

    if (where == CONFIG_AT_ROOT)
        return 0;
    return block->parent == CONFIG_AT_ROOT ? 1 : 2;
}

static void put(struct writer *w, const char *text)
{
    w->failed |= buf_append(w->out, text, strlen(text));
}

static void put_indent(struct writer *w)
{
    for (int i = 0; i < w->depth; i++)
        put(w, "    ");
}

/* Writes a comment, wrapped at spaces to COLUMNS. */
static void put_comment(struct writer *w, const char *text)
{
    size_t width = (size_t)(COLUMNS - 2 - 4 * w->depth);

    while (*text != '\0') {
        size_t len = strlen(text);

        if (len > width) {
            len = width;
            while (len > 0 && text[len] != ' ')
                len--;
            if (len == 0)
                len = width;
        }
        put_indent(w);
        w->failed |= buf_printf(w->out, "# %.*s\n", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
}

/* Writes a link, "[text](page.md#place)", as the path of its page; returns its length, 0: no
 * link. */
static size_t plain_link(const char *text, struct buf *out, int *failed)
{
    size_t label = strcspn(text, "]");
    const char *page = text + label + 2;

    if (text[0] != '[' || strncmp(text + label, "](", 2) != 0 || strchr(page, ')') == NULL)
        return 0;
    *failed |= buf_append(out, "doc/", 4);
    *failed |= buf_append(out, page, strcspn(page, "#)"));
    return label + 2 + strcspn(page, ")") + 1;
}

/* Writes a description as a comment, without its Markdown marks. */
static void put_doc(struct writer *w, const char *doc)
{
    struct buf plain;

    buf_init(&plain, 2048);
    while (*doc != '\0') {
        size_t link = plain_link(doc, &plain, &w->failed);

        if (link == 0 && *doc != '`')
            w->failed |= buf_append(&plain, doc, 1);
        doc += link > 0 ? link : 1;
    }
    w->failed |= buf_append(&plain, "", 1);
    if (!w->failed)
        put_comment(w, (const char *)buf_data(&plain));
    buf_fini(&plain);
}

static void put_row_comment(struct writer *w, const struct config_row *row)
{
    struct buf facts;

    put(w, "\n");
    put_doc(w, row->doc);
    buf_init(&facts, 1024);
    w->failed |= buf_append(&facts, "Takes ", 6);
    w->failed |= config_value_kind(row, &facts);
    w->failed |= buf_printf(&facts, ". Environment: %s.", row->env);
    w->failed |= buf_append(&facts, "", 1);
    if (!w->failed)
        put_comment(w, (const char *)buf_data(&facts));
    buf_fini(&facts);
}

static void put_rows(struct writer *w, enum config_where where, const void *base)
{
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        if (row->where != where)
            continue;
        if (w->config == NULL)
            put_row_comment(w, row);
        put_indent(w);
        w->failed |= buf_printf(w->out, "%s ", row->name);
        if (base != NULL)
            w->failed |= config_value_print(row, base, w->out);
        else
            put(w, *row->fallback != '\0' ? row->fallback : "\"\"");
        put(w, ";\n");
    }
}

static void put_close(struct writer *w, int depth)
{
    while (w->depth >= depth && w->depth > 0) {
        w->depth--;
        put_indent(w);
        put(w, "}\n");
    }
}

/* Opens the block, after closing the blocks that do not contain it. */
static void put_open(struct writer *w, enum config_where where, const char *name)
{
    const struct config_block *block = config_table_block(where);
    int depth = depth_of(where);

    put_close(w, depth);
    if (w->config == NULL) {
        put(w, "\n");
        put_doc(w, block->doc);
    }
    put_indent(w);
    w->failed |= buf_printf(w->out, "%s%s%s {\n", block->name, name ? " " : "", name ? name : "");
    w->depth = depth;
}

static void put_server(struct writer *w)
{
    put_rows(w, CONFIG_AT_ROOT, w->config);
    for (int i = CONFIG_AT_ROOT + 1; i < CONFIG_WHERE_COUNT; i++) {
        enum config_where where = (enum config_where)i;

        if (config_table_in_vhost(where))
            continue;
        put_open(w, where, NULL);
        put_rows(w, where, w->config);
    }
    put_close(w, 1);
}

static void put_vhost(struct writer *w, const char *name, const struct config_vhost *vhost)
{
    for (int i = CONFIG_AT_ROOT + 1; i < CONFIG_WHERE_COUNT; i++) {
        enum config_where where = (enum config_where)i;

        if (!config_table_in_vhost(where))
            continue;
        put_open(w, where, where == CONFIG_AT_VHOST ? name : NULL);
        put_rows(w, where, vhost);
    }
    put_close(w, 1);
}

int config_dump(const struct config *config, struct buf *out)
{
    struct writer w = {out, config, 0, 0};

    assert(config != NULL && out != NULL);
    put_server(&w);
    for (int i = 0; i < config->vhost_count; i++)
        put_vhost(&w, config->vhost[i]->name, config->vhost[i]);
    return w.failed ? -1 : 0;
}

int config_table_conf(struct buf *out)
{
    struct writer w = {out, NULL, 0, 0};

    assert(out != NULL);
    put(&w, "# All directives with their defaults. Generated from the directive table by\n"
            "# \"server --full-conf\": change the table, not this file. Write only the\n"
            "# directives whose values differ from the defaults.\n");
    put_server(&w);
    put_vhost(&w, "__defaultVhost__", NULL);
    return w.failed ? -1 : 0;
}

static const char doc_head[] =
    "# Configuration\n"
    "\n"
    "Generated from the directive table by `server --doc`: change the table, not this file.\n"
    "\n"
    "```\n"
    "name value;              # a directive; '#' starts a comment\n"
    "name one two three;      # a directive that takes several values, which may also be repeated\n"
    "name \"a; {quoted} word\"; # quotes, single or double; \\\\ \\\" \\' \\n \\t within them\n"
    "block {                  # a block\n"
    "    name value;\n"
    "}\n"
    "include other.conf;      # inserts another file; the path is relative to the including file\n"
    "```\n"
    "\n"
    "- **Sizes** take `k`, `m` and `g` (1024 each): `16m`. **Milliseconds** may have up to three\n"
    "  decimals. Switches take `on` and `off`.\n"
    "- If a directive appears twice, the last value is used, with a warning. Lists (`listen`, "
    "`mount`)\n"
    "  collect the values of all lines.\n"
    "- **Environment.** Every directive can be set by the variable in its row, which overrides "
    "the\n"
    "  file. Separate several values by spaces. A variable of a vhost's directive applies to all "
    "vhosts.\n"
    "  An empty variable counts as not set. `server -e` reads no file, nor does it with\n"
    "  `SRS_ENV_ONLY=on`; `SRS_CONFIG_FILE` names a file and overrides `-c`.\n"
    "- **Mistakes** are errors that name file, line and directive and suggest the nearest name; "
    "the\n"
    "  server does not start. An unknown `SRS_` variable is only a warning.\n"
    "- **Files written for SRS** work unchanged: a directive or block of SRS that this server does "
    "not\n"
    "  support is ignored, with a warning that names its line if it is turned on; forms of old "
    "versions\n"
    "  are supported (see [coming from SRS](srs.md)), as is `rtmp { … }` around `listen` and\n"
    "  `chunk_size`. Access rules are never ignored.\n"
    "- `server -t -c FILE` tests a file and prints all effective values. The column *reload* says "
    "what\n"
    "  `SIGHUP` applies to the running server (see [reload](reload.md)).\n"
    "- In a container (`/.dockerenv`, `/run/.containerenv`, the variable `container`, or\n"
    "  `in_docker on`) the server stays in the foreground.\n";

static void doc_value(struct writer *w, const char *text)
{
    if (*text == '\0')
        put(w, "empty");
    else
        w->failed |= buf_printf(w->out, "`%s`", text);
}

static void doc_block(struct writer *w, enum config_where where)
{
    const struct config_block *block = config_table_block(where);
    char path[64];

    config_table_path(where, path, sizeof(path));
    if (where == CONFIG_AT_ROOT)
        put(w, "\n## Outside of all blocks\n");
    else
        w->failed |= buf_printf(w->out, "\n## `%s… %s`\n", path, depth_of(where) > 1 ? "} }" : "}");
    w->failed |= buf_printf(w->out, "\n%s\n\n", block->doc);
    put(w, "| directive | takes | default | environment | reload | what it does |\n"
           "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        if (row->where != where)
            continue;
        w->failed |= buf_printf(w->out, "| `%s` | ", row->name);
        w->failed |= config_value_kind(row, w->out);
        put(w, " | ");
        doc_value(w, row->fallback);
        w->failed |= buf_printf(w->out, " | `%s` | %s | %s |\n", row->env,
                                row->effect == CONFIG_AT_RELOAD ? "yes" : "no", row->doc);
    }
}

int config_table_doc(struct buf *out)
{
    struct writer w = {out, NULL, 0, 0};

    assert(out != NULL);
    put(&w, doc_head);
    for (int i = 0; i < CONFIG_WHERE_COUNT; i++)
        doc_block(&w, (enum config_where)i);
    return w.failed ? -1 : 0;
}
