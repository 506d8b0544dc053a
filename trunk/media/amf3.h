#ifndef MEDIA_AMF3_H
#define MEDIA_AMF3_H

/*
 * AMF3 (Adobe's "Action Message Format, AMF 3", 2013), read into the tree of media/amf0.h: integers
 * become numbers, XML and byte arrays strings, arrays strict or ECMA ones, objects lose their
 * class. A reference to an earlier object is AMF0_UNDEFINED. No recursion on input. Pure.
 */
#include "media/amf0.h"

#define AMF3_MARKER 0x11 /* in AMF0: an AMF3 value follows */

#define AMF3_STRINGS_MAX 1024                  /* strings that may be referred to */
#define AMF3_TRAITS_MAX  64                    /* and descriptions of objects */
#define AMF3_TEXT_MAX    ((size_t)1024 * 1024) /* bytes of all text, repeated by reference or not */

/*
 * Reads one value, of at most depth_max levels. *values is raised by the values that it holds, to
 * AMF0_VALUES_MAX at the most. SCAN_DONE and a tree that the caller frees, or SCAN_BAD, also for
 * types that are not supported because their size is not bounded (externalizable objects, vectors,
 * dictionaries).
 */
enum scan amf3_read(struct bytes *in, size_t depth_max, size_t *values, struct amf0 **out);

#endif
