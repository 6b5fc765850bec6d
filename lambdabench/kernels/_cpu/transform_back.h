// The backward pass by Fourier transforms. With D the spectrum of the gradients of lambdas k + i (k + 1), P that of their embeddings
// and V that of the values, all of one map: gradients of the values are Re of the inverse of sum D conj(P), those of the
// embeddings k + i (k + 1) the inverse of V(f) D(-f) summed over channels, and queries meet the lambdas made again.
#pragma once

#include "transform.h"

namespace {

// One image's side of the backward pass: [positions][h][k], [k][v_pitch] or null, [positions][v_pitch], [positions][h][v_pitch]
struct ImageBack {
  const float *queries, *content, *values, *d_y;
  float *d_queries, *d_content, *d_values;
};

inline Complex times_conjugate(Complex a, float re, float im) {
  return {a.re * all(re) + a.im * all(im), a.im * all(re) - a.re * all(im)};
}

// A position's gradients of lambdas k and k + 1, and its share of those of the queries
inline Complex meet(const Shape& s, const ImageBack& image, int64_t at, int64_t k, Complex lambdas, int64_t vector) {
  const bool both = k + 1 < s.k;
  Complex found{Vec{}, Vec{}};
  for (int64_t head = 0; head < s.h; ++head) {
    const int64_t place = (at * s.h + head) * s.k + k;
    const Vec d = load(image.d_y + (at * s.h + head) * s.v_pitch + vector);
    image.d_queries[place] += total(d * lambdas.re);
    found.re += d * all(image.queries[place]);
    if (!both) continue;
    image.d_queries[place + 1] += total(d * lambdas.im);
    found.im += d * all(image.queries[place + 1]);
  }
  return found;
}

// Adds what LANES channels from `vector` on give; `sum` is as large as bench.values, into [pairs][x][y] complex numbers
void transform_back(const Shape& s, const Spectra& e, const ImageBack& image, int64_t vector, Bench& bench, std::vector<Complex>& sum,
                    float* into) {
  const int64_t height = e.down().length(), width = e.along().length();
  Complex *line = bench.line.data(), *room = line + std::max(height, width);
  transform_values(s, e, image.values + vector, bench);
  std::fill(sum.begin(), sum.end(), Complex{});
  for (int64_t pair = 0; pair < e.pairs(); ++pair) {
    const int64_t k = 2 * pair;
    const bool both = k + 1 < s.k;
    Complex content{Vec{}, Vec{}}, d_content = content;
    if (image.content) {
      content.re = load(image.content + k * s.v_pitch + vector);
      if (both) content.im = load(image.content + (k + 1) * s.v_pitch + vector);
    }
    lambdas_of(s, e, pair, bench);
    for (int64_t row = 0; row < s.height; ++row) {
      std::copy_n(&bench.lambdas[row * width], width, line);
      Complex* found = e.along().run(line, room, 1.0f);
      for (int64_t x = 0; x < s.width; ++x) {
        found[x] = meet(s, image, row * s.width + x, k, found[x] + content, vector);
        d_content = d_content + found[x];
      }
      std::fill_n(found + s.width, width - s.width, Complex{});
      std::copy_n(e.along().run(found, found == line ? room : line, -1.0f), width, &bench.lambdas[row * width]);
    }
    if (image.content) {
      store(image.d_content + k * s.v_pitch + vector, d_content.re);
      if (both) store(image.d_content + (k + 1) * s.v_pitch + vector, d_content.im);
    }
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t y = 0; y < s.height; ++y) line[y] = bench.lambdas[y * width + x];
      std::fill_n(line + s.height, height - s.height, Complex{});
      const Complex* d = e.down().run(line, room, -1.0f);
      const float* spectrum = e.of(pair) + 2 * x * height;
      const int64_t across = (width - x) % width;
      float* to = into + 2 * (pair * width + across) * height;
      for (int64_t y = 0; y < height; ++y) {
        sum[x * height + y] = sum[x * height + y] + times_conjugate(d[y], spectrum[2 * y], spectrum[2 * y + 1]);
        const int64_t back = (height - y) % height;
        const Complex v = bench.values[across * height + back];
        to[2 * back] += total(v.re * d[y].re - v.im * d[y].im);
        to[2 * back + 1] += total(v.re * d[y].im + v.im * d[y].re);
      }
    }
  }
  for (int64_t x = 0; x < width; ++x) {
    std::copy_n(&sum[x * height], height, line);
    const Complex* found = e.down().run(line, room, 1.0f);
    for (int64_t y = 0; y < s.rows; ++y) bench.lambdas[y * width + x] = found[y];
  }
  for (int64_t y = 0; y < s.rows; ++y) {
    std::copy_n(&bench.lambdas[y * width], width, line);
    const Complex* found = e.along().run(line, room, 1.0f);
    for (int64_t x = 0; x < s.columns; ++x) store(image.d_values + (y * s.columns + x) * s.v_pitch + vector, found[x].re);
  }
}

}  // namespace
