/*
 * An interval tree as kernels have it: a red-black tree of nodes that lie in the
 * objects, ordered by first page, each with the greatest last page below it; and
 * a list through the objects in the same order.
 */
#ifndef INTERVAL_TREE_H
#define INTERVAL_TREE_H

#include <stddef.h>
#include <stdint.h>

typedef struct interval_node {
  struct interval_node *parent, *left, *right;
  struct interval_node *previous, *next;
  uint64_t first, last; /* Pages, both inclusive. */
  uint64_t greatest;    /* The greatest `last` of this subtree. */
  int red;
} interval_node;

typedef struct {
  interval_node *root, *head;
  size_t size;
} interval_tree;

/* Adds a node whose `first` and `last` are set, after all that begin at the same page. */
void interval_insert(interval_tree *tree, interval_node *node);
void interval_remove(interval_tree *tree, interval_node *node);
/* Of the nodes that have pages in [first, last], the one that begins first; NULL: none. */
interval_node *interval_find(const interval_tree *tree, uint64_t first, uint64_t last);

/* The object of type `type` that has `node` as its first member. */
#define OBJECT_OF(type, node) ((type *)(void *)(node))

#endif
