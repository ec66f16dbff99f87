// The binary tree over the blocks of a row along which partial results are merged, as in pairwise
// summation: one slot a level, taken where the count of blocks has a binary digit. Pieces of whole
// blocks pushed in order give the bits of the whole row, and so do appended trees of ranges that
// begin and end at a multiple of a power of two of blocks.
//
// Slots has get(level), set(level, p) and merge(p, next), next being the part of the row that comes
// after p.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softlane {

constexpr int kLevels = 40;  // 2^40 blocks

namespace {

// Adds the part of 2^level blocks; gives the count of blocks then. Lower slots, if any are taken,
// are folded in first: that happens only when ranges of unequal alignment are merged.
template <class Slots, class P>
inline uint64_t tree_push(Slots slots, uint64_t blocks, P p, int level) {
  for (int i = 0; i < level; ++i) {
    if (blocks >> i & 1) p = slots.merge(slots.get(i), p);
  }
  blocks &= ~((uint64_t{1} << level) - 1);
  int i = level;
  for (; blocks >> i & 1; ++i) p = slots.merge(slots.get(i), p);
  slots.set(i, p);
  return blocks + (uint64_t{1} << level);
}

// Everything, p being what nothing comes to.
template <class Slots, class P>
inline P tree_total(Slots slots, uint64_t blocks, P p) {
  for (int i = 0; i < kLevels; ++i) {
    if (blocks >> i & 1) p = slots.merge(slots.get(i), p);
  }
  return p;
}

// Every slot of next, the largest first: push(level).
template <class F>
inline void tree_each(uint64_t blocks, F push) {
  for (int i = kLevels - 1; i >= 0; --i) {
    if (blocks >> i & 1) push(i);
  }
}

// A tree of its own memory. Merge(p, next) may carry what merging needs to know.
template <class P, class Merge>
struct Tree {
  uint64_t blocks;
  Merge merge_parts;
  P slots[kLevels];

  void start(const Merge& how) { blocks = 0, merge_parts = how; }
  void push(const P& p, int level) { blocks = tree_push(Slots<Tree>{this}, blocks, p, level); }
  void append(const Tree& next) {
    tree_each(next.blocks, [&](int i) { push(next.slots[i], i); });
  }
  P total() const { return tree_total(Slots<const Tree>{this}, blocks, P()); }

 private:
  template <class T>
  struct Slots {
    T* tree;
    const P& get(int level) const { return tree->slots[level]; }
    void set(int level, const P& p) const { tree->slots[level] = p; }
    P merge(const P& p, const P& next) const { return tree->merge_parts(p, next); }
  };
};

}  // namespace
}  // namespace softlane
