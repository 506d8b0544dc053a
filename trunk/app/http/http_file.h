#ifndef APP_HTTP_HTTP_FILE_H
#define APP_HTTP_HTTP_FILE_H

/* The bytes of a file after the head of an answer. */
#include "app/http/http_exchange.h"
#include "co/file.h"
#include "proto/http_condition.h"

/*
 * Sends the head and this part of the file: the first bytes in one write with the head, the rest by
 * sendfile(2) if the connection is a plain socket, else in pieces of one size. If the file has
 * become shorter, the connection breaks, because the length was already sent. For HEAD the part
 * must be empty.
 */
struct err *http_file_send(struct http_exchange *x, struct buf *head, struct file *file,
                           const struct http_range *part, usec_t timeout);

#endif
