#ifndef BASE_SCAN_H
#define BASE_SCAN_H

/* What a parser says of the bytes it was given. */
enum scan { SCAN_BAD = -1, SCAN_MORE = 0, SCAN_DONE = 1 };

#endif
