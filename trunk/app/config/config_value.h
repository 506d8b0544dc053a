#ifndef APP_CONFIG_CONFIG_VALUE_H
#define APP_CONFIG_CONFIG_VALUE_H

/*
 * The values of directives, by the type of their row: text into the structs,
 * and back. Private to the config_*.c files and their tests. Never yields.
 */
#include "app/config/config_arena.h"
#include "app/config/config_table.h"
#include "base/buf.h"

#define CONFIG_VALUE_MASK "***" /* what is shown for a secret, and never taken for one */

/*
 * Sets what `row` means to the words in `args`; base is the struct that holds
 * it. A list is appended to when append is not 0. ERR_CONFIG says what is wrong, without a
 * place: "takes on or off, not \"maybe\"".
 */
struct config_words {
    char **args;
    int count;
    int append;
};
struct err *config_value_set(const struct config_row *row, void *base,
                             const struct config_words *words, struct config_arena *arena);

/* The same from one text of words separated by spaces (a string takes it whole). */
struct err *config_value_set_text(const struct config_row *row, void *base, const char *text,
                                  struct config_arena *arena);

/* Appends the value as it would be written in a file, without the ';'. 0 or -1. */
int config_value_print(const struct config_row *row, const void *base,
                       struct buf *out) ERR_MUST_CHECK;

/* Appends what may be written ("on, off", "0 to 100", …), for messages and documents. 0 or -1. */
int config_value_kind(const struct config_row *row, struct buf *out) ERR_MUST_CHECK;

#endif
