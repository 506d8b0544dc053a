#ifndef BASE_YIELD_H
#define BASE_YIELD_H

/*
 * Functions that may switch coroutine: those whose last parameter is a timeout or a deadline, and
 * those with MAY_YIELD in front of the declaration of a function or of a pointer to one. All others
 * never do. The gate `yield` compares this with the calls.
 */
#define MAY_YIELD

/* A call that may switch coroutine in general, but not with these arguments. A comment next to it
 * says why. */
#define NO_YIELD(call) (call)

#endif
