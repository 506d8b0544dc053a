/*
 * Seeking in an FLV file: whatever it holds, the search ends within its bound of reads, and a place
 * that is found lies where it was asked for and is a tag's. The first four bytes say what to ask.
 */
#include "media/flv_seek.h"

#include "media/flv.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes_file {
    const uint8_t *data;
    size_t size;
    size_t reads;
};

static int bytes_read(void *arg, uint64_t offset, void *buf, size_t len, size_t *got)
{
    struct bytes_file *file = arg;

    file->reads++;
    *got = 0;
    if (offset >= file->size)
        return 0;
    *got = file->size - (size_t)offset < len ? file->size - (size_t)offset : len;
    memcpy(buf, file->data + offset, *got);
    return 0;
}

static void check_place(const struct bytes_file *file, uint64_t start, uint64_t offset)
{
    const uint8_t *p = file->data + offset;
    size_t len;

    assert(offset >= start && offset < file->size && file->size - offset >= FLV_TAG_HEADER_SIZE);
    assert(p[0] == FRAME_AUDIO || p[0] == FRAME_VIDEO);
    len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    assert(file->size - offset >= FLV_TAG_HEADER_SIZE + len + FLV_TAG_TRAILER_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_file bytes;
    struct flv_file file;
    struct flv_seek *seek;
    struct buf init;
    uint64_t offset = 0;
    uint32_t asked;

    if (size < 4)
        return 0;
    asked = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    bytes = (struct bytes_file){data + 4, size - 4, 0};
    file = (struct flv_file){bytes.size, bytes_read, &bytes};
    seek = flv_seek_new(&file);
    if (seek == NULL)
        return 0;
    buf_init(&init, 256 * 1024);
    if (flv_seek_open(seek, &init) == FLV_SEEK_DONE) {
        assert(init.len >= FLV_HEADER_SIZE);
        if (flv_seek_byte(seek, asked & 0xffff, &offset) == FLV_SEEK_DONE)
            check_place(&bytes, asked & 0xffff, offset);
        if (flv_seek_time(seek, asked, &offset) == FLV_SEEK_DONE)
            check_place(&bytes, 0, offset);
    }
    assert(bytes.reads < 200000);
    buf_fini(&init);
    flv_seek_free(seek);
    return 0;
}
