// Memory of a call, not cleared, in which lines of the cache begin where vectors do. A thread keeps a little of what it frees for its
// next call: an allocator may give all of it back to the system, which clears it page by page before it gives it out again.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

// Blocks that a thread has freed
class Spare {
 public:
  ~Spare() {
    for (const Block& one : blocks_) std::free(one.numbers);
  }

  // The smallest block that is large enough and not twice too large, or a new one; its size becomes `bytes`
  float* take(size_t& bytes) {
    size_t best = blocks_.size();
    for (size_t i = 0; i < blocks_.size(); ++i)
      if (blocks_[i].bytes >= bytes && blocks_[i].bytes <= 2 * bytes && (best == blocks_.size() || blocks_[i].bytes < blocks_[best].bytes))
        best = i;
    if (best == blocks_.size()) return static_cast<float*>(std::aligned_alloc(LINE, bytes));
    const Block found = blocks_[best];
    blocks_[best] = blocks_.back(), blocks_.pop_back();
    kept_ -= found.bytes, bytes = found.bytes;
    return found.numbers;
  }

  void give(float* numbers, size_t bytes) {
    if (bytes < LEAST || kept_ + bytes > MOST) return std::free(numbers);
    blocks_.push_back({numbers, bytes});
    kept_ += bytes;
  }

  static constexpr size_t LINE = 64;

 private:
  static constexpr size_t LEAST = 1 << 14, MOST = 1 << 21;  // what is smaller is kept by any allocator
  struct Block {
    float* numbers;
    size_t bytes;
  };
  std::vector<Block> blocks_;
  size_t kept_ = 0;
};

inline Spare& spare() {
  thread_local Spare own;
  return own;
}

struct Free {
  size_t bytes = 0;
  void operator()(float* numbers) const { spare().give(numbers, bytes); }
};
using Room = std::unique_ptr<float[], Free>;
inline Room room(int64_t count) {
  size_t bytes = (static_cast<size_t>(count) * sizeof(float) / Spare::LINE + 1) * Spare::LINE;
  float* numbers = spare().take(bytes);
  return Room(numbers, Free{bytes});
}

}  // namespace
