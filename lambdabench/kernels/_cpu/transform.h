// The forward pass by Fourier transforms, for scopes so wide that products of spectra need fewer operations. Lanes are channels;
// two lambdas, k and k + 1, are the real and the imaginary part of one inverse transform, whose last pass multiplies them with
// the queries, so that none is ever stored.
#pragma once

#include <numeric>

#include "direct.h"

namespace {

// Time of a step of a transform over that of a multiplication of the direct way, as measured.
constexpr double TRANSFORM_COST = 5.0;

struct Complex {
  Vec re, im;
};
inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex operator*(Complex a, float x) { return {a.re * all(x), a.im * all(x)}; }
inline Complex times(Complex a, float re, float im) {
  return {a.re * all(re) - a.im * all(im), a.re * all(im) + a.im * all(re)};
}
inline Complex times_i(Complex a) { return {-a.im, a.re}; }

// Sums of x with the roots of unity, e^(sign i 2 pi j t / RADIX), in place
template <int RADIX>
inline void butterfly(Complex* x, float sign) {
  if constexpr (RADIX == 2) {
    const Complex a = x[0], b = x[1];
    x[0] = a + b, x[1] = a - b;
  } else if constexpr (RADIX == 3) {
    const Complex sum = x[1] + x[2], apart = times_i(x[1] - x[2]) * (sign * 0.86602540378443865f), middle = x[0] - sum * 0.5f;
    x[0] = x[0] + sum, x[1] = middle + apart, x[2] = middle - apart;
  } else if constexpr (RADIX == 4) {
    const Complex a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = times_i(x[1] - x[3]) * sign;
    x[0] = a + c, x[1] = b + d, x[2] = a - c, x[3] = b - d;
  } else {
    constexpr float C1 = 0.30901699437494742f, C2 = -0.80901699437494742f, S1 = 0.95105651629515357f, S2 = 0.58778525229247313f;
    const Complex a = x[1] + x[4], b = x[2] + x[3];
    const Complex c = times_i(x[1] - x[4]) * sign, d = times_i(x[2] - x[3]) * sign;
    const Complex first = x[0] + a * C1 + b * C2, second = x[0] + a * C2 + b * C1;
    const Complex p = c * S1 + d * S2, q = c * S2 - d * S1;
    x[0] = x[0] + a + b;
    x[1] = first + p, x[4] = first - p, x[2] = second + q, x[3] = second - q;
  }
}

// Transforms of one length, by Stockham's sorted passes; no bit reversal.
class Line {
 public:
  explicit Line(int64_t length) : length_(length) {
    int64_t n = length;
    for (int64_t radix : {4, 2, 3, 5})
      for (; n % radix == 0; n /= radix) radices_.push_back(radix);
    n = length;
    for (int64_t radix : radices_) {
      const int64_t m = n / radix;
      for (int64_t p = 0; p < m; ++p)
        for (int64_t t = 1; t < radix; ++t) {
          const double angle = 2 * 3.14159265358979323846 * static_cast<double>(p * t) / static_cast<double>(n);
          twiddles_.push_back(static_cast<float>(std::cos(angle)));
          twiddles_.push_back(static_cast<float>(std::sin(angle)));
        }
      n = m;
    }
  }

  int64_t length() const { return length_; }

  // Of the numbers in `a`, with `b` as room: the answer is in the one returned. sign: -1 forward, 1 inverse (not scaled).
  Complex* run(Complex* a, Complex* b, float sign) const {
    int64_t n = length_, stride = 1;
    const float* twiddles = twiddles_.data();
    for (int64_t radix : radices_) {
      switch (radix) {
        case 2: pass<2>(a, b, n, stride, twiddles, sign); break;
        case 3: pass<3>(a, b, n, stride, twiddles, sign); break;
        case 4: pass<4>(a, b, n, stride, twiddles, sign); break;
        default: pass<5>(a, b, n, stride, twiddles, sign);
      }
      twiddles += 2 * (n / radix) * (radix - 1);
      n /= radix, stride *= radix;
      std::swap(a, b);
    }
    return a;
  }

 private:
  template <int RADIX>
  static void pass(const Complex* a, Complex* b, int64_t n, int64_t stride, const float* twiddles, float sign) {
    const int64_t m = n / RADIX;
    for (int64_t p = 0; p < m; ++p, twiddles += 2 * (RADIX - 1))
      for (int64_t q = 0; q < stride; ++q) {
        Complex x[RADIX];
        for (int j = 0; j < RADIX; ++j) x[j] = a[q + stride * (p + j * m)];
        butterfly<RADIX>(x, sign);
        b[q + stride * RADIX * p] = x[0];
        for (int t = 1; t < RADIX; ++t)
          b[q + stride * (RADIX * p + t)] = p ? times(x[t], twiddles[2 * t - 2], sign * twiddles[2 * t - 1]) : x[t];
      }
  }

  int64_t length_;
  std::vector<int64_t> radices_;
  std::vector<float> twiddles_;
};

// The smallest length with factors 2, 3 and 5 in which nothing wraps around.
inline int64_t length_for(int64_t least) {
  for (int64_t n = std::max<int64_t>(least, 2);; ++n) {
    int64_t rest = n;
    for (int64_t factor : {2, 3, 5})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return n;
  }
}

// Spectra of the position embeddings of one layer, and what transforms of its maps need; u = 1.
class Spectra {
 public:
  Spectra(const Shape& s, const float* table)
      : far_y_(reach(s.r_y, s.height, s.rows)),
        far_x_(reach(s.r_x, s.width, s.columns)),
        down_(length_for(std::max(s.height, s.rows) + far_y_)),
        along_(length_for(std::max(s.width, s.columns) + far_x_)),
        pairs_((s.k + 1) / 2),
        numbers_(2 * pairs_ * down_.length() * along_.length()) {
    for (int64_t first = 0; first < pairs_; first += LANES) transform_embeddings(s, table, first);
  }

  const Line& down() const { return down_; }
  const Line& along() const { return along_; }
  int64_t pairs() const { return pairs_; }
  int64_t numbers() const { return static_cast<int64_t>(numbers_.size()); }
  // [x][y] pairs of floats, of the lambdas 2 * pair and 2 * pair + 1
  const float* of(int64_t pair) const { return numbers_.data() + 2 * pair * down_.length() * along_.length(); }

  // d_table[k][tap] += what the gradients' spectra [pairs][x][y] are of
  void add_gradients(const Shape& s, const float* spectra, float* d_table, int64_t pitch, int64_t taps) const {
    const int64_t height = down_.length(), width = along_.length(), most = std::max(height, width);
    std::vector<Complex> map(height * width), line(2 * most);
    const float scale = 1.0f / static_cast<float>(height * width);
    for (int64_t first = 0; first < pairs_; first += LANES) {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t y = 0; y < height; ++y) {
          line[y] = {Vec{}, Vec{}};
          for (int64_t lane = 0; lane < LANES && first + lane < pairs_; ++lane) {
            const float* from = spectra + 2 * (((first + lane) * width + x) * height + y);
            line[y].re[lane] = from[0], line[y].im[lane] = from[1];
          }
        }
        const Complex* found = down_.run(line.data(), line.data() + most, 1.0f);
        for (int64_t y = 0; y < height; ++y) map[y * width + x] = found[y];
      }
      for (int64_t dy = -far_y_; dy <= far_y_; ++dy) {
        std::copy_n(&map[(height + dy) % height * width], width, line.data());
        const Complex* found = along_.run(line.data(), line.data() + most, 1.0f);
        for (int64_t dx = -far_x_; dx <= far_x_; ++dx)
          for (int64_t lane = 0; lane < LANES && first + lane < pairs_; ++lane) {
            const int64_t k = 2 * (first + lane), tap = (s.r_y / 2 + dy) * pitch + s.r_x / 2 + dx;
            const Complex& one = found[(width + dx) % width];
            d_table[k * taps + tap] += one.re[lane] * scale;
            if (k + 1 < s.k) d_table[(k + 1) * taps + tap] += one.im[lane] * scale;
          }
      }
    }
  }

 private:
  static int64_t reach(int64_t scope, int64_t one, int64_t other) { return std::min(scope / 2, std::max(one, other) - 1); }

  void transform_embeddings(const Shape& s, const float* table, int64_t first) {
    const int64_t height = down_.length(), width = along_.length(), most = std::max(height, width);
    std::vector<Complex> map(height * width, Complex{}), line(2 * most);
    for (int64_t dy = -far_y_; dy <= far_y_; ++dy)
      for (int64_t dx = -far_x_; dx <= far_x_; ++dx) {
        Complex& to = map[(height - dy) % height * width + (width - dx) % width];
        for (int64_t lane = 0; lane < LANES && first + lane < pairs_; ++lane) {
          const int64_t k = 2 * (first + lane), tap = (s.r_y / 2 + dy) * s.pitch + s.r_x / 2 + dx;
          to.re[lane] = table[k * s.taps + tap];
          if (k + 1 < s.k) to.im[lane] = table[(k + 1) * s.taps + tap];
        }
      }
    for (int64_t y = 0; y < height; ++y) {
      std::copy_n(&map[y * width], width, line.data());
      std::copy_n(along_.run(line.data(), line.data() + most, -1.0f), width, &map[y * width]);
    }
    const float scale = 1.0f / static_cast<float>(height * width);
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t y = 0; y < height; ++y) line[y] = map[y * width + x];
      const Complex* found = down_.run(line.data(), line.data() + most, -1.0f);
      for (int64_t y = 0; y < height; ++y)
        for (int64_t lane = 0; lane < LANES && first + lane < pairs_; ++lane) {
          float* to = &numbers_[2 * (((first + lane) * width + x) * height + y)];
          to[0] = found[y].re[lane] * scale;
          to[1] = found[y].im[lane] * scale;
        }
    }
  }

  int64_t far_y_, far_x_;
  Line down_, along_;
  int64_t pairs_;
  std::vector<float> numbers_;
};

// What a thread needs to transform maps.
struct Bench {
  std::vector<Complex> values, lambdas, line;
  explicit Bench(const Shape& s, const Spectra& e)
      : values(e.down().length() * e.along().length()),
        lambdas(std::max(s.height, s.rows) * e.along().length()),
        line(2 * std::max(e.down().length(), e.along().length())) {}
};

// Spectrum [x][y] of the values of LANES channels, values [rows][columns][v_pitch]
void transform_values(const Shape& s, const Spectra& e, const float* values, Bench& bench) {
  const int64_t height = e.down().length(), width = e.along().length();
  Complex *line = bench.line.data(), *room = line + std::max(height, width);
  for (int64_t y = 0; y < s.rows; ++y) {
    for (int64_t x = 0; x < s.columns; ++x) line[x] = {load(values + (y * s.columns + x) * s.v_pitch), Vec{}};
    std::fill_n(line + s.columns, width - s.columns, Complex{});
    const Complex* found = e.along().run(line, room, -1.0f);
    for (int64_t x = 0; x < width; ++x) bench.lambdas[y * width + x] = found[x];
  }
  for (int64_t x = 0; x < width; ++x) {
    for (int64_t y = 0; y < s.rows; ++y) line[y] = bench.lambdas[y * width + x];
    std::fill_n(line + s.rows, height - s.rows, Complex{});
    std::copy_n(e.down().run(line, room, -1.0f), height, &bench.values[x * height]);
  }
}

// Lambdas 2 pair and 2 pair + 1 of LANES channels but for the last pass, along rows: bench.lambdas [height][x]
void lambdas_of(const Shape& s, const Spectra& e, int64_t pair, Bench& bench) {
  const int64_t height = e.down().length(), width = e.along().length();
  Complex *line = bench.line.data(), *room = line + std::max(height, width);
  for (int64_t x = 0; x < width; ++x) {
    const float* spectrum = e.of(pair) + 2 * x * height;
    const Complex* values = &bench.values[x * height];
    for (int64_t i = 0; i < height; ++i) line[i] = times(values[i], spectrum[2 * i], spectrum[2 * i + 1]);
    const Complex* found = e.down().run(line, room, 1.0f);
    for (int64_t i = 0; i < s.height; ++i) bench.lambdas[i * width + x] = found[i];
  }
}

// y[position][h][v_pitch] += queries of lambdas 2 pair and 2 pair + 1 times these, for LANES channels; pairs of queries [n][h][2]
void add_pair(const Shape& s, const Spectra& e, int64_t pair, const float* queries, Bench& bench, float* y) {
  const int64_t width = e.along().length();
  Complex *line = bench.line.data(), *room = line + std::max(e.down().length(), width);
  lambdas_of(s, e, pair, bench);
  for (int64_t row = 0; row < s.height; ++row) {
    std::copy_n(&bench.lambdas[row * width], width, line);
    const Complex* found = e.along().run(line, room, 1.0f);
    for (int64_t x = 0; x < s.width; ++x) {
      const int64_t at = row * s.width + x;
      for (int64_t head = 0; head < s.h; ++head) {
        const float* q = queries + (at * s.h + head) * 2;
        float* to = y + (at * s.h + head) * s.v_pitch;
        store(to, load(to) + all(q[0]) * found[x].re + all(q[1]) * found[x].im);
      }
    }
  }
}

// Whether transforms need less time: multiplications of the window, cut at the borders, against passes over padded maps.
bool transforms_pay(const Shape& s) {
  if (s.u != 1 || s.h * s.k == 0) return false;
  double taps_y = 0, taps_x = 0;
  for (int64_t i = 0; i < s.height; ++i) {
    const Window w = window(s, i, 0);
    taps_y += static_cast<double>(w.bottom - w.top);
  }
  for (int64_t i = 0; i < s.width; ++i) {
    const Window w = window(s, 0, i);
    taps_x += static_cast<double>(w.right - w.left);
  }
  const double direct = taps_y * taps_x * static_cast<double>(s.h * (s.k + s.v_pitch));
  auto length = [](int64_t scope, int64_t one, int64_t other) {
    const int64_t side = std::max(one, other);
    return static_cast<double>(length_for(side + std::min(scope / 2, side - 1)));
  };
  const double height = length(s.r_y, s.height, s.rows), width = length(s.r_x, s.width, s.columns);
  const double passes = width * height * std::log2(height) + static_cast<double>(s.height) * width * std::log2(width);
  const double pairs = static_cast<double>((s.k + 1) / 2), vectors = static_cast<double>(s.v_pitch);
  const double embeddings = 2 * passes * pairs / static_cast<double>(s.b);
  return TRANSFORM_COST * (passes * vectors * (pairs + 1) + embeddings) < direct;
}

}  // namespace
