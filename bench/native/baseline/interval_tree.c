#include "interval_tree.h"

static uint64_t greatest_below(const interval_node *node) {
  uint64_t greatest = node->last;
  if (node->left != NULL && node->left->greatest > greatest) greatest = node->left->greatest;
  if (node->right != NULL && node->right->greatest > greatest) greatest = node->right->greatest;
  return greatest;
}

/* From `node` up, until nothing changes. */
static void propagate(interval_node *node) {
  for (; node != NULL; node = node->parent) {
    const uint64_t greatest = greatest_below(node);
    if (greatest == node->greatest) return;
    node->greatest = greatest;
  }
}

static void replace_child(interval_tree *tree, interval_node *parent, interval_node *old, interval_node *new) {
  if (parent == NULL) tree->root = new;
  else if (parent->left == old) parent->left = new;
  else parent->right = new;
  if (new != NULL) new->parent = parent;
}

/* The child of `node` on the other side than `to_left` comes up. */
static void rotate(interval_tree *tree, interval_node *node, int to_left) {
  interval_node *up = to_left ? node->right : node->left;
  interval_node *inner = to_left ? up->left : up->right;
  replace_child(tree, node->parent, node, up);
  if (to_left) {
    up->left = node;
    node->right = inner;
  } else {
    up->right = node;
    node->left = inner;
  }
  node->parent = up;
  if (inner != NULL) inner->parent = node;
  up->greatest = node->greatest;
  node->greatest = greatest_below(node);
}

static void repair_insertion(interval_tree *tree, interval_node *node) {
  while (node->parent != NULL && node->parent->red) {
    interval_node *parent = node->parent;
    interval_node *grand = parent->parent;
    const int left = grand->left == parent;
    interval_node *uncle = left ? grand->right : grand->left;
    if (uncle != NULL && uncle->red) {
      parent->red = uncle->red = 0;
      grand->red = 1;
      node = grand;
      continue;
    }
    if (node == (left ? parent->right : parent->left)) {
      rotate(tree, parent, left);
      node = parent;
      parent = node->parent;
    }
    parent->red = 0;
    grand->red = 1;
    rotate(tree, grand, !left);
  }
  tree->root->red = 0;
}

void interval_insert(interval_tree *tree, interval_node *node) {
  interval_node **link = &tree->root;
  interval_node *parent = NULL, *before = NULL, *after = NULL;
  while (*link != NULL) {
    parent = *link;
    if (parent->greatest < node->last) parent->greatest = node->last;
    if (node->first < parent->first) {
      after = parent;
      link = &parent->left;
    } else {
      before = parent;
      link = &parent->right;
    }
  }
  *link = node;
  node->parent = parent;
  node->left = node->right = NULL;
  node->greatest = node->last;
  node->red = 1;
  node->previous = before;
  node->next = after;
  if (before != NULL) before->next = node;
  else tree->head = node;
  if (after != NULL) after->previous = node;
  tree->size++;
  repair_insertion(tree, node);
}

/* The side of `parent` on which `node` (or nothing) is has one black node too few. */
static void repair_removal(interval_tree *tree, interval_node *node, interval_node *parent) {
  while (parent != NULL && (node == NULL || !node->red)) {
    const int left = parent->left == node;
    interval_node *sibling = left ? parent->right : parent->left;
    if (sibling->red) {
      sibling->red = 0;
      parent->red = 1;
      rotate(tree, parent, left);
      sibling = left ? parent->right : parent->left;
    }
    interval_node *near = left ? sibling->left : sibling->right;
    interval_node *far = left ? sibling->right : sibling->left;
    if ((near == NULL || !near->red) && (far == NULL || !far->red)) {
      sibling->red = 1;
      node = parent;
      parent = node->parent;
      continue;
    }
    if (far == NULL || !far->red) {
      near->red = 0;
      sibling->red = 1;
      rotate(tree, sibling, !left);
      sibling = left ? parent->right : parent->left;
      far = left ? sibling->right : sibling->left;
    }
    sibling->red = parent->red;
    parent->red = far->red = 0;
    rotate(tree, parent, left);
    return;
  }
  if (node != NULL) node->red = 0;
}

void interval_remove(interval_tree *tree, interval_node *node) {
  if (node->previous != NULL) node->previous->next = node->next;
  else tree->head = node->next;
  if (node->next != NULL) node->next->previous = node->previous;
  tree->size--;
  interval_node *child, *parent;
  int was_red;
  if (node->left != NULL && node->right != NULL) {
    /* The next in order, which has no left child, takes the place of `node`. */
    interval_node *next = node->next;
    child = next->right;
    parent = next->parent == node ? next : next->parent;
    was_red = next->red;
    if (parent != next) {
      replace_child(tree, next->parent, next, child);
      next->right = node->right;
      next->right->parent = next;
    }
    next->left = node->left;
    next->left->parent = next;
    next->red = node->red;
    next->greatest = node->greatest;
    replace_child(tree, node->parent, node, next);
    propagate(parent);
    if (parent != next) propagate(next);
  } else {
    child = node->left != NULL ? node->left : node->right;
    parent = node->parent;
    was_red = node->red;
    replace_child(tree, parent, node, child);
    propagate(parent);
  }
  if (!was_red) repair_removal(tree, child, parent);
}

interval_node *interval_find(const interval_tree *tree, uint64_t first, uint64_t last) {
  interval_node *node = tree->root;
  if (node == NULL || node->greatest < first) return NULL;
  for (;;) {
    /* Something on the left reaches `first`: if anything intersects, the first that does is there. */
    if (node->left != NULL && node->left->greatest >= first) {
      node = node->left;
      continue;
    }
    if (node->first > last) return NULL;
    if (node->last >= first) return node;
    node = node->right;
    if (node == NULL || node->greatest < first) return NULL;
  }
}
