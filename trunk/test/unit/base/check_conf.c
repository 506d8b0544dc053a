/*
 * The configuration's grammar: accepted and refused text, the position of a mistake, its limits,
 * includes and their loops. Files come from memory.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/str.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_conf_suite(void);

struct memory_file {
    const char *path;
    const char *text;
    size_t len; /* 0: strlen */
};

static struct err *load(void *arg, const char *path, char **text, size_t *len)
{
    const struct memory_file *file = arg;

    for (; file->path != NULL; file++) {
        if (strcmp(file->path, path) != 0)
            continue;
        *len = file->len > 0 ? file->len : strlen(file->text);
        *text = malloc(*len + 1);
        ck_assert_ptr_nonnull(*text);
        memcpy(*text, file->text, *len);
        return NULL;
    }
    return err_new(ERR_NOT_FOUND, "%s: no such file", path);
}

static struct conf_tree *parse_files(const struct memory_file *files)
{
    struct conf_tree *tree;
    struct err *err = conf_parse(files[0].path, load, (void *)files, &tree);

    ck_assert_msg(err == NULL, "%s", err ? err_text(err) : "");
    return tree;
}

static struct conf_tree *parse(const char *text)
{
    struct memory_file files[] = {{"a.conf", text, 0}, {NULL, NULL, 0}};

    return parse_files(files);
}

static void refuse_files(const struct memory_file *files, const char *what)
{
    struct conf_tree *tree = NULL;
    struct err *err = conf_parse(files[0].path, load, (void *)files, &tree);

    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_null(tree);
    ck_assert_msg(strstr(err_text(err), what) != NULL, "\"%s\" has no \"%s\"", err_text(err), what);
    err_free(err);
}

static void refuse(const char *text, const char *what)
{
    struct memory_file files[] = {{"a.conf", text, 0}, {NULL, NULL, 0}};

    refuse_files(files, what);
}

static const struct conf_node *first(const struct conf_tree *tree)
{
    return conf_root(tree)->child;
}

static int count(const struct conf_node *node)
{
    int n = 0;

    for (; node != NULL; node = node->next)
        n++;
    return n;
}

START_TEST(test_directives)
{
    struct conf_tree *tree = parse("\xef\xbb\xbf# head\r\nlisten 1935 19350;\r\n\r\n"
                                   "vhost __defaultVhost__ { # tail {\n"
                                   "  play{gop_cache on;queue_length\t10 ;}\n"
                                   "  mount [vhost]/[app]/a#b.flv; ;\n"
                                   "}\n"
                                   "daemon;");
    const struct conf_node *node = first(tree);

    ck_assert_int_eq(count(node), 3);
    ck_assert_str_eq(node->name, "listen");
    ck_assert_int_eq(node->arg_count, 2);
    ck_assert_str_eq(node->args[0], "1935");
    ck_assert_str_eq(node->args[1], "19350");
    ck_assert_int_eq(node->is_block, 0);
    ck_assert_str_eq(node->file, "a.conf");
    ck_assert_int_eq(node->line, 2);
    node = node->next;
    ck_assert_str_eq(node->name, "vhost");
    ck_assert_str_eq(node->args[0], "__defaultVhost__");
    ck_assert_int_eq(node->is_block, 1);
    ck_assert_int_eq(node->line, 4);
    ck_assert_int_eq(count(node->child), 2);
    ck_assert_str_eq(node->child->child->name, "gop_cache");
    ck_assert_str_eq(node->child->child->next->args[0], "10");
    ck_assert_int_eq(node->child->next->line, 6);
    ck_assert_str_eq(node->child->next->args[0], "[vhost]/[app]/a#b.flv");
    node = node->next;
    ck_assert_str_eq(node->name, "daemon");
    ck_assert_int_eq(node->arg_count, 0);
    ck_assert_int_eq(node->line, 8);
    conf_free(tree);
}
END_TEST

START_TEST(test_empty)
{
    struct conf_tree *tree = parse(" \n# nothing; at { all\n\n");

    ck_assert_ptr_null(first(tree));
    conf_free(tree);
    tree = parse("");
    ck_assert_ptr_null(first(tree));
    conf_free(tree);
    conf_free(NULL);
}
END_TEST

START_TEST(test_quotes)
{
    struct conf_tree *tree = parse("a \"x; {y} # z\" 'it \\'s' \"tab\\tnew\\nback\\\\ \\q\" '';"
                                   "'b' it's;");
    const struct conf_node *node = first(tree);

    ck_assert_int_eq(node->arg_count, 4);
    ck_assert_str_eq(node->args[0], "x; {y} # z");
    ck_assert_str_eq(node->args[1], "it 's");
    ck_assert_str_eq(node->args[2], "tab\tnew\nback\\ \\q");
    ck_assert_str_eq(node->args[3], "");
    ck_assert_str_eq(node->next->name, "b");
    ck_assert_str_eq(node->next->args[0], "it's");
    conf_free(tree);
}
END_TEST

/* A ';' that was forgotten is seen by where the directive ends. */
START_TEST(test_end_line)
{
    struct conf_tree *tree = parse("listen 1935\nmax_connections 10;\nvhost a\n{\n}\n");
    const struct conf_node *node = first(tree);

    ck_assert_int_eq(node->line, 1);
    ck_assert_int_eq(node->end_line, 2);
    ck_assert_int_eq(node->next->line, 3);
    ck_assert_int_eq(node->next->end_line, 4);
    conf_free(tree);
}
END_TEST

START_TEST(test_mistakes)
{
    static const char *const cases[][2] = {
        {"listen 1935", "a.conf:1: listen: ';' is missing at the end"},
        {"\nvhost a {\n  play {\n  }\n", "a.conf:2: vhost: '{' is never closed"},
        {"\n\n}", "a.conf:3: '}' without a '{'"},
        {"{", "a.conf:1: '{' without a name"},
        {"a { b 1 }", "a.conf:1: b: ';' is missing"},
        {"a \"b;\n\";", "a.conf:1: a quote is not closed"},
        {"a 'b", "a.conf:1: a quote is not closed"},
        {"a \"b\\", "a.conf:1: a quote is not closed"},
        {"a\n\"b\"c;", "a.conf:2: text right after a closing quote"},
        {"\"\" b;", "a.conf:1: a directive's name is empty"},
        {"a b\x01;", "a.conf:1: control character 0x01"},
        {"a 'b\x7f';", "a.conf:1: control character 0x7f"},
        {"include;", "a.conf:1: include: file name is missing"},
        {"\ninclude b.conf;", "a.conf:2: include: b.conf: no such file"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refuse(cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(test_nul_byte)
{
    struct memory_file plain[] = {{"a.conf", "a b\0c;", 6}, {NULL, NULL, 0}};
    struct memory_file quoted[] = {{"a.conf", "a '\\\0';", 7}, {NULL, NULL, 0}};

    refuse_files(plain, "a.conf:1: control character 0x00");
    refuse_files(quoted, "a.conf:1: control character 0x00");
}
END_TEST

START_TEST(test_missing_file)
{
    struct memory_file files[] = {{"a.conf", "", 0}, {NULL, NULL, 0}};
    struct conf_tree *tree;
    struct err *err = conf_parse("z.conf", load, files, &tree);

    ck_assert_int_eq(err_code(err), ERR_NOT_FOUND);
    ck_assert_ptr_null(tree);
    err_free(err);
}
END_TEST

/* Every beginning of a good file is either good or refused with its place. */
START_TEST(test_truncated)
{
    static const char text[] = "listen 1935;\nvhost a {\n play { x \"1\\\"\" '2'; } # c\n}\n";

    for (size_t len = 1; len < sizeof(text); len++) {
        struct memory_file files[] = {{"a.conf", text, len}, {NULL, NULL, 0}};
        struct conf_tree *tree;
        struct err *err = conf_parse("a.conf", load, files, &tree);

        if (err) {
            ck_assert_int_eq(err_code(err), ERR_CONFIG);
            ck_assert(str_starts(err_text(err), "a.conf:"));
            ck_assert_ptr_null(tree);
        } else {
            ck_assert(len == 12 || len == 13 || len >= sizeof(text) - 3);
        }
        err_free(err);
        conf_free(tree);
    }
}
END_TEST

/* Every byte, put everywhere: no crash, and an error or a tree. */
START_TEST(test_hostile_bytes)
{
    static const char good[] = "a 1;b{c '2';}";
    char text[sizeof(good)];

    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            struct memory_file files[] = {{"a.conf", text, sizeof(good) - 1}, {NULL, NULL, 0}};
            struct conf_tree *tree;
            struct err *err;

            memcpy(text, good, sizeof(good));
            text[at] = (char)byte;
            err = conf_parse("a.conf", load, files, &tree);
            ck_assert((err == NULL) == (tree != NULL));
            err_free(err);
            conf_free(tree);
        }
    }
}
END_TEST

static void repeat(struct buf *out, const char *text, int times)
{
    for (int i = 0; i < times; i++)
        ck_assert_int_eq(buf_append(out, text, strlen(text)), 0);
}

/* head, times × text, tail. */
static char *repeated(const char *head, const char *text, int times, const char *tail)
{
    struct buf out;
    char *copy;

    buf_init(&out, (size_t)4 * 1024 * 1024);
    repeat(&out, head, 1);
    repeat(&out, text, times);
    repeat(&out, tail, 1);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    copy = malloc(out.len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, buf_data(&out), out.len);
    buf_fini(&out);
    return copy;
}

static void at_limit(char *text)
{
    conf_free(parse(text));
    free(text);
}

static void beyond_limit(char *text, const char *what)
{
    refuse(text, what);
    free(text);
}

START_TEST(test_limits)
{
    char *closing = repeated("", "}", CONF_DEPTH_MAX, "");
    char *closing_more = repeated("", "}", CONF_DEPTH_MAX + 1, "");

    at_limit(repeated("", "a{", CONF_DEPTH_MAX, closing));
    beyond_limit(repeated("", "a{", CONF_DEPTH_MAX + 1, closing_more), "nested deeper than");
    free(closing);
    free(closing_more);
    at_limit(repeated("a", " b", CONF_ARGS_MAX, ";"));
    beyond_limit(repeated("a", " b", CONF_ARGS_MAX + 1, ";"),
                 "a.conf:1: a: more than 64 arguments");
    at_limit(repeated("a ", "b", CONF_WORD_MAX - 1, ";"));
    beyond_limit(repeated("a ", "b", CONF_WORD_MAX, ";"), "longer than 4095");
    beyond_limit(repeated("a '", "b", CONF_WORD_MAX, "';"), "longer than 4095");
    at_limit(repeated("", "a;", CONF_NODES_MAX, ""));
    beyond_limit(repeated("", "a;", CONF_NODES_MAX + 1, ""), "more than 65536 directives");
    at_limit(repeated("", " ", CONF_FILE_MAX - 2, "a;"));
    beyond_limit(repeated("", " ", CONF_FILE_MAX - 1, "a;"), "larger than");
}
END_TEST

START_TEST(test_include)
{
    struct memory_file files[] = {
        {"etc/a.conf",
         "one; include sub/b.conf c.conf; vhost x { include /abs/d.conf; five; } six;", 0},
        {"etc/sub/b.conf", "two; include e.conf;", 0},
        {"etc/sub/e.conf", "# nothing\n", 0},
        {"c.conf", "three;", 0}, /* not in etc/: as it is written */
        {"/abs/d.conf", "\nfour { deep; }", 0},
        {NULL, NULL, 0},
    };
    struct conf_tree *tree = parse_files(files);
    const struct conf_node *node = first(tree);

    ck_assert_int_eq(count(node), 5);
    ck_assert_str_eq(node->name, "one");
    ck_assert_str_eq(node->next->name, "two");
    ck_assert_str_eq(node->next->file, "etc/sub/b.conf");
    node = node->next->next;
    ck_assert_str_eq(node->name, "three");
    ck_assert_str_eq(node->file, "c.conf");
    ck_assert_str_eq(node->next->child->name, "four");
    ck_assert_str_eq(node->next->child->file, "/abs/d.conf");
    ck_assert_int_eq(node->next->child->line, 2);
    ck_assert_str_eq(node->next->child->next->name, "five");
    ck_assert_str_eq(node->next->next->name, "six");
    conf_free(tree);
}
END_TEST

START_TEST(test_include_mistakes)
{
    struct memory_file itself[] = {{"a.conf", "include a.conf;", 0}, {NULL, NULL, 0}};
    struct memory_file loop[] = {
        {"a.conf", "include b.conf;", 0}, {"b.conf", "\ninclude a.conf;", 0}, {NULL, NULL, 0}};
    struct memory_file detour[] = {{"d/a.conf", "include ../d/a.conf;", 0},
                                   {"d/../d/a.conf", "include ../d/a.conf;", 0},
                                   {"d/../d/../d/a.conf", "include /d.conf;", 0},
                                   {"/d.conf", "include /d.conf;", 0},
                                   {NULL, NULL, 0}};
    struct memory_file opens[] = {
        {"a.conf", "include b.conf; }", 0}, {"b.conf", "x {", 0}, {NULL, NULL, 0}};
    struct memory_file closes[] = {
        {"a.conf", "x { include b.conf;", 0}, {"b.conf", "}", 0}, {NULL, NULL, 0}};
    struct memory_file bad[] = {
        {"e/a.conf", "\n\ninclude b.conf;", 0}, {"e/b.conf", "\n}", 0}, {NULL, NULL, 0}};

    refuse_files(itself, "a.conf:1: include a.conf: the file includes itself");
    refuse_files(loop, "b.conf:2: include a.conf: the file includes itself");
    refuse_files(detour, "the file includes itself");
    refuse_files(opens, "b.conf:1: x: '{' is never closed");
    refuse_files(closes, "b.conf:1: '}' without a '{'");
    refuse_files(bad, "e/b.conf:2: '}' without a '{'");
}
END_TEST

START_TEST(test_include_limits)
{
    char *many = repeated("", "include b.conf;", CONF_INCLUDES_MAX - 1, "");
    char *too_many = repeated("", "include b.conf;", CONF_INCLUDES_MAX, "");
    struct memory_file files[] = {{"a.conf", many, 0}, {"b.conf", "x;", 0}, {NULL, NULL, 0}};
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8"};
    struct memory_file chain[CONF_NESTING_MAX + 2];
    char text[CONF_NESTING_MAX + 1][16];
    struct conf_tree *tree = parse_files(files);

    ck_assert_int_eq(count(first(tree)), CONF_INCLUDES_MAX - 1);
    conf_free(tree);
    files[0].text = too_many;
    refuse_files(files, "more than 64 files");
    free(many);
    free(too_many);

    for (int i = 0; i <= CONF_NESTING_MAX; i++) {
        (void)str_format(text[i], sizeof(text[i]), "include %d;", i + 1);
        chain[i] = (struct memory_file){names[i], text[i], 0};
    }
    chain[CONF_NESTING_MAX + 1] = (struct memory_file){NULL, NULL, 0};
    refuse_files(chain, "nested deeper than 8");
    chain[CONF_NESTING_MAX - 1].text = "end;";
    tree = parse_files(chain);
    ck_assert_str_eq(first(tree)->name, "end");
    conf_free(tree);
}
END_TEST

Suite *check_conf_suite(void)
{
    Suite *suite = suite_create("conf");
    TCase *tcase = tcase_create("conf");

    tcase_add_test(tcase, test_directives);
    tcase_add_test(tcase, test_empty);
    tcase_add_test(tcase, test_quotes);
    tcase_add_test(tcase, test_end_line);
    tcase_add_test(tcase, test_mistakes);
    tcase_add_test(tcase, test_nul_byte);
    tcase_add_test(tcase, test_missing_file);
    tcase_add_test(tcase, test_truncated);
    tcase_add_test(tcase, test_hostile_bytes);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_include);
    tcase_add_test(tcase, test_include_mistakes);
    tcase_add_test(tcase, test_include_limits);
    suite_add_tcase(suite, tcase);
    return suite;
}
