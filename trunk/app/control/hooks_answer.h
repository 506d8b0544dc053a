#ifndef APP_CONTROL_HOOKS_ANSWER_H
#define APP_CONTROL_HOOKS_ANSWER_H

/*
 * What the answer of a callback server means. Only a few answers are a yes; everything else is a
 * no. The answer is checked like all network input. Pure.
 */
#include <stddef.h>

#define HOOKS_ANSWER_MAX   ((size_t)64 * 1024) /* bytes of a body */
#define HOOKS_MESSAGE_MAX  256                 /* the text for the client, terminator included */
#define HOOKS_LOCATION_MAX 1024

enum hooks_decision { HOOKS_YES, HOOKS_NO, HOOKS_REDIRECT };

struct hooks_answer {
    enum hooks_decision decision;
    char message[HOOKS_MESSAGE_MAX];   /* of a no: printable text, valid UTF-8 */
    char location[HOOKS_LOCATION_MAX]; /* of a redirect: printable ASCII */
};

/*
 * YES: status 200 or 201 with the body 0, "0" or {"code":0}, white space aside. REDIRECT: status
 * 302 with a location, or {"code":302,"location":…}. NO: everything else, with the body's `msg` or
 * the status as its message. location: the header, or NULL.
 */
void hooks_answer_parse(int status, const char *location, const char *body, size_t len,
                        struct hooks_answer *out);

/* A no without an answer. */
void hooks_answer_none(const char *why, struct hooks_answer *out);

#endif
