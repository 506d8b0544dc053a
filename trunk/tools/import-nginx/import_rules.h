#ifndef TOOLS_IMPORT_NGINX_IMPORT_RULES_H
#define TOOLS_IMPORT_NGINX_IMPORT_RULES_H

/* The directives of an application that are lists. An inner block replaces those of the outer ones.
 * Pure. */
#include "tools/import-nginx/import.h"

#define IMPORT_RULES_MAX 64

struct import_rule_list {
    const struct conf_node *node[IMPORT_RULES_MAX];
    const char *name[IMPORT_RULES_MAX]; /* of callbacks */
    int count, seen;                    /* those of this block begin at 0 once one is seen */
    int is_full;
};

struct import_rules {
    struct import_rule_list access, push, pull, hook;
};

/* Begins an inner block. */
void import_rules_enter(struct import_rules *rules);

void import_rules_access(struct import_rules *rules, const struct conf_node *node);
void import_rules_push(struct import_rules *rules, const struct conf_node *node);
void import_rules_pull(struct import_rules *rules, const struct conf_node *node);
/* name: the event's name here; a static string. */
void import_rules_hook(struct import_rules *rules, const struct conf_node *node, const char *name);

/* The lines of this application. */
void import_rules_settle(struct import *im, const struct import_rules *rules, const char *app,
                         struct import_settings *out);

#endif
