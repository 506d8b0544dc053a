/*
 * Any bytes as a configuration of nginx: what comes out must be read by our own grammar, with notes
 * that stay comments.
 */
#include "base/conf.h"
#include "tools/import-nginx/import.h"
#include "tools/import-nginx/nginx_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const char *text;
    size_t len;
    int is_clean;
};

static void demand(int truth)
{
    if (!truth)
        abort();
}

static struct err *load(void *arg, const char *path, char **text, size_t *len)
{
    struct input *input = arg;

    if (strcmp(path, "./nginx.conf") != 0) {
        *text = nginx_text_clean("", 0, len);
        return NULL;
    }
    if (input->is_clean) {
        *text = nginx_text_clean(input->text, input->len, len);
    } else {
        *text = malloc(input->len + 1);
        demand(*text != NULL);
        memcpy(*text, input->text, input->len);
        *len = input->len;
    }
    return NULL;
}

/* The comments at the top of the result are its notes, whatever stands in them. */
static void check(const struct buf *out)
{
    struct input input = {(const char *)buf_data(out), out->len, 0};
    struct conf_tree *tree;
    struct err *err = conf_parse("./nginx.conf", load, &input, &tree);

    demand(err == NULL);
    for (const struct conf_node *n = conf_root(tree)->child; n != NULL; n = n->next)
        demand(strcmp(n->name, "listen") == 0 || strcmp(n->name, "workers") == 0 ||
               strcmp(n->name, "max_connections") == 0 || strcmp(n->name, "max_message") == 0 ||
               (n->is_block && (strcmp(n->name, "vhost") == 0 || strcmp(n->name, "http_api") == 0 ||
                                strcmp(n->name, "http_server") == 0)));
    conf_free(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct import im;
    struct input input = {(const char *)data, size, 1};
    struct conf_tree *tree;
    struct err *err = conf_parse("./nginx.conf", load, &input, &tree);
    struct buf out;

    if (err) {
        demand(err_text(err)[0] != 0);
        err_free(err);
        return 0;
    }
    buf_init(&out, OUT_MAX);
    import_init(&im);
    import_main(&im, conf_root(tree));
    if (import_write(&im, "nginx.conf", &out) == 0)
        check(&out);
    import_fini(&im);
    buf_fini(&out);
    conf_free(tree);
    return 0;
}
