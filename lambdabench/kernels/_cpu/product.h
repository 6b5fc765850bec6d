// Projections of a map by 1 x 1 convolutions: the matrix product of a few positions at a time, whose results are used while they are
// in the cache.
#pragma once

#include <initializer_list>

#include "output.h"

namespace {

constexpr int64_t TILE = LANES == 16 ? 8 : 4;  // positions whose sums fit the registers, with three vectors of channels each
constexpr int64_t AT_ONCE = 64;               // positions that are projected before they are used

// part(integral_constant n, first) for whole vectors, three at a time, never leaving one alone
template <class Part>
void in_panels(int64_t length, const Part& part) {
  int64_t at = 0;
  while (length - at >= 3 * LANES && length - at != 4 * LANES) part(std::integral_constant<int, 3>{}, at), at += 3 * LANES;
  while (length - at >= 2 * LANES) part(std::integral_constant<int, 2>{}, at), at += 2 * LANES;
  while (length - at >= LANES) part(std::integral_constant<int, 1>{}, at), at += LANES;
}

// Weights [channels][depth] of one projection, with a norm's scale and shift [channels], or null
struct Weights {
  const float* numbers;
  int64_t channels;
  const float *scale, *shift;
};

// Weights of projections side by side, each in whole vectors of channels: panels [depth][channels of the panel], and what a norm makes
// of their products.
struct Packed {
  int64_t depth, pitch = 0;
  std::vector<float> scale, shift;
  Room numbers;

  Packed(int64_t d, std::initializer_list<Weights> parts) : depth(d) {
    std::vector<Weights> of_vector;  // that are in a vector of channels
    for (const Weights& one : parts)
      for (int64_t c = 0; c < one.channels; c += LANES)
        of_vector.push_back({one.numbers + c * d, std::min(one.channels - c, LANES), one.scale ? one.scale + c : nullptr,
                             one.shift ? one.shift + c : nullptr});
    pitch = static_cast<int64_t>(of_vector.size()) * LANES;
    numbers = room(pitch * d), scale.assign(pitch, 1.0f), shift.assign(pitch, 0.0f);
    for (int64_t v = 0; v < pitch; v += LANES) {
      const Weights& one = of_vector[v / LANES];
      if (one.scale) std::copy_n(one.scale, one.channels, &scale[v]), std::copy_n(one.shift, one.channels, &shift[v]);
    }
    in_panels(pitch, [&](auto vectors, int64_t first) {
      constexpr int64_t WIDTH = decltype(vectors)::value * LANES;
      for (int64_t lane = 0; lane < WIDTH; lane += LANES) put_vector(of_vector[(first + lane) / LANES], &numbers[first * d + lane], WIDTH);
    });
  }

 private:
  void put_vector(const Weights& from, float* to, int64_t width) const {
    int64_t j = 0;
    if (from.channels == LANES)
      for (; j + LANES <= depth; j += LANES) turn(from.numbers + j, depth, to + j * width, width);
    for (; j < depth; ++j)
      for (int64_t i = 0; i < LANES; ++i) to[j * width + i] = i < from.channels ? from.numbers[i * depth + j] : 0.0f;
  }
};

// out[row][..] (+)= sum over j of a[row][j] b[j][..] for a few rows and vectors; a's steps from row to row and from j to j
template <int ROWS, int VECTORS, bool ADDS>
void small_product(const float* a, int64_t row_step, int64_t step, const float* b, int64_t b_pitch, int64_t depth, float* out,
                   int64_t pitch) {
  Vec sum[ROWS][VECTORS];
  for (int r = 0; r < ROWS; ++r)
    for (int i = 0; i < VECTORS; ++i) sum[r][i] = ADDS ? load(out + r * pitch + i * LANES) : Vec{};
  for (int64_t j = 0; j < depth; ++j) {
    Vec row[VECTORS];
    for (int i = 0; i < VECTORS; ++i) row[i] = load(b + j * b_pitch + i * LANES);
    for (int r = 0; r < ROWS; ++r) {
      const Vec one = all(a[r * row_step + j * step]);
      for (int i = 0; i < VECTORS; ++i) sum[r][i] += one * row[i];
    }
  }
  for (int r = 0; r < ROWS; ++r)
    for (int i = 0; i < VECTORS; ++i) store(out + r * pitch + i * LANES, sum[r][i]);
}

// x [depth][LANES], from the first of the tile's positions on
template <int ROWS, int VECTORS>
void project_tile(const float* x, const float* weights, const float* scale, const float* shift, int64_t depth, float* out,
                  int64_t pitch) {
  Vec sum[ROWS][VECTORS] = {};
  for (int64_t j = 0; j < depth; ++j, x += LANES, weights += VECTORS * LANES) {
    Vec row[VECTORS];
    for (int i = 0; i < VECTORS; ++i) row[i] = load(weights + i * LANES);
    for (int r = 0; r < ROWS; ++r) {
      const Vec one = all(x[r]);
      for (int i = 0; i < VECTORS; ++i) sum[r][i] += one * row[i];
    }
  }
  for (int r = 0; r < ROWS; ++r)
    for (int i = 0; i < VECTORS; ++i)
      store(out + r * pitch + i * LANES, sum[r][i] * load(scale + i * LANES) + load(shift + i * LANES));
}

// out[position][pitch] of at most AT_ONCE positions, x [vectors of positions][depth][LANES]
void project(const Packed& weights, const float* x, int64_t count, float* out) {
  const int64_t pitch = weights.pitch;
  in_panels(pitch, [&](auto vectors, int64_t first) {
    constexpr int VECTORS = decltype(vectors)::value;
    const float *panel = &weights.numbers[first * weights.depth], *scale = &weights.scale[first], *shift = &weights.shift[first];
    auto tile = [&](auto rows, int64_t at) {
      project_tile<decltype(rows)::value, VECTORS>(x + at / LANES * LANES * weights.depth + at % LANES, panel, scale, shift, weights.depth, out + at * pitch + first, pitch);
    };
    int64_t at = 0;
    for (; count - at >= TILE; at += TILE) tile(std::integral_constant<int, TILE>{}, at);
    if (TILE > 4 && count - at >= 4) tile(std::integral_constant<int, 4>{}, at), at += 4;
    if (count - at >= 2) tile(std::integral_constant<int, 2>{}, at), at += 2;
    if (count - at >= 1) tile(std::integral_constant<int, 1>{}, at);
  });
}

}  // namespace
