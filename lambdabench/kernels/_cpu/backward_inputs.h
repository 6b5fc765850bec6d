// What the backward pass reads, laid out as it is read, and where its gradients go.
#pragma once

#include "direct.h"

namespace {

// Columns that sums of neighbouring queries reach into beside a map
template <int HEADS>
constexpr int64_t MARGIN = QUERIES<HEADS> - 1;

// Four heads at a time, at last two if that is enough; zeros where there are fewer
inline bool are_two(int64_t heads) { return heads <= 2 && QUERIES<2> > 1; }

// As lambda_backward has it, but a position's queries begin `pitch` behind those of the one before, and values theirs; a batch norm is
// folded in, scale and shift of each channel of queries, then of values, or null; d_y may be channels first.
struct Given {
  const float *queries, *values, *content, *d_y;
  int64_t pitch, values_pitch;
  const float *scale, *shift;
  bool channels_first = false;
};

// Where gradients of queries go, with a pitch as theirs; and, if wanted, their sums and those of them times (query - mean), of each
// channel. Only where the key depth is whole vectors.
struct QueriesBack {
  float* numbers;
  int64_t pitch;
  const float* mean = nullptr;
  double *sums = nullptr, *products = nullptr;
};

// A table with room behind, and with taps first; a shape with pitch and taps as Embeddings have them.
struct Taps {
  std::vector<float> table, taps;  // [u][k][s.taps], [u][s.taps][k, whole vectors]

  Taps(const Shape& s, const float* given)
      : table(widened(given, s.u * s.k, s.r_y * s.r_x, s.taps)), taps(numbers(s), 0.0f) {
    const int64_t k_pitch = rounded(s.k), size = s.r_y * s.r_x;
    for (int64_t u = 0; u < s.u; ++u) turn_all(given + u * s.k * size, size, s.k, &taps[u * s.taps * k_pitch], size, k_pitch);
  }
  static int64_t numbers(const Shape& s) { return s.u * s.taps * rounded(s.k); }
  // d_table [u][k][r_y r_x] of gradients with taps first
  static void finish(const Shape& s, const float* sum, float* d_table) {
    const int64_t k_pitch = rounded(s.k), size = s.r_y * s.r_x;
    for (int64_t u = 0; u < s.u; ++u) turn_all(sum + u * s.taps * k_pitch, s.k, size, d_table + u * s.k * size, k_pitch, size);
  }
};

// What all threads read: values and content lambdas channels first.
struct Turned {
  int64_t margin, line;        // columns that gradients of values have beside the map, and all of them
  Room values;                 // [b][u][rows][v_pitch][columns]
  std::vector<float> content;  // [b][v_pitch][k, whole vectors]
};

// What a thread adds up of the gradients; summed over threads at the end.
struct Gradients {
  int64_t first_image, images;
  std::vector<float> values, content;  // [images][u][rows][line][v_pitch], [images][k][v_pitch]
  std::vector<float> own;              // a table's, where it is not the sum itself
  float* table;                        // as Taps::taps
  std::vector<float> moments;          // [2][h k]: of QueriesBack, of a few positions
  std::vector<double> sums;            // [2][h k]: of all
};

// One row of a map's values, channels first, [v_pitch][columns]; normalised [columns, whole vectors][v_pitch] is room
void turn_row(const Shape& s, const Given& given, int64_t row, float* normalised, float* to) {
  const float* from = given.values + row * s.columns * given.values_pitch;
  const float *scale = given.scale ? given.scale + s.h * s.k : nullptr, *shift = scale ? given.shift + s.h * s.k : nullptr;
  for (int64_t column = 0; column < s.columns; ++column)
    fold(from + column * given.values_pitch, s.v, scale, shift, normalised + column * s.v_pitch);
  for (int64_t v = 0; v < s.v_pitch; v += LANES) {
    float* lines = to + v * s.columns;
    if (s.columns >= LANES) {
      turn_all(normalised + v, LANES, s.columns, lines, s.v_pitch, s.columns);
      continue;
    }
    alignas(64) float some[LANES * LANES];
    turn(normalised + v, s.v_pitch, some, LANES);
    for (int64_t i = 0; i < LANES; ++i, lines += s.columns)  // a line's end is the next one's to write
      if ((s.v_pitch - v - i) * s.columns >= LANES) store(lines, load(some + i * LANES));
      else std::copy_n(some + i * LANES, s.columns, lines);
  }
}

Turned turned(const Shape& s, const Given& given, bool of_values, int64_t threads) {
  const int64_t k_pitch = rounded(s.k), lines = s.b * s.u * s.rows, line = s.v_pitch * s.columns;
  const int64_t margin = s.h % 4 && are_two(s.h % 4) ? MARGIN<2> : MARGIN<4>;
  Turned t{margin, s.columns + 2 * margin, room(of_values ? lines * line : 0), {}};
  if (given.content) {
    t.content.assign(s.b * s.v_pitch * k_pitch, 0.0f);
    for (int64_t image = 0; image < s.b; ++image)
      turn_all(given.content + image * s.k * s.v, s.v, s.k, &t.content[image * s.v_pitch * k_pitch], s.v, k_pitch);
  }
  if (!of_values) return t;
  in_parts(lines, std::max<int64_t>(1, std::min(threads, lines)), [&](int64_t, int64_t first, int64_t last) {
    const Room some = room(rounded(s.columns) * s.v_pitch);
    for (int64_t i = first; i < last; ++i) turn_row(s, given, i, some.get(), t.values.get() + i * line);
  });
  return t;
}

// Lines of gradients of y, position by position: some at a time are made so where channels come first.
class Lines {
 public:
  Lines(const Shape& s, const Given& given)
      : s_(s), given_(given), width_(s.h * s.v), most_(std::max<int64_t>(1, POSITIONS / s.width)),
        own_(room(given.channels_first ? most_ * s.width * width_ : 0)) {}

  // [width][h v] of a line of all images'; lines are asked for in order, none from `last` on
  const float* of(int64_t line, int64_t last) {
    if (!given_.channels_first) return given_.d_y + line * s_.width * width_;
    if (line >= end_) take(line, last);
    return own_.get() + (line - first_) * s_.width * width_;
  }

 private:
  static constexpr int64_t POSITIONS = 64, NUMBERS = 16;  // in a line of the cache

  int64_t end(int64_t line, int64_t last) const { return std::min({line + most_, last, (line / s_.height + 1) * s_.height}); }
  const float* place(int64_t line) const {
    return given_.d_y + (line / s_.height * s_.height * width_ + line % s_.height) * s_.width;
  }

  void take(int64_t line, int64_t last) {
    const int64_t n = s_.height * s_.width;
    first_ = line, end_ = end(line, last);
    if (end_ < last) {  // the next ones are asked for
      const int64_t count = (end(end_, last) - end_) * s_.width;
      const float* next = place(end_);
      for (int64_t c = 0; c < width_; ++c, next += n)
        for (int64_t i = 0; i < count + NUMBERS - 1; i += NUMBERS) __builtin_prefetch(next + std::min(i, count - 1), 0, 2);
    }
    turn_all(place(line), (end_ - line) * s_.width, width_, own_.get(), n, width_);
  }

  const Shape& s_;
  const Given& given_;
  int64_t width_, most_, first_ = 0, end_ = 0;
  Room own_;
};

}  // namespace
