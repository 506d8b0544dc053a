#ifndef PROTO_HTTP_HEAD_H
#define PROTO_HTTP_HEAD_H

/* The head of one HTTP/1 message: lines are checked strictly, http-parser gives their meaning.
 * Pure. */
#include "proto/http.h"

struct http_head {
    struct http_message message; /* points into the text, host and path below */
    char host[256];
    char *path; /* owned */
    /* the error when http_head_parse() returns -1 */
    int status;
    const char *reason;
};

/*
 * text is the whole head with its empty line, at most HTTP_HEAD_MAX bytes; it is modified, and the
 * message borrows it. 0, or -1 with status and reason. Call http_head_fini() in both cases.
 */
int http_head_parse(struct http_head *head, enum http_side side, char *text, size_t len);
void http_head_fini(struct http_head *head);

/* True for a token character (RFC 9110, section 5.6.2). */
int http_head_is_token(unsigned char c);

#endif
