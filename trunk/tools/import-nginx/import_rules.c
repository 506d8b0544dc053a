/*
 * Lists of an application: access rules, destinations, origins, callbacks.
 *
 * nginx takes the first access rule that fits, and allows what none fits. Here deny wins over
 * allow, and a list of allowed addresses refuses all others. So a list is read in nginx's order,
 * and what cannot be said the same way is made stricter, and noted.
 */
#include "tools/import-nginx/import_rules.h"

#include "base/str.h"
#include "tools/import-nginx/nginx_value.h"

#include <string.h>

#define LINE_MAX_LEN (IMPORT_VALUE_MAX + 64)

void import_rules_enter(struct import_rules *rules)
{
    rules->access.seen = rules->push.seen = rules->pull.seen = rules->hook.seen = 0;
}

static void add(struct import_rule_list *list, const struct conf_node *node, const char *name)
{
    if (!list->seen)
        list->count = 0;
    list->seen = 1;
    if (list->count == IMPORT_RULES_MAX) {
        list->is_full = 1;
        return;
    }
    list->name[list->count] = name;
    list->node[list->count++] = node;
}

void import_rules_access(struct import_rules *rules, const struct conf_node *node)
{
    add(&rules->access, node, NULL);
}

void import_rules_push(struct import_rules *rules, const struct conf_node *node)
{
    add(&rules->push, node, NULL);
}

void import_rules_pull(struct import_rules *rules, const struct conf_node *node)
{
    add(&rules->pull, node, NULL);
}

/* Events replace only the same event of outer blocks. */
void import_rules_hook(struct import_rules *rules, const struct conf_node *node, const char *name)
{
    rules->hook.seen = 1;
    for (int i = 0; i < rules->hook.count; i++) {
        if (strcmp(rules->hook.node[i]->name, node->name) == 0) {
            rules->hook.node[i] = node;
            return;
        }
    }
    add(&rules->hook, node, name);
}

/* ---- access ---- */

static void access_line(struct import *im, struct buf *lines, const char *verb, const char *action,
                        const char *address)
{
    char line[LINE_MAX_LEN];

    if (str_format(line, sizeof(line), "%s %s %s;", verb, action, address) == 0)
        import_line(im, lines, line);
}

/* The address of a rule about this action; NULL: it is about the other one. */
static const char *access_address(const struct conf_node *node, const char *action)
{
    const char *first = nginx_value_first(node);
    int is_named = strcmp(first, "publish") == 0 || strcmp(first, "play") == 0;

    if (is_named && strcmp(first, action) != 0)
        return NULL;
    if (is_named && node->arg_count < 2)
        return NULL;
    return node->args[node->arg_count - 1];
}

/* Whether only those that the list allows may do it. */
static int access_settle(struct import *im, const struct import_rule_list *list, const char *action,
                         struct buf *lines)
{
    int is_closed = 0; /* all others are refused */
    int last = 0;
    int allowed = 0;

    /* Up to the rule for all addresses: what follows it has no effect. */
    for (; last < list->count; last++) {
        const char *address = access_address(list->node[last], action);

        if (address != NULL && strcmp(address, "all") == 0) {
            is_closed = strcmp(list->node[last]->name, "deny") == 0;
            break;
        }
    }
    for (int i = 0; i < last; i++) {
        const char *address = access_address(list->node[i], action);
        int is_allow = strcmp(list->node[i]->name, "allow") == 0;

        if (address == NULL)
            continue;
        if (!is_allow)
            access_line(im, lines, "deny", action, address);
        if (!is_allow && allowed > 0)
            import_note(im, list->node[i], "deny wins here over the allow in front of it");
        if (is_allow && is_closed)
            access_line(im, lines, "allow", action, address);
        allowed += is_allow;
    }
    if (is_closed && allowed == 0)
        access_line(im, lines, "deny", action, "all");
    return is_closed;
}

/* ---- push and pull ---- */

/* The value of an argument such as playpath=NAME; NULL: there is none. */
static const char *option(const struct conf_node *node, const char *name)
{
    size_t len = strlen(name);

    for (int i = 1; i < node->arg_count; i++)
        if (strncmp(node->args[i], name, len) == 0 && node->args[i][len] == '=')
            return node->args[i] + len + 1;
    return NULL;
}

/* rtmp://host/app/stream of a destination. 0 or -1. */
static int destination(const struct conf_node *node, char *out, size_t cap)
{
    const char *url = nginx_value_first(node);
    const char *playpath = option(node, "playpath");
    const char *path;
    char text[IMPORT_VALUE_MAX];
    int parts = 0;
    int rc;

    if (strstr(url, "://") == NULL)
        rc = str_format(text, sizeof(text), "rtmp://%s", url);
    else
        rc = str_copy(text, sizeof(text), url);
    if (rc != 0 || !str_starts(text, "rtmp"))
        return -1;
    if (str_ends(text, "/"))
        text[strlen(text) - 1] = '\0';
    path = strstr(text, "://");
    for (const char *p = path != NULL ? path + 3 : text; *p != '\0'; p++)
        parts += *p == '/';
    url = text;
    if (parts == 0)
        rc = str_format(out, cap, "%s/$app/%s", url, playpath != NULL ? playpath : "$name");
    else if (parts == 1 || playpath != NULL)
        rc = str_format(out, cap, "%s/%s", url, playpath != NULL ? playpath : "$name");
    else
        rc = str_copy(out, cap, url);
    return rc;
}

static void push_settle(struct import *im, const struct conf_node *node, struct buf *lines)
{
    char url[IMPORT_VALUE_MAX], text[IMPORT_VALUE_MAX], line[LINE_MAX_LEN];

    if (destination(node, url, sizeof(url)) != 0 ||
        nginx_value_template(url, text, sizeof(text)) != 0 || strpbrk(text, " ;{}\"\\") != NULL) {
        import_note(im, node, "%.200s is no destination here; see doc/forward.md",
                    nginx_value_first(node));
        return;
    }
    if (str_format(line, sizeof(line), "destination %s;", text) == 0)
        import_line(im, lines, line);
}

static void pull_settle(struct import *im, const struct conf_node *node, struct buf *lines)
{
    char host[IMPORT_VALUE_MAX], line[LINE_MAX_LEN];

    if (nginx_value_host(nginx_value_first(node), host, sizeof(host)) != 0 ||
        strpbrk(host, " ;{}\"\\$") != NULL) {
        import_note(im, node, "%.200s is no origin here; see doc/edge.md", nginx_value_first(node));
        return;
    }
    if (node->arg_count > 1)
        import_note(im, node, "the edge requests app and stream of the viewer's address");
    if (str_format(line, sizeof(line), "origin %s;", host) == 0)
        import_line(im, lines, line);
}

/* ---- callbacks ---- */

static void hook_line(struct import *im, const char *name, const char *url, struct buf *lines)
{
    char line[LINE_MAX_LEN];

    if (str_format(line, sizeof(line), "%s %s%s;", name,
                   strstr(url, "://") != NULL ? "" : "http://", url) == 0)
        import_line(im, lines, line);
}

static void hook_settle(struct import *im, const struct conf_node *node, const char *name,
                        struct buf *lines)
{
    const char *url = nginx_value_first(node);

    if (*url == '\0' || strcmp(url, "off") == 0)
        return;
    if (strpbrk(url, " ;{}\"\\$[") != NULL) {
        import_note(im, node, "%.200s is no address here", url);
        return;
    }
    hook_line(im, name, url, lines);
    /* It is called when either ends. */
    if (strcmp(node->name, "on_done") == 0)
        hook_line(im, "on_stop", url, lines);
}

void import_rules_settle(struct import *im, const struct import_rules *rules, const char *app,
                         struct import_settings *out)
{
    out->is_closed[IMPORT_PUBLISH] =
        access_settle(im, &rules->access, "publish", &out->list[IMPORT_SECURITY]);
    out->is_closed[IMPORT_PLAY] =
        access_settle(im, &rules->access, "play", &out->list[IMPORT_SECURITY]);
    for (int i = 0; i < rules->push.count; i++)
        push_settle(im, rules->push.node[i], &out->list[IMPORT_FORWARD]);
    for (int i = 0; i < rules->pull.count; i++)
        pull_settle(im, rules->pull.node[i], &out->list[IMPORT_ORIGIN]);
    for (int i = 0; i < rules->hook.count; i++)
        hook_settle(im, rules->hook.node[i], rules->hook.name[i], &out->list[IMPORT_HOOKS]);
    if (rules->access.is_full || rules->push.is_full || rules->pull.is_full ||
        rules->hook.is_full) {
        char line[LINE_MAX_LEN];

        (void)str_format(line, sizeof(line), "%.100s: more than %d allow, push, pull or on_ lines",
                         app, IMPORT_RULES_MAX);
        import_line(im, &im->notes, line);
    }
}
