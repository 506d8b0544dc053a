/*
 * Sending files. A small file is sent together with its head in one write; of a large one only the
 * first piece is read by the process, unless TLS must encrypt all of it. A slow client costs one
 * piece of memory, or none.
 */
#include "app/http/http_file.h"

#include <assert.h>
#include <stdlib.h>

#define FILE_FIRST_SIZE 16384 /* sent together with the head */
#define FILE_PIECE_SIZE 65536

/* Reads and writes `left`, with the head before the first piece, until sendfile can send the rest.
 */
static struct err *pieces_send(struct http_exchange *x, struct buf *head, struct file *file,
                               struct http_range *left, usec_t timeout)
{
    int may_sendfile = net_can_sendfile(x->conn);
    size_t cap = may_sendfile ? FILE_FIRST_SIZE : FILE_PIECE_SIZE;
    uint8_t *piece = malloc(left->len < cap ? (size_t)left->len : cap);
    struct err *err = piece == NULL ? err_new(ERR_NOMEM, "piece of a file") : NULL;
    struct iovec iov[2];

    while (err == NULL && left->len > 0 && !(may_sendfile && x->has_answered)) {
        size_t want = left->len < cap ? (size_t)left->len : cap;
        int from = head->len > 0 ? 0 : 1;
        size_t got = 0;

        err = file_read(file, left->first, piece, want, &got);
        if (err == NULL && got == 0)
            err = err_new(ERR_CLOSED, "file became shorter");
        if (err != NULL)
            break;
        left->first += got;
        left->len -= got;
        iov[0].iov_base = head->len > 0 ? buf_data(head) : piece;
        iov[0].iov_len = head->len;
        iov[1].iov_base = piece;
        iov[1].iov_len = got;
        x->has_answered = 1;
        err = io_writev(&x->conn->io, iov + from, 2 - from, timeout);
        buf_consume(head, head->len);
    }
    free(piece);
    return err;
}

struct err *http_file_send(struct http_exchange *x, struct buf *head, struct file *file,
                           const struct http_range *part, usec_t timeout)
{
    struct http_range left = *part;
    struct err *err;

    assert(!x->has_answered && head->len > 0);
    if (left.len == 0) {
        x->has_answered = 1;
        return io_write(&x->conn->io, buf_data(head), head->len, timeout);
    }
    err = pieces_send(x, head, file, &left, timeout);
    if (err == NULL && left.len > 0)
        err = net_sendfile(x->conn, file->fd, left.first, left.len, timeout);
    return err;
}
