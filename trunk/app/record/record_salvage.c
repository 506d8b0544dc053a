/*
 * Tags are found by walking from one to the next: a tag counts when its header, its body and the
 * size after it are there and agree. Only headers are read, so a file of any length takes one short
 * read a tag.
 */
#include "app/record/record_salvage.h"

#include "media/flv_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Enough of a body to tell what it is. */
#define BODY_PEEK ((size_t)64)

/* Up to len bytes; -1 with errno. */
static ssize_t read_at(int fd, void *buf, size_t len, uint64_t offset)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, (char *)buf + got, len - got, (off_t)(offset + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* The tag at offset, with the beginning of its body in peek: 1 with its body's length, 0: there is
 * no whole one, -1 with errno. */
static int tag_at(int fd, uint64_t offset, uint64_t size, uint8_t *peek, struct flv_tag *tag,
                  size_t *body_len)
{
    uint8_t trailer[FLV_TAG_TRAILER_SIZE], expected[FLV_TAG_TRAILER_SIZE];
    ssize_t n = read_at(fd, peek, FLV_TAG_HEADER_SIZE + BODY_PEEK, offset);

    if (n < (ssize_t)FLV_TAG_HEADER_SIZE)
        return n < 0 ? -1 : 0;
    *body_len = (size_t)peek[1] << 16 | (size_t)peek[2] << 8 | peek[3];
    tag->type = (enum frame_type)peek[0];
    tag->timestamp =
        (uint32_t)peek[7] << 24 | (uint32_t)peek[4] << 16 | (uint32_t)peek[5] << 8 | peek[6];
    tag->data = peek + FLV_TAG_HEADER_SIZE;
    tag->len = (size_t)n - FLV_TAG_HEADER_SIZE;
    if (tag->len > *body_len)
        tag->len = *body_len;
    if ((tag->type != FRAME_AUDIO && tag->type != FRAME_VIDEO && tag->type != FRAME_SCRIPT) ||
        size - offset < FLV_TAG_HEADER_SIZE + *body_len + FLV_TAG_TRAILER_SIZE)
        return 0;
    n = read_at(fd, trailer, sizeof(trailer), offset + FLV_TAG_HEADER_SIZE + *body_len);
    if (n < (ssize_t)sizeof(trailer))
        return n < 0 ? -1 : 0;
    flv_tag_trailer_write(expected, *body_len);
    return memcmp(trailer, expected, sizeof(trailer)) == 0;
}

/* Notes all whole tags. 0 or errno. */
static int walk(int fd, struct flv_record *record, uint64_t size)
{
    uint8_t peek[FLV_TAG_HEADER_SIZE + BODY_PEEK];
    struct flv_tag tag;
    size_t body_len;
    int rc;

    while ((rc = tag_at(fd, flv_record_size(record), size, peek, &tag, &body_len)) == 1)
        flv_record_note(record, &tag, body_len);
    if (rc < 0)
        return errno;
    return flv_record_has_media(record) ? 0 : EBADMSG;
}

/* 0 or errno. */
static int meta_write(int fd, const struct flv_record *record)
{
    struct buf meta;
    uint64_t offset;
    size_t done = 0;
    int rc = 0;

    buf_init(&meta, 2 * FLV_RECORD_HEAD_MAX);
    if (flv_record_meta(record, &meta, &offset) != 0)
        rc = ENOMEM;
    while (rc == 0 && done < meta.len) {
        ssize_t n = pwrite(fd, buf_data(&meta) + done, meta.len - done, (off_t)(offset + done));

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            rc = n < 0 ? errno : EIO;
    }
    buf_fini(&meta);
    return rc;
}

static struct flv_record *resume(int fd)
{
    uint8_t *head = malloc(FLV_RECORD_HEAD_MAX);
    struct flv_record *record = NULL;
    ssize_t n = head != NULL ? read_at(fd, head, FLV_RECORD_HEAD_MAX, 0) : -1;
    size_t used;

    if (n > 0)
        record = flv_record_resume(head, (size_t)n, &used);
    free(head);
    return record;
}

int record_salvage_file(int fd, struct record_salvage *out)
{
    struct flv_record *record;
    struct stat st;
    int rc;

    if (fstat(fd, &st) != 0)
        return errno;
    record = resume(fd);
    if (record == NULL)
        return EBADMSG;
    rc = walk(fd, record, (uint64_t)st.st_size);
    if (rc == 0 && ftruncate(fd, (off_t)flv_record_size(record)) != 0)
        rc = errno;
    if (rc == 0)
        rc = meta_write(fd, record);
    if (rc == 0 && fdatasync(fd) != 0)
        rc = errno;
    out->size = flv_record_size(record);
    out->duration_ms = flv_record_duration(record);
    out->name = rc == 0 ? strdup(flv_record_name(record)) : NULL;
    flv_record_free(record);
    return rc == 0 && out->name == NULL ? ENOMEM : rc;
}
