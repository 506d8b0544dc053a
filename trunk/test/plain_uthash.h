/*
 * For clang-tidy and cppcheck only: uthash's macros as calls of functions that
 * nobody sees into. What the real ones expand to is one long expression of
 * another project, in which the tools find depth, aliases and freed memory.
 */
#ifndef TEST_PLAIN_UTHASH_H
#define TEST_PLAIN_UTHASH_H

#ifdef __clang__
#include <uthash.h>
#endif

extern void *plain_hash_find(void *head, const void *key, unsigned long len);
extern void *plain_hash_add(void *head, const void *key, unsigned long len, void *item);
extern void *plain_hash_del(void *head, void *item);
extern unsigned plain_hash_count(void *head);

#undef HASH_FIND
#undef HASH_FIND_STR
#undef HASH_FIND_INT
#undef HASH_FIND_PTR
#undef HASH_ADD
#undef HASH_ADD_KEYPTR
#undef HASH_ADD_STR
#undef HASH_ADD_INT
#undef HASH_ADD_PTR
#undef HASH_DEL
#undef HASH_DELETE
#undef HASH_CLEAR
#undef HASH_COUNT
#undef HASH_CNT
#undef HASH_ITER

#define HASH_FIND(hh, head, key, len, out)        ((out) = plain_hash_find(head, key, len))
#define HASH_FIND_STR(head, key, out)             ((out) = plain_hash_find(head, key, 1))
#define HASH_FIND_INT(head, key, out)             ((out) = plain_hash_find(head, key, 4))
#define HASH_FIND_PTR(head, key, out)             ((out) = plain_hash_find(head, key, 8))
#define HASH_ADD_KEYPTR(hh, head, key, len, item) ((head) = plain_hash_add(head, key, len, item))
#define HASH_ADD(hh, head, field, len, item) \
    ((head) = plain_hash_add(head, &(item)->field, len, item))
#define HASH_ADD_STR(head, field, item) ((head) = plain_hash_add(head, (item)->field, 1, item))
#define HASH_ADD_INT(head, field, item) ((head) = plain_hash_add(head, &(item)->field, 4, item))
#define HASH_ADD_PTR(head, field, item) ((head) = plain_hash_add(head, &(item)->field, 8, item))
#define HASH_DEL(head, item)            ((head) = plain_hash_del(head, item))
#define HASH_DELETE(hh, head, item)     ((head) = plain_hash_del(head, item))
#define HASH_CLEAR(hh, head)            ((head) = NULL)
#define HASH_COUNT(head)                plain_hash_count(head)
#define HASH_CNT(hh, head)              plain_hash_count(head)
#define HASH_ITER(hh, head, item, tmp)                                                     \
    for ((item) = (head), (tmp) = (item) != NULL ? (item)->hh.next : NULL; (item) != NULL; \
         (item) = (tmp), (tmp) = (tmp) != NULL ? (tmp)->hh.next : NULL)

#endif
