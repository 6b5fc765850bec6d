// Vectors of float32, and sizes of a layer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "room.h"
#include "threads.h"

#define LAMBDA_INLINE __attribute__((always_inline))

namespace {

#if defined(__AVX512F__)
constexpr int64_t LANES = 16;
#elif defined(__AVX__)
constexpr int64_t LANES = 8;
#else
constexpr int64_t LANES = 4;
#endif
typedef float Vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t Whole __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
inline Vec all(float x) { return x - Vec{}; }
inline Vec greater(Vec a, Vec b) { return a > b ? a : b; }
inline int64_t rounded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

inline float total(const Vec& v) {
  typedef float Four __attribute__((vector_size(4 * sizeof(float)), aligned(4), may_alias));
  const Four* parts = reinterpret_cast<const Four*>(&v);
  Four sum = parts[0];
  for (int64_t i = 1; i < LANES / 4; ++i) sum += parts[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

inline float greatest(const Vec& v) {
  typedef float Four __attribute__((vector_size(4 * sizeof(float)), aligned(4), may_alias));
  const Four* parts = reinterpret_cast<const Four*>(&v);
  Four most = parts[0];
  for (int64_t i = 1; i < LANES / 4; ++i) most = parts[i] > most ? parts[i] : most;
  return std::max(std::max(most[0], most[1]), std::max(most[2], most[3]));
}

// Lanes of two vectors, numbered one after the other: Order::of(i) is what lane i takes
template <class Order, int... I>
inline Vec picked(const Vec& a, const Vec& b, std::integer_sequence<int, I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, Order::of(I)...);
#else
  return __builtin_shuffle(a, b, Whole{Order::of(I)...});
#endif
}
template <class Order>
inline Vec pick(const Vec& a, const Vec& b) {
  return picked<Order>(a, b, std::make_integer_sequence<int, static_cast<int>(LANES)>{});
}

// e^x for x <= 0, relative error 2e-7: 2^n times a polynomial (Cephes, S. Moshier); what is no number stays none
inline Vec exponential(Vec x) {
  x = greater(all(-87.0f), x);
  const Vec magic = all(12582912.0f), n = (x * all(1.44269504f) + magic) - magic;
  const Vec r = (x - n * all(0.693359375f)) + n * all(2.12194440e-4f);
  Vec p = all(1.9875691500e-4f) * r + all(1.3981999507e-3f);
  p = p * r + all(8.3334519073e-3f);
  p = p * r + all(4.1665795894e-2f);
  p = p * r + all(1.6666665459e-1f);
  p = p * r + all(5.0000001201e-1f);
  p = p * r * r + r + all(1.0f);
  const Whole bits = (__builtin_convertvector(n, Whole) + 127) << 23;
  Vec power;
  std::memcpy(&power, &bits, sizeof(power));
  return p * power;
}

struct Shape {
  int64_t b, height, width, rows, columns;  // queries' map, context's map
  int64_t h, k, u, v;                       // heads, key depth, intra-depth, value depth
  int64_t r_y, r_x;                         // scope
  int64_t pitch, taps;                      // a row of the window and all of it, in the table and in weights, with room behind
  int64_t v_pitch;                          // a position's values, whole vectors
};

// [count][from] to [count][to], zeros behind
std::vector<float> widened(const float* source, int64_t count, int64_t from, int64_t to) {
  std::vector<float> wide(count * to + 4 * LANES, 0.0f);
  for (int64_t i = 0; i < count; ++i) std::memcpy(&wide[i * to], source + i * from, from * sizeof(float));
  return wide;
}

// [count][from] to [count][to], what is behind left out
inline void narrow(const float* source, int64_t count, int64_t from, int64_t to, float* target) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(target + i * to, source + i * from, to * sizeof(float));
}

// Sum of a[i] b[i]
inline float dot(const float* a, const float* b, int64_t count) {
  Vec sum{};
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) sum += load(a + i) * load(b + i);
  float found = total(sum);
  for (; i < count; ++i) found += a[i] * b[i];
  return found;
}

// to = from * scale + shift, number by number; as they are without a scale. Nothing overlaps.
inline void fold(const float* from, int64_t count, const float* scale, const float* shift, float* to) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) store(to + i, scale ? load(from + i) * load(scale + i) + load(shift + i) : load(from + i));
  for (; i < count; ++i) to[i] = scale ? from[i] * scale[i] + shift[i] : from[i];
}

// Rows of numbers with whole vectors; the given ones where they are whole already, or absent.
struct Widened {
  std::vector<float> own;
  const float* numbers;
  Widened(const float* source, int64_t count, int64_t from, int64_t to) : numbers(source) {
    if (!source || from == to) return;
    own = widened(source, count, from, to);
    numbers = own.data();
  }
};

}  // namespace
