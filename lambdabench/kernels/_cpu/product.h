// Projections of a map by 1 x 1 convolutions: the matrix product of a few positions at a time, whose results are used while they are
// in the cache. Positions are lanes and weights are read as they are given, so that nothing of them is packed.
#pragma once

#include "output.h"

namespace {

constexpr int64_t TILE = LANES == 16 ? 8 : 4;   // channels whose sums fit the registers, with three vectors of positions each
constexpr int64_t ACROSS = 3 * LANES;           // positions in lanes
constexpr int64_t FEW = LANES / 4;              // positions beside them, for which a vector would be too much
constexpr int64_t AT_ONCE = ACROSS + FEW;       // positions that are projected before they are used
constexpr int64_t PITCH = ACROSS + LANES;       // from a channel of a block of them to the next

// Weights [channels][depth] of one projection, with a norm's scale and shift [channels], or null
struct Weights {
  const float* numbers;
  int64_t channels;
  const float *scale, *shift;
};

// A few positions of a map: [depth][ACROSS] in lanes, and [FEW][depth] beside them. Where channels come first, whoever reads them first
// puts the first `waiting` rows in lanes.
struct Patch {
  int64_t depth, vectors = 0, few = 0;
  Room across, beside;
  const float* map = nullptr;
  int64_t positions = 0, waiting = 0;
  bool more = false;  // positions behind these
  explicit Patch(int64_t d) : depth(d), across(room(d * ACROSS)), beside(room(FEW * d)) {}

  // Positions `first` to `first + count` of map [depth][positions] or, channels last, [positions][depth]
  void take(const float* from, int64_t all, bool channels_first, int64_t first, int64_t count) {
    few = count % LANES <= FEW ? count % LANES : 0;
    const int64_t lanes = count - few;
    vectors = (lanes + LANES - 1) / LANES;
    if (channels_first) return take_channels(from, all, first, lanes);
    for (int64_t j = 0; lanes % LANES && j < depth; ++j) store(&across[j * ACROSS + (vectors - 1) * LANES], Vec{});
    take_positions(from + first * depth, lanes);
  }

 private:
  void take_channels(const float* from, int64_t all, int64_t first, int64_t lanes) {
    map = from + first, positions = all;
    for (int64_t j = 0; j < depth; ++j)
      for (int64_t i = 0; i < few; ++i) beside[i * depth + j] = map[j * positions + lanes + i];
    const int64_t over = std::max<int64_t>(0, first + vectors * LANES - all);
    waiting = std::max<int64_t>(0, depth - (over + all - 1) / all);  // whole vectors of the others would end behind the map
    for (int64_t j = waiting; j < depth; ++j) {
      float* to = &across[j * ACROSS];
      std::fill(std::copy_n(map + j * positions, lanes, to), to + vectors * LANES, 0.0f);
    }
    more = first + lanes + few < all;
  }

  void take_positions(const float* from, int64_t lanes) {
    for (int64_t i = 0; i < lanes; i += LANES) turn_all(from + i * depth, depth, std::min(LANES, lanes - i), across.get() + i, depth, ACROSS);
    std::copy_n(from + lanes * depth, few * depth, beside.get());
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

// ROWS channels of the positions in lanes: out [ROWS][PITCH]
template <int ROWS, int VECTORS>
void project_across(const float* weights, Patch& patch, const float* scale, const float* shift, float* out) {
  const int64_t depth = patch.depth, waiting = patch.waiting;
  Vec sum[ROWS][VECTORS] = {};
  const auto add = [&](int64_t j, const Vec* row) LAMBDA_INLINE {
    UNROLLED for (int r = 0; r < ROWS; ++r) {
      const Vec one = all(weights[r * depth + j]);
      UNROLLED for (int i = 0; i < VECTORS; ++i) sum[r][i] += one * row[i];
    }
  };
  int64_t j = 0;
  float* x = patch.across.get();
  for (const float* from = patch.map; j < waiting; ++j, x += ACROSS, from += patch.positions) {
    Vec row[VECTORS];
    UNROLLED for (int i = 0; i < VECTORS; ++i) row[i] = load(from + i * LANES), store(x + i * LANES, row[i]);
    if (patch.more) UNROLLED for (int i = 0; i < VECTORS; ++i) __builtin_prefetch(from + ACROSS + i * LANES, 0, 2);
    add(j, row);
  }
  patch.waiting = 0;
  for (; j < depth; ++j, x += ACROSS) {
    Vec row[VECTORS];
    UNROLLED for (int i = 0; i < VECTORS; ++i) row[i] = load(x + i * LANES);
    add(j, row);
  }
  UNROLLED for (int r = 0; r < ROWS; ++r)
    UNROLLED for (int i = 0; i < VECTORS; ++i)
      store(out + r * PITCH + i * LANES, scale ? sum[r][i] * all(scale[r]) + all(shift[r]) : sum[r][i]);
}

// ROWS channels of a position: out at steps of PITCH
template <int ROWS>
void project_beside(const float* weights, const float* x, int64_t depth, const float* scale, const float* shift, float* out) {
  Vec sum[ROWS] = {};
  int64_t j = 0;
  for (; j + LANES <= depth; j += LANES) {
    const Vec one = load(x + j);
    UNROLLED for (int r = 0; r < ROWS; ++r) sum[r] += one * load(weights + r * depth + j);
  }
  UNROLLED for (int r = 0; r < ROWS; ++r) {
    float found = total(sum[r]);
    for (int64_t rest = j; rest < depth; ++rest) found += x[rest] * weights[r * depth + rest];
    out[r * PITCH] = scale ? found * scale[r] + shift[r] : found;
  }
}

// out [channels][PITCH] of a patch
void project(const Weights& weights, Patch& patch, float* out) {
  const int64_t depth = patch.depth;
  auto rows = [&](auto n, int64_t c) {
    constexpr int ROWS = decltype(n)::value;
    const float *from = weights.numbers + c * depth, *scale = weights.scale ? weights.scale + c : nullptr, *shift = weights.shift + c;
    float* to = out + c * PITCH;
    if (patch.vectors == 3) project_across<ROWS, 3>(from, patch, scale, shift, to);
    else if (patch.vectors == 2) project_across<ROWS, 2>(from, patch, scale, shift, to);
    else if (patch.vectors == 1) project_across<ROWS, 1>(from, patch, scale, shift, to);
    to += patch.vectors * LANES;
    for (int64_t i = 0; i < patch.few; ++i) project_beside<ROWS>(from, &patch.beside[i * depth], depth, scale, shift, to + i);
  };
  int64_t c = 0;
  for (; weights.channels - c >= TILE; c += TILE) rows(std::integral_constant<int, TILE>{}, c);
  if (TILE > 4 && weights.channels - c >= 4) rows(std::integral_constant<int, 4>{}, c), c += 4;
  for (; weights.channels - c >= 2; c += 2) rows(std::integral_constant<int, 2>{}, c);
  if (weights.channels - c >= 1) rows(std::integral_constant<int, 1>{}, c);
}

}  // namespace
