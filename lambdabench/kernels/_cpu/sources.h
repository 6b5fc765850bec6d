// Where an image's queries, keys and values come from: projections that are made when they are needed, or that are there already.
#pragma once

#include "direct.h"
#include "product.h"

namespace {

// Memory that is as large as has ever been asked for
struct Grown {
  Room numbers;
  int64_t count = 0;

  // Zeros where it has grown, if wanted
  float* of(int64_t wanted, bool zeros = false) {
    if (count >= wanted) return numbers.get();
    numbers = room(wanted), count = wanted;
    if (zeros) std::fill_n(numbers.get(), wanted, 0.0f);
    return numbers.get();
  }
};

// A thread's memory for one image, or part of one, after the other
struct Worker {
  std::optional<Patch> patch;
  std::optional<Desk> desk;
  Grown projected, across, rows, groups, wide;
};

// An image's projections that are there already: queries [h][k], then keys [k] if there is a content term, then values [v] at every
// position; u = 1. A batch norm of queries and values is folded in: scale and shift of each of their channels, or null.
struct Made {
  const float* numbers;  // [positions][channels]; whole vectors may be read behind the last
  int64_t channels, keys;
  const float *scale, *shift;

  // Multiplications of a position
  int64_t work() const { return 0; }

  // Keys of a few positions from `first` on, [keys][PITCH], and values [positions][v_pitch]
  void context(const Shape& s, int64_t first, int64_t count, Worker&, float* across, float* values) const {
    const int64_t of_queries = s.h * s.k;
    const float* from = numbers + first * channels;
    turn_all(from + of_queries, keys, count, across, channels, PITCH);
    for (int64_t i = 0; i < count; ++i)
      fold(from + i * channels + of_queries + keys, s.v, scale ? scale + of_queries : nullptr, shift + of_queries, values + i * s.v_pitch);
  }

  // Queries of a few positions, [h * k][PITCH]; `anew` unless their context has just been made
  void queries(const Shape& s, int64_t first, int64_t count, Worker&, float* across, bool) const {
    const int64_t of_queries = s.h * s.k;
    turn_all(numbers + first * channels, of_queries, count, across, channels, PITCH);
    for (int64_t c = 0; scale && c < of_queries; ++c)
      for (int64_t i = 0; i < count; i += LANES)
        store(across + c * PITCH + i, load(across + c * PITCH + i) * all(scale[c]) + all(shift[c]));
  }
};

// An image's projections that are made when they are needed.
struct Making {
  const float* map;  // [depth][positions], or [positions][depth]
  int64_t positions, depth, keys;
  bool channels_first;
  const Weights &of_queries, &of_keys, &of_values;

  int64_t work() const { return depth * (of_queries.channels + of_keys.channels + of_values.channels); }

  void context(const Shape& s, int64_t first, int64_t count, Worker& worker, float* across, float* values) const {
    Patch& patch = taken(first, count, worker);
    float* projected = worker.projected.of(of_values.channels * PITCH);
    project(of_values, patch, projected);
    turn_all(projected, count, s.v, values, PITCH, s.v_pitch);
    if (keys) project(of_keys, patch, across);
  }

  void queries(const Shape&, int64_t first, int64_t count, Worker& worker, float* across, bool anew) const {
    project(of_queries, anew ? taken(first, count, worker) : *worker.patch, across);
  }

 private:
  Patch& taken(int64_t first, int64_t count, Worker& worker) const {
    if (!worker.patch) worker.patch.emplace(depth);
    worker.patch->take(map, positions, channels_first, first, count);
    return *worker.patch;
  }
};

}  // namespace
