/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Doubly linked, circular, intrusive list. A `struct list` is the head of a list or a node in one.
 * Thread-safety: none; the owner serialises. */
#ifndef BASE_LIST_H
#define BASE_LIST_H 1

#include <stdbool.h>

#include "base/compiler.h"

struct list {
    struct list *prev, *next;
};

#define LIST_INITIALIZER(LIST)                                                                               \
    {                                                                                                        \
        (LIST), (LIST)                                                                                       \
    }

static inline void list_init(struct list *list)
{
    list->prev = list->next = list;
}
static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}
/* Puts NODE just before BEFORE. */
static inline void list_insert(struct list *before, struct list *node)
{
    node->prev = before->prev;
    node->next = before;
    before->prev->next = node;
    before->prev = node;
}
static inline void list_push_back(struct list *list, struct list *node)
{
    list_insert(list, node);
}
static inline void list_push_front(struct list *list, struct list *node)
{
    list_insert(list->next, node);
}
/* Takes NODE out; its own pointers are left as they were. Returns the node that followed it. */
static inline struct list *list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    return node->next;
}
static inline struct list *list_front(const struct list *list)
{
    return list->next;
}
static inline struct list *list_back(const struct list *list)
{
    return list->prev;
}
static inline struct list *list_pop_front(struct list *list)
{
    struct list *node = list->next;
    list_remove(node);
    return node;
}
/* Moves all of SRC to the end of DST; SRC is empty afterwards. */
static inline void list_splice_back(struct list *dst, struct list *src)
{
    if (!list_is_empty(src)) {
        src->next->prev = dst->prev;
        dst->prev->next = src->next;
        src->prev->next = dst;
        dst->prev = src->prev;
        list_init(src);
    }
}
static inline size_t list_size(const struct list *list)
{
    size_t n = 0;
    for (const struct list *node = list->next; node != list; node = node->next) {
        n++;
    }
    return n;
}

/* The node of ITER, without looking into ITER: at the end of a loop there is no object, and the list's head
 * need not be aligned as one. */
#define LIST_NODE_OF(ITER, MEMBER)                                                                           \
    ((struct list *)(void *)((char *)(ITER) + offsetof(__typeof__(*(ITER)), MEMBER)))

#define LIST_FOR_EACH(ITER, MEMBER, LIST)                                                                    \
    for (ITER = OBJECT_OF((LIST)->next, ITER, MEMBER); LIST_NODE_OF(ITER, MEMBER) != (LIST);                 \
         ITER = OBJECT_OF(LIST_NODE_OF(ITER, MEMBER)->next, ITER, MEMBER))
/* The same; ITER may be removed or freed in the body. NEXT is another variable of the same type. */
#define LIST_FOR_EACH_SAFE(ITER, NEXT, MEMBER, LIST)                                                         \
    for (ITER = OBJECT_OF((LIST)->next, ITER, MEMBER),                                                       \
        NEXT = OBJECT_OF(LIST_NODE_OF(ITER, MEMBER)->next, ITER, MEMBER);                                    \
         LIST_NODE_OF(ITER, MEMBER) != (LIST);                                                               \
         ITER = NEXT, NEXT = OBJECT_OF(LIST_NODE_OF(ITER, MEMBER)->next, ITER, MEMBER))

#endif
