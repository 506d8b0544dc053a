#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* Checks UTF-8 text (RFC 3629) from other programs before it is displayed. Pure. */
#include <stddef.h>
#include <stdint.h>

/* The character at p: its length in bytes, 1 to 4, and *code. 0: no valid and complete character
 * within len, which is at least 1. */
size_t utf8_next(const uint8_t *p, size_t len, uint32_t *code);

/*
 * Whether a character affects its neighbours or the terminal instead of being visible: the control
 * characters of ASCII and of ISO 8859 (C0, DEL, C1), line and paragraph separators, marks that
 * change the text direction, invisible characters, and noncharacters.
 */
int utf8_is_hidden(uint32_t code);

/* Replaces each hidden character and each invalid byte with '?'; returns the new length. */
size_t utf8_make_plain(char *text, size_t len);

#endif
