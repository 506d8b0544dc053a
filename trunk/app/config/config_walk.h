#ifndef APP_CONFIG_CONFIG_WALK_H
#define APP_CONFIG_CONFIG_WALK_H

/*
 * Visits every value of a configuration, in the order of the directive table: first the server's,
 * then those of one vhost after another.
 */
#include "app/config/config.h"
#include "base/yield.h"

enum config_walk_kind {
    CONFIG_WALK_SWITCH, /* text: "on" or "off" */
    CONFIG_WALK_NUMBER,
    CONFIG_WALK_TEXT /* one or more words as in a file */
};

struct config_walk_item {
    const char *vhost;          /* NULL: a value of the server */
    const char *parent, *block; /* the blocks that it stands in, without the vhost; "": none */
    const char *name;
    enum config_walk_kind kind;
    const char *text; /* secrets are masked */
};

/* Calls fn for each value until it returns something else than 0, and returns that; -1: out of
 * memory. fn may yield if the caller holds the configuration. */
MAY_YIELD int config_walk(const struct config *config,
                          MAY_YIELD int (*fn)(void *arg, const struct config_walk_item *item),
                          void *arg);

#endif
