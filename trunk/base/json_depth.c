/*
 * jansson parses recursively, up to 2048 levels: more than fits on a coroutine's stack. So the
 * depth of a text from the network is checked first. Malformed texts may get either answer, because
 * the parser rejects them.
 */
#include "base/json_depth.h"

int json_depth_fits(const char *text, size_t len, int max)
{
    int depth = 0;
    int in_text = 0;

    for (size_t i = 0; i < len; i++) {
        if (in_text && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_text = !in_text;
        else if (!in_text && (text[i] == '[' || text[i] == '{'))
            depth++;
        else if (!in_text && (text[i] == ']' || text[i] == '}'))
            depth--;
        if (depth > max)
            return 0;
    }
    return 1;
}
