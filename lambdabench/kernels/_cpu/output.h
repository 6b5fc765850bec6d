// Where a finished image goes: a position's channels together, or a channel's positions together.
#pragma once

#include "shape.h"

#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 32")
#endif

namespace {

struct Output {
  float* y;             // of the image, [positions][h * v] or [h * v][positions]
  int64_t positions;    // of the image
  bool channels_first;
};

// Whether results may be written where they belong at once, without a copy.
inline bool in_place(const Shape& s, const Output& out) { return !out.channels_first && s.v == s.v_pitch; }

// What a lane keeps, and what it takes of the vector STEP rows further, where the bit STEP of lanes and of rows change places
template <int STEP, bool HIGH>
struct Exchanged {
  static constexpr int of(int j) { return (j & STEP) == (HIGH ? STEP : 0) ? j + (HIGH ? LANES : 0) : HIGH ? j + STEP : LANES + j - STEP; }
};

template <int STEP>
[[gnu::always_inline]] inline void exchange(Vec* rows) {
  UNROLLED for (int64_t i = 0; i < LANES; ++i)
    if (!(i & STEP)) {
      const Vec first = rows[i], second = rows[i + STEP];
      rows[i] = pick<Exchanged<STEP, false>>(first, second);
      rows[i + STEP] = pick<Exchanged<STEP, true>>(first, second);
    }
}

// to[j * to_pitch + i] = from[i * from_pitch + j], LANES x LANES
inline void turn(const float* from, int64_t from_pitch, float* to, int64_t to_pitch) {
  Vec rows[LANES];
  UNROLLED for (int64_t i = 0; i < LANES; ++i) rows[i] = load(from + i * from_pitch);
  exchange<1>(rows);
  exchange<2>(rows);
  if constexpr (LANES > 4) exchange<4>(rows);
  if constexpr (LANES > 8) exchange<8>(rows);
  UNROLLED for (int64_t i = 0; i < LANES; ++i) store(to + i * to_pitch, rows[i]);
}

// to[column][row] = from[row][column]; what is left of whole vectors is turned with some before once more
inline void turn_all(const float* from, int64_t columns, int64_t rows, float* to, int64_t from_pitch, int64_t to_pitch) {
  int64_t row = 0;
  for (; row < rows && rows >= LANES; row += LANES) {
    row = std::min(row, rows - LANES);
    int64_t at = 0;
    for (; at < columns && columns >= LANES; at += LANES) {
      at = std::min(at, columns - LANES);
      turn(from + row * from_pitch + at, from_pitch, to + at * to_pitch + row, to_pitch);
    }
    for (; at < columns; ++at)
      for (int64_t i = 0; i < LANES; ++i) to[at * to_pitch + row + i] = from[(row + i) * from_pitch + at];
  }
  for (; row < rows; ++row)
    for (int64_t at = 0; at < columns; ++at) to[at * to_pitch + row] = from[row * from_pitch + at];
}

// Asks for the memory of positions `first` to `first + count`, which are far apart where channels come first
inline void expect(const Shape& s, const Output& out, int64_t first, int64_t count) {
  constexpr int64_t LINE = 16;
  if (!out.channels_first) return;
  for (int64_t c = 0; c < s.h * s.v; ++c)
    for (int64_t i = 0; i < count; i += LINE) __builtin_prefetch(out.y + c * out.positions + first + i, 1, 2);
}

// Puts positions `first` to `first + count` of an image where they belong; wide [count][h][v_pitch]
void put(const Shape& s, const Output& out, const float* wide, int64_t first, int64_t count) {
  const int64_t width = s.h * s.v_pitch;
  for (int64_t head = 0; head < s.h; ++head) {
    const float* from = wide + head * s.v_pitch;
    if (!out.channels_first) {
      for (int64_t i = 0; i < count; ++i)
        std::memcpy(out.y + ((first + i) * s.h + head) * s.v, from + i * width, s.v * sizeof(float));
      continue;
    }
    float* to = out.y + head * s.v * out.positions + first;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
      int64_t j = 0;
      for (; j + LANES <= s.v; j += LANES) turn(from + i * width + j, width, to + j * out.positions + i, out.positions);
      for (; j < s.v; ++j)
        for (int64_t l = 0; l < LANES; ++l) to[j * out.positions + i + l] = from[(i + l) * width + j];
    }
    if (i < count && count >= LANES && s.v == s.v_pitch)
      for (int64_t j = 0; j < s.v; j += LANES)
        turn(from + (count - LANES) * width + j, width, to + j * out.positions + count - LANES, out.positions), i = count;
    for (; i < count; ++i)
      for (int64_t j = 0; j < s.v; ++j) to[j * out.positions + i] = from[i * width + j];
  }
}

}  // namespace
