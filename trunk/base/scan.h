#ifndef BASE_SCAN_H
#define BASE_SCAN_H

/* A parser's result for the bytes it was given. */
enum scan { SCAN_BAD = -1, SCAN_MORE = 0, SCAN_DONE = 1 };

#endif
