/*
 * Hidden characters follow Unicode's general categories Cc, Cf, Zl and Zp, and its noncharacters.
 * They are listed as ranges, since they have not changed in years.
 */
#include "base/utf8.h"

#include <assert.h>

struct range {
    uint32_t first, last;
};

static const struct range hidden[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f}, /* C0, DEL, C1 */
    {0x00ad, 0x00ad},                     /* soft hyphen */
    {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},
    {0x070f, 0x070f},   {0x0890, 0x0891},   {0x08e2, 0x08e2},
    {0x115f, 0x1160},                     /* Hangul fillers */
    {0x17b4, 0x17b5},   {0x180b, 0x180f}, /* inherent vowels, Mongolian separators */
    {0x200b, 0x200f},                     /* zero width, left-to-right and right-to-left marks */
    {0x2028, 0x202e},                     /* separators, embeddings and overrides */
    {0x2060, 0x206f},                     /* joiners, isolates */
    {0x3164, 0x3164},   {0xfe00, 0xfe0f}, /* a filler, variation selectors */
    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
    {0xfdd0, 0xfdef}, /* noncharacters */
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, /* tags, more selectors */
};

size_t utf8_next(const uint8_t *p, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n;

    assert(len > 0);
    *code = p[0];
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n > len)
        return 0;
    *code = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3fu);
    }
    /* Overlong, a surrogate, or beyond U+10FFFF. */
    if (*code < least[n] || (*code >= 0xd800 && *code <= 0xdfff) || *code > 0x10ffff)
        return 0;
    return n;
}

int utf8_is_hidden(uint32_t code)
{
    if (code >= 0x20 && code < 0x7f)
        return 0;
    if ((code & 0xfffe) == 0xfffe)
        return 1; /* the last two of each plane are noncharacters */
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (code >= hidden[i].first && code <= hidden[i].last)
            return 1;
    return 0;
}

size_t utf8_make_plain(char *text, size_t len)
{
    size_t out = 0;
    size_t at = 0;

    /* Most lines are printable ASCII and unchanged. */
    while (at < len && text[at] >= 0x20 && text[at] < 0x7f)
        at++;
    out = at;
    while (at < len) {
        uint32_t code = 0;
        size_t n = utf8_next((const uint8_t *)text + at, len - at, &code);

        if (n == 0 || utf8_is_hidden(code)) {
            text[out++] = '?';
            at += n > 0 ? n : 1;
            continue;
        }
        for (; n > 0; n--)
            text[out++] = text[at++];
    }
    return out;
}
