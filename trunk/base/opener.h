#ifndef BASE_OPENER_H
#define BASE_OPENER_H

/*
 * Another way to a file that this process may not open itself: app/core/keeper.h. Code that opens
 * such a file tries the ordinary way first, and asks the opener after EACCES.
 */
struct opener {
    /* A descriptor, which the caller owns; -1 with errno. Does not yield. NULL: there is no other
     * way. */
    int (*open)(void *arg, const char *path);
    void *arg;
};

#endif
