// Fourier transforms along a line, lanes side by side: a first pass of radix 8, then mostly one more, each read from where its
// numbers are and put where they belong. Butterflies of 2, 3, 5 and 7 with fused multiplications; 6 and 10 by the rule of Good and
// Thomas, 8 and 9 by that of Cooley and Tukey.
#pragma once

#include <array>
#include <utility>

#include "shape.h"

namespace {

// A complex number of each lane, and its floats
struct Complex {
  Vec re, im;
};
constexpr int64_t ONE = 2 * LANES;

inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex load_complex(const float* p) { return {load(p), load(p + LANES)}; }
inline void store_complex(float* p, Complex z) { store(p, z.re), store(p + LANES, z.im); }
inline Complex times(Complex a, float x) { return {a.re * all(x), a.im * all(x)}; }
inline Complex times(Complex a, float re, float im) {
  return {a.re * all(re) - a.im * all(im), a.re * all(im) + a.im * all(re)};
}
inline Complex times_conjugate(Complex a, float re, float im) {
  return {a.re * all(re) + a.im * all(im), a.im * all(re) - a.re * all(im)};
}
// a + b x, a + i b x and a - i b x
inline Complex plus(Complex a, Complex b, float x) { return {a.re + b.re * all(x), a.im + b.im * all(x)}; }
inline Complex plus_i(Complex a, Complex b) { return {a.re - b.im, a.im + b.re}; }
inline Complex minus_i(Complex a, Complex b) { return {a.re + b.im, a.im - b.re}; }
inline Complex plus_i(Complex a, Complex b, float x) { return {a.re - b.im * all(x), a.im + b.re * all(x)}; }
inline Complex minus_i(Complex a, Complex b, float x) { return {a.re + b.im * all(x), a.im - b.re * all(x)}; }

// part(integral_constant i) for i below COUNT, written out
template <class Part, int... AT>
inline LAMBDA_INLINE void in_turn(const Part& part, std::integer_sequence<int, AT...>) {
  (part(std::integral_constant<int, AT>{}), ...);
}
template <int COUNT, class Part>
inline LAMBDA_INLINE void unrolled(const Part& part) {
  in_turn(part, std::make_integer_sequence<int, COUNT>{});
}

// Sums of x with the roots of unity, e^(i 2 pi j t / RADIX), in place
template <int RADIX>
struct Butterfly;

template <>
struct Butterfly<2> {
  static LAMBDA_INLINE void run(Complex* x) {
    const Complex a = x[0], b = x[1];
    x[0] = a + b, x[1] = a - b;
  }
};

template <>
struct Butterfly<3> {
  static LAMBDA_INLINE void run(Complex* x) {
    const Complex sum = x[1] + x[2], apart = x[1] - x[2], middle = plus(x[0], sum, -0.5f);
    x[0] = x[0] + sum;
    x[1] = plus_i(middle, apart, 0.86602540378443865f), x[2] = minus_i(middle, apart, 0.86602540378443865f);
  }
};

template <>
struct Butterfly<4> {
  static LAMBDA_INLINE void run(Complex* x) {
    const Complex a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = x[1] - x[3];
    x[0] = a + c, x[1] = plus_i(b, d), x[2] = a - c, x[3] = minus_i(b, d);
  }
};

template <>
struct Butterfly<5> {
  static LAMBDA_INLINE void run(Complex* x) {
    constexpr float C1 = 0.30901699437494742f, C2 = -0.80901699437494742f, S1 = 0.95105651629515357f, RATIO = 0.61803398874989485f;
    const Complex a = x[1] + x[4], b = x[2] + x[3], c = x[1] - x[4], d = x[2] - x[3];
    const Complex first = plus(plus(x[0], a, C1), b, C2), second = plus(plus(x[0], a, C2), b, C1);
    const Complex p = plus(c, d, RATIO), q = plus(Complex{-d.re, -d.im}, c, RATIO);
    x[0] = x[0] + (a + b);
    x[1] = plus_i(first, p, S1), x[4] = minus_i(first, p, S1);
    x[2] = plus_i(second, q, S1), x[3] = minus_i(second, q, S1);
  }
};

template <>
struct Butterfly<7> {
  static LAMBDA_INLINE void run(Complex* x) {
    constexpr float C1 = 0.62348980185873353f, C2 = -0.22252093395631440f, C3 = -0.90096886790241913f;
    constexpr float S1 = 0.78183148246802981f, S2 = 0.97492791218182361f, S3 = 0.43388373911755812f;
    const Complex a = x[1] + x[6], b = x[2] + x[5], c = x[3] + x[4], zero = {Vec{}, Vec{}};
    const Complex d = x[1] - x[6], e = x[2] - x[5], f = x[3] - x[4], first = x[0];
    auto pair = [&](int t, float c1, float c2, float c3, float s1, float s2, float s3) LAMBDA_INLINE {
      const Complex even = plus(plus(plus(first, a, c1), b, c2), c, c3), odd = plus(plus(plus(zero, d, s1), e, s2), f, s3);
      x[t] = plus_i(even, odd), x[7 - t] = minus_i(even, odd);
    };
    x[0] = (first + a) + (b + c);
    pair(1, C1, C2, C3, S1, S2, S3);
    pair(2, C2, C3, C1, S2, -S3, -S1);
    pair(3, C3, C1, C2, S3, -S1, S2);
  }
};

// RADIX = 2 * HALF with HALF odd: t = HALF (t mod 2) + (HALF + 1) (t mod HALF), no factors between
template <int HALF>
struct Doubled {
  static LAMBDA_INLINE void run(Complex* x) {
    Complex a[HALF], b[HALF];
    unrolled<HALF>([&](auto j) LAMBDA_INLINE { a[j] = x[2 * j], b[j] = x[(HALF + 2 * j) % (2 * HALF)]; });
    Butterfly<HALF>::run(a);
    Butterfly<HALF>::run(b);
    unrolled<HALF>([&](auto j) LAMBDA_INLINE {
      x[(HALF + 1) * j % (2 * HALF)] = a[j] + b[j], x[(HALF + (HALF + 1) * j) % (2 * HALF)] = a[j] - b[j];
    });
  }
};
template <>
struct Butterfly<6> : Doubled<3> {};
template <>
struct Butterfly<10> : Doubled<5> {};

template <>
struct Butterfly<8> {
  static LAMBDA_INLINE void run(Complex* x) {
    constexpr float ROOT = 0.70710678118654752f;
    Complex a[4] = {x[0], x[2], x[4], x[6]}, b[4] = {x[1], x[3], x[5], x[7]};
    Butterfly<4>::run(a);
    Butterfly<4>::run(b);
    const Complex first = plus_i(b[1], b[1]), third = minus_i(b[3], b[3]);
    x[0] = a[0] + b[0], x[4] = a[0] - b[0];
    x[1] = plus(a[1], first, ROOT), x[5] = plus(a[1], first, -ROOT);
    x[2] = plus_i(a[2], b[2]), x[6] = minus_i(a[2], b[2]);
    x[3] = plus(a[3], third, -ROOT), x[7] = plus(a[3], third, ROOT);
  }
};

template <>
struct Butterfly<9> {
  static LAMBDA_INLINE void run(Complex* x) {
    constexpr float C1 = 0.76604444311897804f, S1 = 0.64278760968653933f, C2 = 0.17364817766693035f, S2 = 0.98480775301220806f;
    constexpr float C4 = -0.93969262078590838f, S4 = 0.34202014332566873f;
    Complex a[3] = {x[0], x[3], x[6]}, b[3] = {x[1], x[4], x[7]}, c[3] = {x[2], x[5], x[8]};
    Butterfly<3>::run(a);
    Butterfly<3>::run(b);
    Butterfly<3>::run(c);
    b[1] = times(b[1], C1, S1), b[2] = times(b[2], C2, S2);
    c[1] = times(c[1], C2, S2), c[2] = times(c[2], C4, S4);
    unrolled<3>([&](auto t) LAMBDA_INLINE {
      Complex y[3] = {a[t], b[t], c[t]};
      Butterfly<3>::run(y);
      x[t] = y[0], x[t + 3] = y[1], x[t + 6] = y[2];
    });
  }
};

constexpr int64_t FIRST_RADIX = 8;
constexpr int64_t ALL = -1;  // of what a transform gives
enum class Way { FORWARD, INVERSE };
constexpr std::array<int64_t, 9> RADICES = {10, 9, 8, 7, 6, 5, 4, 3, 2};

// `n` as a product of as few radices as can be; empty for 1 and where there is none
inline std::vector<int64_t> radices_of(int64_t n) {
  std::vector<int64_t> best;
  for (int64_t radix : RADICES) {
    if (n == radix) return {radix};
    if (n % radix) continue;
    std::vector<int64_t> found = radices_of(n / radix);
    if (found.empty() || (!best.empty() && best.size() <= found.size() + 1)) continue;
    found.push_back(radix);
    best = found;
  }
  return best;
}

// The smallest length with a plan in which nothing wraps around.
inline int64_t length_for(int64_t least) {
  int64_t n = std::max<int64_t>((least + FIRST_RADIX - 1) / FIRST_RADIX, 2);
  while (radices_of(n).empty()) ++n;
  return n * FIRST_RADIX;
}

// Transforms of one length. Two passes where a second radix will do, their strides known to the compiler; else a first pass that
// leaves blocks, and Stockham's sorted passes in each. No bit reversal.
class Line {
 public:
  explicit Line(int64_t length) : length_(length), radices_(radices_of(length / FIRST_RADIX)) {
    int64_t n = length;
    add_twiddles(n, FIRST_RADIX);
    n /= FIRST_RADIX;
    for (int64_t radix : radices_) add_twiddles(n, radix), n /= radix;
  }

  int64_t length() const { return length_; }
  // Floats of the room that transforms need
  int64_t room() const { return 2 * ONE * length_; }

  // The inverse, not scaled, of the complex numbers source(index), each to sink(index, number), in no order. Only what is at even
  // indices where part is 0, at odd ones where it is 1.
  template <class Source, class Sink>
  inline LAMBDA_INLINE void run(float* room, int64_t part, const Source& source, const Sink& sink) const {
    switch (length_ / FIRST_RADIX) {
      case 3: return in_two<3>(room, part, source, sink);
      case 4: return in_two<4>(room, part, source, sink);
      case 5: return in_two<5>(room, part, source, sink);
      case 6: return in_two<6>(room, part, source, sink);
      case 7: return in_two<7>(room, part, source, sink);
      case 8: return in_two<8>(room, part, source, sink);
      case 9: return in_two<9>(room, part, source, sink);
      case 10: return in_two<10>(room, part, source, sink);
      default: break;
    }
    first(room, length_ / FIRST_RADIX, ONE * FIRST_RADIX, ONE, source);
    const float* found = passes(room, room + ONE * length_);
    for (int64_t i = std::max<int64_t>(part, 0); i < length_; i += part == ALL ? 1 : 2) sink(i, load_complex(found + ONE * i));
  }

  // Of `count` numbers, `step` floats apart, and zeros behind them, to `kept` numbers; the others are not wanted. Forward it is the
  // inverse with real and imaginary parts exchanged, before and after.
  void run(Way way, float* room, const float* from, int64_t step, int64_t count, float* to, int64_t to_step, int64_t kept) const {
    const int64_t re = way == Way::FORWARD ? LANES : 0, im = LANES - re;
    run(
        room, ALL,
        [=](int64_t i) LAMBDA_INLINE {
          return i < count ? Complex{load(from + i * step + re), load(from + i * step + im)} : Complex{Vec{}, Vec{}};
        },
        [=](int64_t i, Complex z) LAMBDA_INLINE {
          if (i < kept) store(to + i * to_step + re, z.re), store(to + i * to_step + im, z.im);
        });
  }

 private:
  void add_twiddles(int64_t n, int64_t radix) {
    for (int64_t p = 0; p < n / radix; ++p)
      for (int64_t t = 1; t < radix; ++t) {
        const double angle = 2 * 3.14159265358979323846 * static_cast<double>(p * t) / static_cast<double>(n);
        twiddles_.push_back(static_cast<float>(std::cos(angle)));
        twiddles_.push_back(static_cast<float>(std::sin(angle)));
      }
  }

  template <int RADIX>
  static LAMBDA_INLINE void put_turned(const Complex* x, const float* twiddles, float* to, int64_t step) {
    store_complex(to, x[0]);
    unrolled<RADIX - 1>([&](auto i) LAMBDA_INLINE {
      const float re = twiddles[2 * i], im = twiddles[2 * i + 1];
      store_complex(to + (i + 1) * step, times(x[i + 1], re, im));
    });
  }

  // To room, where a number of `p` is `step` floats behind that of p - 1, and one of the next block `block` floats behind
  template <class Source>
  inline LAMBDA_INLINE void first(float* room, int64_t rest, int64_t step, int64_t block, const Source& source) const {
    const float* twiddles = twiddles_.data();
    for (int64_t p = 0; p < rest; ++p, twiddles += 2 * (FIRST_RADIX - 1)) {
      Complex x[FIRST_RADIX];
      unrolled<FIRST_RADIX>([&](auto j) LAMBDA_INLINE { x[j] = source(p + rest * j); });
      Butterfly<FIRST_RADIX>::run(x);
      put_turned<FIRST_RADIX>(x, twiddles, room + step * p, block);
    }
  }

  // Every other block of the same
  template <int PART, class Source>
  inline LAMBDA_INLINE void half_of_first(float* room, int64_t rest, const Source& source) const {
    constexpr float ROOT = 0.70710678118654752f;
    const float* twiddles = twiddles_.data();
    for (int64_t p = 0; p < rest; ++p, twiddles += 2 * (FIRST_RADIX - 1)) {
      Complex x[4];
      unrolled<4>([&](auto j) LAMBDA_INLINE {
        const Complex a = source(p + rest * j), b = source(p + rest * (j + 4));
        x[j] = PART ? a - b : a + b;
      });
      if constexpr (PART) {  // times e^(i pi j / 4)
        x[1] = times(plus_i(x[1], x[1]), ROOT);
        x[2] = {-x[2].im, x[2].re};
        x[3] = times(minus_i(x[3], x[3]), -ROOT);
      }
      Butterfly<4>::run(x);
      unrolled<4>([&](auto i) LAMBDA_INLINE {
        float* to = room + ONE * (p + rest * i);
        if constexpr (i == 0 && !PART) {
          store_complex(to, x[0]);
        } else {
          const float* w = twiddles + 4 * i - (PART ? 0 : 2);
          store_complex(to, times(x[i], w[0], w[1]));
        }
      });
    }
  }

  template <int RADIX, class Source, class Sink>
  inline LAMBDA_INLINE void in_two(float* room, int64_t part, const Source& source, const Sink& sink) const {
    if (part == 0) half_of_first<0>(room, RADIX, source);
    else if (part == 1) half_of_first<1>(room, RADIX, source);
    else first(room, RADIX, ONE, ONE * RADIX, source);
    const float* from = room;
    for (int64_t t = std::max<int64_t>(part, 0); t < FIRST_RADIX; t += part == ALL ? 1 : 2, from += ONE * RADIX) {
      Complex x[RADIX];
      unrolled<RADIX>([&](auto j) LAMBDA_INLINE { x[j] = load_complex(from + ONE * j); });
      Butterfly<RADIX>::run(x);
      unrolled<RADIX>([&](auto s) LAMBDA_INLINE { sink(t + FIRST_RADIX * s, x[s]); });
    }
  }

  template <int RADIX>
  static void pass(const float* a, float* b, int64_t n, int64_t stride, const float* twiddles) {
    const int64_t m = n / RADIX, step = ONE * stride;
    for (int64_t p = 0; p < m; ++p, twiddles += 2 * (RADIX - 1))
      for (int64_t q = 0; q < stride; ++q) {
        Complex x[RADIX];
        unrolled<RADIX>([&](auto j) LAMBDA_INLINE { x[j] = load_complex(a + ONE * q + step * (p + j * m)); });
        Butterfly<RADIX>::run(x);
        put_turned<RADIX>(x, twiddles, b + ONE * q + step * RADIX * p, step);
      }
  }

  // All passes behind the first, in its blocks; `a` or `b` is returned, sorted
  const float* passes(float* a, float* b) const {
    const int64_t rest = length_ / FIRST_RADIX;
    const float* twiddles = twiddles_.data() + 2 * (FIRST_RADIX - 1) * rest;
    int64_t n = rest, stride = FIRST_RADIX;
    for (int64_t radix : radices_) {
      switch (radix) {
        case 2: pass<2>(a, b, n, stride, twiddles); break;
        case 3: pass<3>(a, b, n, stride, twiddles); break;
        case 4: pass<4>(a, b, n, stride, twiddles); break;
        case 5: pass<5>(a, b, n, stride, twiddles); break;
        case 6: pass<6>(a, b, n, stride, twiddles); break;
        case 7: pass<7>(a, b, n, stride, twiddles); break;
        case 8: pass<8>(a, b, n, stride, twiddles); break;
        case 9: pass<9>(a, b, n, stride, twiddles); break;
        default: pass<10>(a, b, n, stride, twiddles);
      }
      twiddles += 2 * (n / radix) * (radix - 1);
      n /= radix, stride *= radix;
      std::swap(a, b);
    }
    return a;
  }

  int64_t length_;
  std::vector<int64_t> radices_;
  std::vector<float> twiddles_;
};

}  // namespace
