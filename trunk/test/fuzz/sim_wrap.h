#ifndef TEST_FUZZ_SIM_WRAP_H
#define TEST_FUZZ_SIM_WRAP_H

/*
 * Calls that the linker replaces (ld(1), --wrap; SIM_CALLS in auto/rules.mk): the body of
 * WRAP(type, name, arguments…) is called instead, and finds the real one as __real_NAME.
 */
#define WRAP(type, name, ...)        \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

#endif
