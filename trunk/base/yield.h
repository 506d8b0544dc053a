#ifndef BASE_YIELD_H
#define BASE_YIELD_H

/*
 * Which functions may switch coroutine: those whose last parameter is a timeout or a deadline, and
 * those that bear MAY_YIELD, in front of the declaration of a function or of a pointer to one. All
 * others never do. The gate `yield` compares that with the calls.
 */
#define MAY_YIELD

/* A call that may switch coroutine in general, but not with these arguments. Say why beside it. */
#define NO_YIELD(call) (call)

#endif
