#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/*
 * UTF-8 (RFC 3629) that comes from elsewhere and is to be shown to somebody. Pure.
 */
#include <stddef.h>
#include <stdint.h>

/* The character at p: how many bytes it has, 1 to 4, and *code. 0: there is none that is valid and
 * whole within len, which is at least 1. */
size_t utf8_next(const uint8_t *p, size_t len, uint32_t *code);

/*
 * Whether a character acts on those around it, or on the terminal, instead of being seen: the
 * control characters of ASCII and of ISO 8859 (C0, DEL, C1), line and paragraph separators, the
 * marks that turn text around, invisible ones, and what is no character.
 */
int utf8_is_hidden(uint32_t code);

/* Puts a '?' in the place of each hidden character and of each byte that belongs to none; answers
 * the new length. */
size_t utf8_make_plain(char *text, size_t len);

#endif
