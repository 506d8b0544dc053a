#ifndef PROTO_HTTP_HEAD_H
#define PROTO_HTTP_HEAD_H

/* The head of one HTTP/1 message: its lines checked strictly, its meaning by http-parser. Pure. */
#include "proto/http.h"

struct http_head {
    struct http_message message; /* points into the text, host and path */
    char host[256];
    char *path; /* owned */
    /* why not, when http_head_parse() answers -1 */
    int status;
    const char *reason;
};

/*
 * text is the whole head with its empty line, at most HTTP_HEAD_MAX bytes; it is modified and
 * borrowed by the message. 0, or -1 with status and reason. Either way http_head_fini().
 */
int http_head_parse(struct http_head *head, enum http_side side, char *text, size_t len);
void http_head_fini(struct http_head *head);

/* True for the characters of a token (RFC 9110, section 5.6.2). */
int http_head_is_token(unsigned char c);

#endif
