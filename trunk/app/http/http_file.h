#ifndef APP_HTTP_HTTP_FILE_H
#define APP_HTTP_HTTP_FILE_H

/* The bytes of a file behind the head of an answer. */
#include "app/http/http_exchange.h"
#include "co/file.h"
#include "proto/http_condition.h"

/*
 * Sends head, and of the file what `part` names: the beginning in one write with the head, the
 * rest by sendfile(2) where the connection is a plain socket, else in pieces of one size. What the
 * file lacks by now breaks the connection, as its length was said. Not for HEAD to call with a
 * part.
 */
struct err *http_file_send(struct http_exchange *x, struct buf *head, struct file *file,
                           const struct http_range *part, usec_t timeout);

#endif
