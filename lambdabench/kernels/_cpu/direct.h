// The forward pass, queries first: for each query the weights of its window (heads x taps) are made in the first-level cache,
// then multiplied with the values under the window, cut exactly at the borders of the map.
#pragma once

#include "shape.h"

namespace {

// One image as the forward pass reads it: a position's queries [h][k] at queries + position * stride, with a batch norm folded in
// where there is a scale; content lambda [k][v_pitch] or null; values [u][rows][columns][v_pitch].
struct Image {
  const float* queries;
  int64_t stride;
  const float *scale, *shift;
  const float *content, *values;

  const float* query(const Shape& s, int64_t position, float* room) const {
    const float* found = queries + position * stride;
    if (!scale) return found;
    for (int64_t i = 0; i < s.h * s.k; ++i) room[i] = found[i] * scale[i] + shift[i];
    return room;
  }
};

// weights[head][tap] = sum over k of query[head][k] table[k][tap], for whole vectors of taps that begin at `at`
template <int HEADS, int VECTORS>
void weigh(const Shape& s, const float* query, const float* table, const int64_t* at, float* weights) {
  Vec sum[HEADS][VECTORS] = {};
  for (int64_t k = 0; k < s.k; ++k) {
    Vec row[VECTORS];
    for (int i = 0; i < VECTORS; ++i) row[i] = load(table + k * s.taps + at[i]);
    for (int head = 0; head < HEADS; ++head) {
      const Vec q = all(query[head * s.k + k]);
      for (int i = 0; i < VECTORS; ++i) sum[head][i] += q * row[i];
    }
  }
  for (int head = 0; head < HEADS; ++head)
    for (int i = 0; i < VECTORS; ++i) store(weights + head * s.taps + at[i], sum[head][i]);
}

template <int HEADS>
void weigh_all(const Shape& s, const float* query, const float* table, const std::vector<int64_t>& at, float* weights) {
  const int64_t count = static_cast<int64_t>(at.size());
  int64_t i = 0;
  for (; count - i >= 3; i += 3) weigh<HEADS, 3>(s, query, table, &at[i], weights);
  if (count - i == 2) weigh<HEADS, 2>(s, query, table, &at[i], weights);
  if (count - i == 1) weigh<HEADS, 1>(s, query, table, &at[i], weights);
}

struct Window {
  int64_t top, bottom, left, right;  // taps that lie on the map
  int64_t row, column;               // the map's position under tap (0, 0), may be negative
};

Window window(const Shape& s, int64_t row, int64_t column) {
  Window w;
  w.row = row - s.r_y / 2;
  w.column = column - s.r_x / 2;
  w.top = std::clamp<int64_t>(-w.row, 0, s.r_y);
  w.bottom = std::clamp<int64_t>(s.rows - w.row, w.top, s.r_y);
  w.left = std::clamp<int64_t>(-w.column, 0, s.r_x);
  w.right = std::clamp<int64_t>(s.columns - w.column, w.left, s.r_x);
  return w;
}

// Where vectors of taps begin that cover the window: along all of it, or row by row where that is fewer. In rising order, so
// that what a vector holds beyond its row is written over by the next.
void cover(const Shape& s, const Window& w, std::vector<int64_t>& at) {
  at.clear();
  const int64_t in_row = (w.right - w.left + LANES - 1) / LANES, height = w.bottom - w.top;
  if (height <= 0 || in_row <= 0) return;
  const int64_t begin = w.top * s.pitch + w.left, end = (w.bottom - 1) * s.pitch + w.right;
  if ((end - begin + LANES - 1) / LANES <= in_row * height)
    for (int64_t i = begin; i < end; i += LANES) at.push_back(i);
  else
    for (int64_t dy = w.top; dy < w.bottom; ++dy)
      for (int64_t i = 0; i < in_row; ++i) at.push_back(dy * s.pitch + w.left + i * LANES);
}

// y[head][v..] = content term + weights x values, for VECTORS vectors of the value depth
template <int HEADS, int VECTORS>
void gather(const Shape& s, const Window& w, const float* query, const float* content, const float* weights,
            const float* values, float* y) {
  Vec sum[HEADS][VECTORS] = {};
  if (content)
    for (int64_t k = 0; k < s.k; ++k) {
      Vec row[VECTORS];
      for (int i = 0; i < VECTORS; ++i) row[i] = load(content + k * s.v_pitch + i * LANES);
      for (int head = 0; head < HEADS; ++head) {
        const Vec q = all(query[head * s.k + k]);
        for (int i = 0; i < VECTORS; ++i) sum[head][i] += q * row[i];
      }
    }
  if (weights)
    for (int64_t u = 0; u < s.u; ++u)
      for (int64_t dy = w.top; dy < w.bottom; ++dy) {
        const float* under = values + ((u * s.rows + w.row + dy) * s.columns + w.column) * s.v_pitch;
        const float* of_row = weights + u * HEADS * s.taps + dy * s.pitch;
        for (int64_t dx = w.left; dx < w.right; ++dx) {
          Vec value[VECTORS];
          for (int i = 0; i < VECTORS; ++i) value[i] = load(under + dx * s.v_pitch + i * LANES);
          for (int head = 0; head < HEADS; ++head) {
            const Vec a = all(of_row[head * s.taps + dx]);
            for (int i = 0; i < VECTORS; ++i) sum[head][i] += a * value[i];
          }
        }
      }
  for (int head = 0; head < HEADS; ++head)
    for (int i = 0; i < VECTORS; ++i) store(y + head * s.v_pitch + i * LANES, sum[head][i]);
}

// part(integral_constant n, first) for whole vectors of the value depth, three at a time, never leaving one alone
template <class Part>
void in_vectors(int64_t length, const Part& part) {
  int64_t at = 0;
  while (length - at >= 3 * LANES && length - at != 4 * LANES) part(std::integral_constant<int, 3>{}, at), at += 3 * LANES;
  while (length - at >= 2 * LANES) part(std::integral_constant<int, 2>{}, at), at += 2 * LANES;
  while (length - at >= LANES) part(std::integral_constant<int, 1>{}, at), at += LANES;
}

// part(integral_constant n, first) for all heads, four at a time
template <class Part>
void in_heads(int64_t heads, const Part& part) {
  int64_t head = 0;
  for (; heads - head >= 4; head += 4) part(std::integral_constant<int, 4>{}, head);
  if (heads - head >= 2) part(std::integral_constant<int, 2>{}, head), head += 2;
  if (heads - head >= 1) part(std::integral_constant<int, 1>{}, head);
}

// What a thread needs to apply lambdas to one query after the other.
struct Desk {
  std::vector<float> weights, query, wide;
  std::vector<int64_t> at;
  explicit Desk(const Shape& s) : weights(s.u * 4 * s.taps + 4 * LANES), query(s.h * s.k + LANES) {}
};

// y[h][v_pitch] of the query at a position; without a table its content term only
void one_query(const Shape& s, const Image& image, const float* table, int64_t position, Desk& desk, float* y) {
  const Window w = window(s, position / s.width, position % s.width);
  const float* query = image.query(s, position, desk.query.data());
  if (table) cover(s, w, desk.at);
  in_heads(s.h, [&](auto heads, int64_t head) {
    constexpr int HEADS = decltype(heads)::value;
    const float* own = query + head * s.k;
    float* weights = desk.weights.data();
    if (table)
      for (int64_t u = 0; u < s.u; ++u)
        weigh_all<HEADS>(s, own, table + u * s.k * s.taps, desk.at, weights + u * HEADS * s.taps);
    in_vectors(s.v_pitch, [&](auto vectors, int64_t at) {
      gather<HEADS, decltype(vectors)::value>(s, w, own, image.content ? image.content + at : nullptr,
                                              table ? weights : nullptr, image.values + at, y + head * s.v_pitch + at);
    });
  });
}

}  // namespace
