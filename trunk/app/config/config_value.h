#ifndef APP_CONFIG_CONFIG_VALUE_H
#define APP_CONFIG_CONFIG_VALUE_H

/*
 * Converts the values of directives, by the type of their row: text to struct fields and back.
 * Private to the config_*.c files and their tests. Never yields.
 */
#include "app/config/config_arena.h"
#include "app/config/config_table.h"
#include "base/buf.h"

#define CONFIG_VALUE_MASK "***" /* shown instead of a secret, and rejected as a secret */

/*
 * Sets the field of `row` from the words in `args`; base is the struct that contains the field.
 * With append, adds to a list. ERR_CONFIG gives the reason without a location: "takes on or off,
 * not \"maybe\"".
 */
struct config_words {
    char **args;
    int count;
    int append;
};
struct err *config_value_set(const struct config_row *row, void *base,
                             const struct config_words *words, struct config_arena *arena);

/* The same from one text of words separated by spaces (a string is taken as a whole). */
struct err *config_value_set_text(const struct config_row *row, void *base, const char *text,
                                  struct config_arena *arena);

/* Appends the value as written in a file, without the ';'. 0 or -1. */
int config_value_print(const struct config_row *row, const void *base,
                       struct buf *out) ERR_MUST_CHECK;

/* Appends the allowed values ("on, off", "0 to 100", …), for messages and documents. 0 or -1. */
int config_value_kind(const struct config_row *row, struct buf *out) ERR_MUST_CHECK;

#endif
