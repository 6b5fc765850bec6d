// The backward pass by Fourier transforms. With D the spectrum of the gradients of lambdas k + i (k + 1), P that of their embeddings
// and V that of the values, all of one map: gradients of the values are Re of the inverse of sum D conj(P), those of the
// embeddings k + i (k + 1) the inverse at -f of conj(V) D summed over channels, those of content lambdas are D at 0, and queries
// meet the lambdas made again.
#pragma once

#include "transform.h"

namespace {

// One image's side of the backward pass: [positions][h][k], [k][v_pitch] or null, [positions][v_pitch], [positions][h][v_pitch]
struct ImageBack {
  const float *queries, *content, *values, *d_y;
  float *d_queries, *d_content, *d_values;
};

// What a thread needs, in one piece of memory: beside a bench half a spectrum of the gradients of the values, a column of one, and
// grouped queries, which become their gradients
struct BenchBack {
  Bench bench;
  float *sum, *column, *queries;
  BenchBack(const Shape& s, const Spectra& e)
      : bench(s, e, (e.along().length() / 2 + 2) * (e.down().length() + 1) * ONE + rounded(e.pairs() * 2 * s.height * s.width * s.h)),
        sum(bench.behind),
        column(sum + bench.half),
        queries(column + bench.column) {}
};

#if defined(__GNUC__) && !defined(__clang__)
// Sums of two vectors each, in lanes without STEP and with it
template <int64_t STEP>
inline LAMBDA_INLINE Vec folded(Vec a, Vec b) {
  Whole kept, crossed;
  for (int64_t j = 0; j < LANES; ++j) {
    kept[j] = static_cast<int32_t>((j & STEP) ? LANES + j : j);
    crossed[j] = static_cast<int32_t>((j & STEP) ? LANES + j - STEP : j + STEP);
  }
  return __builtin_shuffle(a, b, kept) + __builtin_shuffle(a, b, crossed);
}
template <int64_t STEP>
inline LAMBDA_INLINE void fold(Vec* v) {
  unrolled<static_cast<int>(LANES / 2 / STEP)>([&](auto i) LAMBDA_INLINE { v[i] = folded<STEP>(v[2 * i], v[2 * i + 1]); });
  if constexpr (2 * STEP < LANES) fold<2 * STEP>(v);
}
// The totals of LANES vectors
inline LAMBDA_INLINE Vec totals(Vec* v) {
  fold<1>(v);
  return v[0];
}
#else
inline Vec totals(Vec* v) {
  Vec found;
  for (int64_t i = 0; i < LANES; ++i) found[i] = total(v[i]);
  return found;
}
#endif

// Of a row: queries [x][h][2 COUNT] become their gradients and lambdas, bench.rows, theirs; d_y [x][h]
template <int COUNT>
void meet_back(const Shape& s, const float* d_y, const Bench& bench, float* queries) {
  constexpr int64_t HEADS = LANES / (2 * COUNT);
  for (int64_t x = 0; x < s.width; ++x) {
    Vec lambdas[2 * COUNT], found[2 * COUNT] = {};
    float* at = bench.rows + x * ONE;
    unrolled<2 * COUNT>([&](auto i) LAMBDA_INLINE { lambdas[i] = load(at + i / 2 * bench.row + i % 2 * LANES); });
    for (int64_t head = 0; head < s.h; head += HEADS, queries += 2 * COUNT * HEADS, d_y += HEADS * s.v_pitch) {
      Vec product[LANES] = {};
      auto of_head = [&](auto one) LAMBDA_INLINE {
        const Vec d = load(d_y + one * s.v_pitch);
        unrolled<2 * COUNT>([&](auto i) LAMBDA_INLINE {
          product[one * 2 * COUNT + i] = d * lambdas[i];
          found[i] += d * all(queries[one * 2 * COUNT + i]);
        });
      };
      if (head + HEADS <= s.h) {
        unrolled<HEADS>(of_head);
        store(queries, totals(product));
        continue;
      }
      const int64_t rest = s.h - head;
      for (int64_t one = 0; one < rest; ++one) of_head(one);
      const Vec some = totals(product);
      for (int64_t i = 0; i < rest * 2 * COUNT; ++i) queries[i] = some[i];
      queries += (rest - HEADS) * 2 * COUNT, d_y += (rest - HEADS) * s.v_pitch;
    }
    unrolled<2 * COUNT>([&](auto i) LAMBDA_INLINE { store(at + i / 2 * bench.row + i % 2 * LANES, found[i]); });
  }
}

// Rows of lambdas of a group to those of their gradients, transformed along x
void rows_back(const Shape& s, const Spectra& e, const ImageBack& image, int64_t pair, int64_t count, int64_t vector,
               const BenchBack& b) {
  const Bench& bench = b.bench;
  for (int64_t row = 0; row < s.height; ++row) {
    const int64_t place = (pair * 2 * s.height * s.width + row * s.width * 2 * count) * s.h;
    const float* d_y = image.d_y + row * s.width * s.h * s.v_pitch + vector;
    for (int64_t i = 0; i < count; ++i) row_of_lambdas(s, e, i, row, bench);
    count == GROUP ? meet_back<GROUP>(s, d_y, bench, b.queries + place) : meet_back<1>(s, d_y, bench, b.queries + place);
    for (int64_t i = 0; i < count; ++i) {
      const float* from = bench.rows + i * bench.row;
      float* to = bench.lambdas + i * bench.map + row * bench.row;
      e.along().run(Way::FORWARD, bench.line, from, ONE, s.width, to, ONE, e.along().length());
    }
  }
}

// Of one x: b.column becomes D, b.sum takes D conj(P) (its conjugate at -y where MIRRORED) and `into` the totals of conj(V) D
template <bool MIRRORED>
void column_back(const Shape& s, const Spectra& e, int64_t pair, int64_t x, const float* gradients, const BenchBack& b,
                 float* into) {
  constexpr int64_t HALF = LANES / 2, sign = MIRRORED ? -1 : 1;
  const Bench& bench = b.bench;
  const int64_t height = e.down().length(), width = e.along().length(), place = e.place(pair, x);
  const int64_t from = MIRRORED ? (width - x) * bench.column + height * ONE : x * bench.column;
  const float *re = e.of(pair, x), *im = re + e.pitch(), *values = bench.values + from;
  float *d = b.column, *sum = b.sum + from;
  e.down().run(Way::FORWARD, bench.line, gradients + x * ONE, bench.row, s.height, d, ONE, height);
  into += place;
  for (int64_t y = 0; y < height; y += HALF, into += LANES) {
    Vec product[LANES];
    unrolled<HALF>([&](auto i) LAMBDA_INLINE {
      float* to = sum + sign * (y + i) * ONE;
      const Complex z = load_complex(d + (y + i) * ONE), v = load_complex(values + sign * (y + i) * ONE);
      const Complex more = times_conjugate(z, re[y + i], im[y + i]);
      if constexpr (MIRRORED) {
        store_complex(to, {load(to) + more.re, load(to + LANES) - more.im});
        product[i] = v.re * z.re - v.im * z.im, product[HALF + i] = v.re * z.im + v.im * z.re;
      } else {
        store_complex(to, load_complex(to) + more);
        product[i] = v.re * z.re + v.im * z.im, product[HALF + i] = v.re * z.im - v.im * z.re;
      }
    });
    store(into, load(into) + totals(product));
  }
  if constexpr (MIRRORED) {  // y = 0 is at both ends of a column
    float* first = b.sum + (width - x) * bench.column;
    store_complex(first, load_complex(first) + load_complex(sum));
    store_complex(sum, {Vec{}, Vec{}});
  }
}

// Gradients of the values from half the spectrum of them
void values_back(const Shape& s, const Spectra& e, const ImageBack& image, int64_t vector, const BenchBack& b) {
  const Bench& bench = b.bench;
  const int64_t width = e.along().length();
  for (int64_t x = 0; x <= width / 2; ++x) {
    const float* from = b.sum + x * bench.column;
    e.down().run(Way::INVERSE, bench.line, from, ONE, e.down().length(), bench.lambdas + x * ONE, bench.row, s.rows);
  }
  for (int64_t y = 0; y < s.rows; ++y) {
    const float* from = bench.lambdas + y * bench.row;
    float* to = image.d_values + y * s.columns * s.v_pitch + vector;
    e.along().run(Way::INVERSE, bench.line, from, ONE, width / 2 + 1, bench.rows, ONE, s.columns);
    for (int64_t x = 0; x < s.columns; ++x) store(to + x * s.v_pitch, load(bench.rows + x * ONE));
  }
}

// d_queries += what is in groups
void ungroup(const Shape& s, const float* grouped, float* d_queries) {
  const int64_t n = s.height * s.width, pairs = (s.k + 1) / 2, of_group = 2 * GROUP * n * s.h;
  for (int64_t at = 0; are_fours(s) && at < n; ++at)
    for (int64_t head = 0; head < s.h; head += 4)
      for (int64_t k = 0; k < s.k; k += 16)
        exchange_fours<true>(grouped + k / 4 * of_group + (at * s.h + head) * 4, of_group, d_queries + (at * s.h + head) * s.k + k, s.k);
  for (int64_t at = 0; !are_fours(s) && at < n; ++at)
    for (int64_t pair = 0; pair < pairs; pair += GROUP) {
      const int64_t count = 2 * std::min(GROUP, pairs - pair), whole = std::min(count, s.k - 2 * pair);
      const float* from = grouped + (pair * 2 * n + at * count) * s.h;
      for (int64_t head = 0; head < s.h; ++head, from += count) {
        float* to = d_queries + (at * s.h + head) * s.k + 2 * pair;
        for (int64_t i = 0; i < whole; ++i) to[i] += from[i];
      }
    }
}

// Adds what LANES channels from `vector` on give; into spectra as Spectra::add_gradients takes them
void transform_back(const Shape& s, const Spectra& e, const ImageBack& image, int64_t vector, const BenchBack& b, float* into) {
  const Bench& bench = b.bench;
  const int64_t width = e.along().length();
  group_queries(s, {image.queries, nullptr, nullptr}, 0, s.height * s.width, b.queries);
  transform_values(s, e, image.values + vector, bench);
  std::fill_n(b.sum, bench.half, 0.0f);
  for (int64_t pair = 0; pair < e.pairs(); pair += GROUP) {
    const int64_t count = std::min(GROUP, e.pairs() - pair);
    group_of_lambdas(s, e, pair, count, ALL, image.content ? image.content + vector : nullptr, bench);
    rows_back(s, e, image, pair, count, vector, b);
    for (int64_t x = 0; x <= width / 2; ++x)
      for (int64_t i = 0; i < count; ++i) {
        const float* gradients = bench.lambdas + i * bench.map;
        column_back<false>(s, e, pair + i, x, gradients, b, into);
        if (!x && image.content) {
          const int64_t k = 2 * (pair + i);
          store(image.d_content + k * s.v_pitch + vector, load(b.column));
          if (k + 1 < s.k) store(image.d_content + (k + 1) * s.v_pitch + vector, load(b.column + LANES));
        }
        if (x && 2 * x < width) column_back<true>(s, e, pair + i, width - x, gradients, b, into);
      }
  }
  values_back(s, e, image, vector, b);
  ungroup(s, b.queries, image.d_queries);
}

}  // namespace
