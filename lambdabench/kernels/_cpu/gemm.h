// Products of matrices for a layer in training: tiles of a few rows and vectors of columns, whose sums stay in the registers.
#pragma once

#include "output.h"

namespace {

constexpr int64_t TALL = LANES == 16 ? 8 : 4;  // rows of a tile, with three vectors of columns
constexpr int64_t DEEP = 256;                  // steps of a sum at a time: what the second-level cache hands over in time

// part(integral_constant n, first, index) for `count` things, at most MOST at a time, as evenly as can be
template <int N, class Part>
void with_count(int64_t n, int64_t first, int64_t index, const Part& part) {
  if (n == N) part(std::integral_constant<int, N>{}, first, index);
  else if constexpr (N > 1) with_count<N - 1>(n, first, index, part);
}
template <int MOST, class Part>
void shared_out(int64_t count, const Part& part) {
  const int64_t parts = (count + MOST - 1) / MOST;
  for (int64_t i = 0, at = 0; i < parts; ++i) {
    const int64_t n = (count - at + parts - i - 1) / (parts - i);
    with_count<MOST>(n, at, i, part);
    at += n;
  }
}

// A left side: number (row, j) of the tile `index`, which begins with row `first`, is at
// [index * tile + first * begin + row * apart + j * step].
struct Left {
  const float* numbers;
  int64_t tile, begin, apart, step;
};

// A right side: number (j, column) of the panel that begins with column `first` is at [first * begin + j * step + column]; a step of
// none is the panel's width.
struct Right {
  const float* numbers;
  int64_t begin, step;
};

// Memory that is asked for bit by bit, while something else is done
struct Ahead {
  struct Part {
    const float* numbers;
    int64_t rows, length, pitch;
  };
  std::vector<Part> parts;
  size_t part = 0;
  int64_t row = 0, at = 0;

  void some(int64_t lines) {
    constexpr int64_t LINE = 16;
    for (; lines > 0 && part < parts.size(); --lines) {
      const Part& one = parts[part];
      __builtin_prefetch(one.numbers + row * one.pitch + at, 0, 2);
      at += LINE;
      if (at >= one.length) at = 0, ++row;
      if (row >= one.rows) row = 0, ++part;
    }
  }
};

// out[row][column] = or += sum over j of a[row * apart + j * step] b[j * b_step + column]
template <int ROWS, int VECTORS>
void multiply_tile(const float* a, int64_t apart, int64_t step, const float* b, int64_t b_step, int64_t depth, bool adds, float* out,
                   int64_t pitch, Ahead* ahead) {
  Vec sum[ROWS][VECTORS] = {};
  for (int64_t j = 0; j < depth; ++j, a += step, b += b_step) {
    if (ahead && !(j & 7)) ahead->some(4);
    Vec right[VECTORS];
    UNROLLED for (int i = 0; i < VECTORS; ++i) right[i] = load(b + i * LANES);
    UNROLLED for (int row = 0; row < ROWS; ++row) {
      const Vec one = all(a[row * apart]);
      UNROLLED for (int i = 0; i < VECTORS; ++i) sum[row][i] += one * right[i];
    }
  }
  UNROLLED for (int row = 0; row < ROWS; ++row)
    UNROLLED for (int i = 0; i < VECTORS; ++i) {
      float* to = out + row * pitch + i * LANES;
      store(to, adds ? load(to) + sum[row][i] : sum[row][i]);
    }
}

// out [rows][pitch] = or += left right, for whole vectors of columns
void multiply(const Left& left, const Right& right, int64_t rows, int64_t columns, int64_t depth, bool adds, float* out, int64_t pitch,
              Ahead* ahead = nullptr) {
  const int64_t parts = (depth + DEEP - 1) / DEEP;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t first = depth * part / parts, steps = depth * (part + 1) / parts - first;
    shared_out<3>(columns / LANES, [&](auto vectors, int64_t vector, int64_t) {
      constexpr int VECTORS = decltype(vectors)::value;
      const int64_t column = vector * LANES, step = right.step ? right.step : VECTORS * LANES;
      const float* b = right.numbers + column * right.begin + first * step;
      shared_out<TALL>(rows, [&](auto count, int64_t row, int64_t index) {
        const float* a = left.numbers + index * left.tile + row * left.begin + first * left.step;
        multiply_tile<decltype(count)::value, VECTORS>(a, left.apart, left.step, b, step, steps, adds || part,
                                                       out + row * pitch + column, pitch, ahead);
      });
    });
  }
}

// Rows whose numbers follow each other: a left side as they are
inline Left as_they_are(const float* numbers, int64_t pitch) { return {numbers, 0, pitch, pitch, 1}; }

// Rows side by side in lines [depth][pitch], none of which may be read from `end` on: a left side in `room` [tiles][depth][TALL]
Left in_tiles(const float* numbers, int64_t pitch, int64_t rows, int64_t depth, const float* end, float* room) {
  typedef float Few __attribute__((vector_size(TALL * sizeof(float)), aligned(4), may_alias));
  shared_out<TALL>(rows, [&](auto count, int64_t row, int64_t index) {
    const float* from = numbers + row;
    float* to = room + index * depth * TALL;
    int64_t j = 0;
    for (; j < depth && from + TALL <= end; ++j, from += pitch, to += TALL)
      *reinterpret_cast<Few*>(to) = *reinterpret_cast<const Few*>(from);
    for (; j < depth; ++j, from += pitch, to += TALL) std::copy_n(from, decltype(count)::value, to);
  });
  return {room, depth * TALL, 0, 1, TALL};
}

inline int64_t numbers_in_tiles(int64_t rows, int64_t depth) { return (rows + TALL - 1) / TALL * TALL * depth; }

// A matrix's rows, which may lie apart
using RowsOf = std::vector<const float*>;

// A right side in panels [depth][width], zeros where columns are not whole vectors
struct Panels {
  int64_t columns;
  Room numbers;
  Right right;

  Panels(int64_t depth, int64_t count) : columns(rounded(count)), numbers(room(columns * depth)), right{numbers.get(), depth, 0} {}

  // Of rows as they are: as many steps
  static Panels of(const RowsOf& rows, int64_t count) {
    const int64_t depth = static_cast<int64_t>(rows.size());
    Panels made(depth, count);
    shared_out<3>(made.columns / LANES, [&](auto vectors, int64_t vector, int64_t) {
      constexpr int64_t WIDTH = decltype(vectors)::value * LANES;
      const int64_t column = vector * LANES, some = std::min(WIDTH, count - column);
      float* to = made.numbers.get() + column * depth;
      for (int64_t j = 0; j < depth; ++j, to += WIDTH) {
        if (some == WIDTH) for (int64_t i = 0; i < WIDTH; i += LANES) store(to + i, load(rows[j] + column + i));
        else std::fill_n(std::copy_n(rows[j] + column, some, to), WIDTH - some, 0.0f);
      }
    });
    return made;
  }

  // Of rows as columns: `depth` numbers of each
  static Panels turned(const RowsOf& rows, int64_t depth) {
    Panels made(depth, static_cast<int64_t>(rows.size()));
    shared_out<3>(made.columns / LANES, [&](auto vectors, int64_t vector, int64_t) {
      constexpr int64_t WIDTH = decltype(vectors)::value * LANES;
      float* to = made.numbers.get() + vector * LANES * depth;
      for (int64_t lane = 0; lane < WIDTH; lane += LANES) turn_rows(rows, vector * LANES + lane, depth, to + lane, WIDTH);
    });
    return made;
  }

 private:
  static void turn_rows(const RowsOf& rows, int64_t first, int64_t depth, float* to, int64_t width) {
    const int64_t count = std::min<int64_t>(LANES, rows.size() - first);
    bool together = count == LANES;
    for (int64_t i = 1; i < count; ++i) together = together && rows[first + i] == rows[first] + i * depth;
    int64_t j = 0;
    if (together)
      for (; j + LANES <= depth; j += LANES) turn(rows[first] + j, depth, to + j * width, width);
    for (; j < depth; ++j)
      for (int64_t i = 0; i < LANES; ++i) to[j * width + i] = i < count ? rows[first + i][j] : 0.0f;
  }
};

}  // namespace
