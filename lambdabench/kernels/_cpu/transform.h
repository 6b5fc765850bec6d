// The forward pass by Fourier transforms, for scopes so wide that products of spectra need fewer operations. Lanes are channels;
// two lambdas, k and k + 1, are the real and the imaginary part of one inverse transform, and rows of two such pairs are
// multiplied with the queries as soon as they are there, so that no lambda is ever stored. Values are real: half of their
// spectrum is kept, as that at -f is the conjugate of that at f.
#pragma once

#include "direct.h"
#include "line.h"
#include "output.h"

namespace {

// Time of a step of a transform over that of a multiplication of the direct way, as measured.
constexpr double FORWARD_COST = 5.5, BACKWARD_COST = 4.4;

// Pairs of lambdas whose rows meet the queries together
constexpr int64_t GROUP = 2;

// Bytes of a group's half transformed lambdas from which it is quicker to take even and odd rows apart, as measured
constexpr int64_t MUCH = 768 * 1024;

// Spectra of the position embeddings of one layer, and what transforms of its maps need; u = 1.
class Spectra {
 public:
  Spectra(const Shape& s, const float* table)
      : far_y_(reach(s.r_y, s.height, s.rows)),
        far_x_(reach(s.r_x, s.width, s.columns)),
        down_(length_for(std::max(s.height, s.rows) + far_y_)),
        along_(length_for(std::max(s.width, s.columns) + far_x_)),
        pairs_((s.k + 1) / 2),
        pitch_(rounded(down_.length())),
        numbers_(room(pairs_ * along_.length() * 2 * pitch_)) {
    for (int64_t first = 0; first < pairs_; first += LANES) transform_embeddings(s, table, first);
  }

  const Line& down() const { return down_; }
  const Line& along() const { return along_; }
  int64_t pairs() const { return pairs_; }
  int64_t numbers() const { return pairs_ * along_.length() * 2 * pitch_; }
  // Of the lambdas 2 * pair and 2 * pair + 1 at x: real parts [y], and imaginary ones `pitch` behind
  const float* of(int64_t pair, int64_t x) const { return numbers_.get() + place(pair, x); }
  int64_t place(int64_t pair, int64_t x) const { return (pair * along_.length() + x) * 2 * pitch_; }
  int64_t pitch() const { return pitch_; }

  // d_table[k][tap] += what these are the spectra of at -f: [pair][x], then LANES / 2 real parts and as many imaginary ones in turn
  void add_gradients(const Shape& s, const float* spectra, float* d_table, int64_t pitch, int64_t taps) const {
    constexpr int64_t HALF = LANES / 2;
    const int64_t height = down_.length(), width = along_.length(), window = 2 * far_y_ + 1;
    const Room map = room(window * width * ONE), line = room((pitch_ + std::max(height, width)) * ONE);
    const Room passes = room(std::max(down_.room(), along_.room()));
    float *column = line.get(), *row = line.get() + pitch_ * ONE;
    const float scale = 1.0f / static_cast<float>(height * width);
    for (int64_t first = 0; first < pairs_; first += LANES) {
      const int64_t count = std::min(LANES, pairs_ - first);
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t y = 0; y < 2 * height; y += LANES) turn_in(spectra + place(first, x) + y, count, column + y * LANES);
        for (int64_t y = 0; y < height; ++y) {
          const float* from = column + (y / HALF * LANES + y % HALF) * LANES;
          store_complex(row + y * ONE, {load(from), load(from + HALF * LANES)});
        }
        down_.run(Way::FORWARD, passes.get(), row, ONE, height, row, ONE, height);
        for (int64_t dy = -far_y_; dy <= far_y_; ++dy)
          store_complex(map.get() + ((far_y_ + dy) * width + x) * ONE, load_complex(row + (height + dy) % height * ONE));
      }
      for (int64_t dy = -far_y_; dy <= far_y_; ++dy) {
        const float* from = map.get() + (far_y_ + dy) * width * ONE;
        along_.run(Way::FORWARD, passes.get(), from, ONE, width, row, ONE, width);
        for (int64_t dx = -far_x_; dx <= far_x_; ++dx)
          for (int64_t lane = 0; lane < count; ++lane) {
            const int64_t k = 2 * (first + lane), tap = (s.r_y / 2 + dy) * pitch + s.r_x / 2 + dx;
            const float* one = row + (width + dx) % width * ONE + lane;
            d_table[k * taps + tap] += one[0] * scale;
            if (k + 1 < s.k) d_table[(k + 1) * taps + tap] += one[LANES] * scale;
          }
      }
    }
  }

 private:
  static int64_t reach(int64_t scope, int64_t one, int64_t other) { return std::min(scope / 2, std::max(one, other) - 1); }

  // LANES numbers of `count` pairs, which become lanes, zeros in the others
  void turn_in(const float* from, int64_t count, float* to) const {
    const int64_t step = along_.length() * 2 * pitch_;
    if (count == LANES) return turn(from, step, to, LANES);
    alignas(64) float some[LANES * LANES] = {};
    for (int64_t lane = 0; lane < count; ++lane) store(some + lane * LANES, load(from + lane * step));
    turn(some, LANES, to, LANES);
  }

  void transform_embeddings(const Shape& s, const float* table, int64_t first) {
    const int64_t height = down_.length(), width = along_.length(), window = 2 * far_y_ + 1;
    const int64_t count = std::min(LANES, pairs_ - first);
    const Room map = room(window * width * ONE), line = room((pitch_ + std::max(height, width)) * ONE);
    const Room passes = room(std::max(down_.room(), along_.room()));
    float *column = line.get(), *row = line.get() + pitch_ * ONE;
    const float scale = 1.0f / static_cast<float>(height * width);
    for (int64_t dy = -far_y_; dy <= far_y_; ++dy) {
      std::fill_n(row, width * ONE, 0.0f);
      for (int64_t lane = 0; lane < count; ++lane)
        for (int64_t part = 0; part < 2 && 2 * (first + lane) + part < s.k; ++part) {
          const float* from = table + (2 * (first + lane) + part) * s.taps + (s.r_y / 2 + dy) * s.pitch + s.r_x / 2;
          float* to = row + part * LANES + lane;
          for (int64_t dx = -far_x_; dx <= 0; ++dx) to[-dx * ONE] = from[dx];
          for (int64_t dx = 1; dx <= far_x_; ++dx) to[(width - dx) * ONE] = from[dx];
        }
      along_.run(Way::FORWARD, passes.get(), row, ONE, width, map.get() + (far_y_ + dy) * ONE, window * ONE, width);
    }
    for (int64_t x = 0; x < width; ++x) {
      const float* middle = map.get() + (x * window + far_y_) * ONE;
      std::fill_n(row, height * ONE, 0.0f);
      for (int64_t dy = -far_y_; dy <= far_y_; ++dy)
        store_complex(row + (height - dy) % height * ONE, load_complex(middle + dy * ONE));
      down_.run(Way::FORWARD, passes.get(), row, ONE, height, row, ONE, height);
      for (int64_t y = 0; y < height; ++y)
        for (int64_t part = 0; part < 2; ++part)
          store(column + (part * pitch_ + y) * LANES, load(row + y * ONE + part * LANES) * all(scale));
      alignas(64) float some[LANES * LANES];
      for (int64_t y = 0; y < 2 * pitch_; y += LANES) {
        turn(column + y * LANES, LANES, some, LANES);
        for (int64_t lane = 0; lane < count; ++lane) store(numbers_.get() + place(first + lane, x) + y, load(some + lane * LANES));
      }
    }
  }

  int64_t far_y_, far_x_;
  Line down_, along_;
  int64_t pairs_, pitch_;
  Room numbers_;
};

// What a thread needs to transform maps.
struct Bench {
  int64_t column, row, map;         // floats of a column of a spectrum, of a row of half transformed lambdas and of all of these
  int64_t half;                     // floats of half a spectrum
  Room own;
  float *values, *lambdas;          // [x][y], column 0 to the middle one; [GROUP][height][x]
  float *line, *rows, *behind;      // of a transform; [GROUP][x]; what else was asked for
  Bench(const Shape& s, const Spectra& e, int64_t more = 0)
      : column((e.down().length() + 1) * ONE),
        row((e.along().length() + 1) * ONE),
        map(std::max(s.height, s.rows) * row),
        half((e.along().length() / 2 + 1) * column),
        own(room(half + GROUP * (map + row) + std::max(e.down().room(), e.along().room()) + more)),
        values(own.get()),
        lambdas(values + half),
        line(lambdas + GROUP * map),
        rows(line + std::max(e.down().room(), e.along().room())),
        behind(rows + GROUP * row) {}
};

// Half the spectrum [x][y] of the values of LANES channels, values [rows][columns][v_pitch]; y = 0 again behind each column
void transform_values(const Shape& s, const Spectra& e, const float* values, const Bench& bench) {
  const int64_t height = e.down().length(), width = e.along().length(), step = s.v_pitch;
  const Vec half = all(0.5f);
  for (int64_t y = 0; y < s.rows; y += 2) {
    const float *first = values + y * s.columns * step, *second = first + s.columns * step;
    const bool both = y + 1 < s.rows;
    for (int64_t x = 0; x < s.columns; ++x)
      store_complex(bench.rows + x * ONE, {load(first + x * step), both ? load(second + x * step) : Vec{}});
    e.along().run(Way::FORWARD, bench.line, bench.rows, ONE, s.columns, bench.rows, ONE, width);
    for (int64_t x = 0; x <= width / 2; ++x) {
      const Complex z = load_complex(bench.rows + x * ONE), mirrored = load_complex(bench.rows + (x ? width - x : 0) * ONE);
      float* to = bench.lambdas + (x * s.rows + y) * ONE;
      store_complex(to, {half * (z.re + mirrored.re), half * (z.im - mirrored.im)});
      if (both) store_complex(to + ONE, {half * (z.im + mirrored.im), half * (mirrored.re - z.re)});
    }
  }
  for (int64_t x = 0; x <= width / 2; ++x) {
    const float* from = bench.lambdas + x * s.rows * ONE;
    float* to = bench.values + x * bench.column;
    e.down().run(Way::FORWARD, bench.line, from, ONE, s.rows, to, ONE, height);
    store_complex(to + height * ONE, load_complex(to));
  }
}

inline int64_t rows_of(const Shape& s, int64_t part) { return part == ALL ? s.height : (s.height + 1 - part) / 2; }

// Lambdas 2 pair and 2 pair + 1 of LANES channels at x, but for the transform along rows: into lambdas[row of the part][x]
void column_of_lambdas(const Shape& s, const Spectra& e, int64_t pair, int64_t x, int64_t part, const Bench& bench, float* lambdas) {
  const int64_t height = e.down().length(), width = e.along().length(), row = bench.row, kept = s.height, halved = part != ALL;
  const bool mirrored = 2 * x > width;
  const float *re = e.of(pair, x), *im = re + e.pitch();
  const float* values = mirrored ? bench.values + (width - x) * bench.column + height * ONE : bench.values + x * bench.column;
  const int64_t step = mirrored ? -ONE : ONE;
  const Vec sign = all(mirrored ? -1.0f : 1.0f);
  float* to = lambdas + x * ONE;
  e.down().run(
      bench.line, part,
      [=](int64_t y) LAMBDA_INLINE {
        const Complex z = load_complex(values + y * step);
        return times(Complex{z.re, z.im * sign}, re[y], im[y]);
      },
      [=](int64_t y, Complex z) LAMBDA_INLINE {
        if (y < kept) store_complex(to + (y >> halved) * row, z);
      });
}

// Lambdas of `count` pairs from `first` on of LANES channels, content lambdas [k][v_pitch] added where there are any; of all rows,
// of the even or of the odd ones
void group_of_lambdas(const Shape& s, const Spectra& e, int64_t first, int64_t count, int64_t part, const float* content,
                      const Bench& bench) {
  const int64_t width = e.along().length();
  for (int64_t x = 0; x <= width / 2; ++x)
    for (int64_t i = 0; i < count; ++i) {
      float* lambdas = bench.lambdas + i * bench.map;
      column_of_lambdas(s, e, first + i, x, part, bench, lambdas);
      if (x && 2 * x < width) column_of_lambdas(s, e, first + i, width - x, part, bench, lambdas);
    }
  if (!content) return;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t k = 2 * (first + i);
    const Complex more{load(content + k * s.v_pitch), k + 1 < s.k ? load(content + (k + 1) * s.v_pitch) : Vec{}};
    for (int64_t row = 0; row < rows_of(s, part); ++row) {
      float* at = bench.lambdas + i * bench.map + row * bench.row;
      store_complex(at, load_complex(at) + more);
    }
  }
}

// A row of lambdas of the group's pair `i`: bench.rows [i][x]
inline void row_of_lambdas(const Shape& s, const Spectra& e, int64_t i, int64_t row, const Bench& bench) {
  const float* from = bench.lambdas + i * bench.map + row * bench.row;
  e.along().run(Way::INVERSE, bench.line, from, ONE, e.along().length(), bench.rows + i * bench.row, ONE, s.width);
}

// Orders of lanes: fours of two vectors in turn, and halves of two
template <int HALF>
struct FoursInTurn {
  static constexpr int of(int i) { return i / 4 % 2 * LANES + HALF * LANES / 2 + i / 8 * 4 + i % 4; }
};
template <int HALF>
struct HalvesOf {
  static constexpr int of(int i) { return i < LANES / 2 ? HALF * LANES / 2 + i : LANES / 2 + HALF * LANES / 2 + i; }
};

// [4 heads][16 channels] to [4 groups][4 heads][4 channels] or back; what is there is added to where ADDS
template <bool ADDS>
inline void exchange_fours(const float* from, int64_t from_pitch, float* to, int64_t to_pitch) {
  const Vec a = load(from), b = load(from + from_pitch), c = load(from + 2 * from_pitch), d = load(from + 3 * from_pitch);
  auto put = [&](int64_t i, Vec v) { store(to + i * to_pitch, ADDS ? load(to + i * to_pitch) + v : v); };
  auto half = [&](auto which) {
    using Fours = FoursInTurn<decltype(which)::value>;
    const Vec first = pick<Fours>(a, b), second = pick<Fours>(c, d);
    put(2 * which, pick<HalvesOf<0>>(first, second));
    put(2 * which + 1, pick<HalvesOf<1>>(first, second));
  };
  half(std::integral_constant<int, 0>{});
  half(std::integral_constant<int, 1>{});
}

// Whether queries are whole vectors of fours
inline bool are_fours(const Shape& s) { return LANES == 16 && 2 * GROUP == 4 && s.k % 16 == 0 && s.h % 4 == 0; }

// Queries as the lambdas' groups want them, of the positions `first` to `last`: [groups][positions][h][2 pairs of a group], zeros
// where k is odd
void group_queries(const Shape& s, const Image& image, int64_t first, int64_t last, float* grouped) {
  const int64_t n = s.height * s.width, pairs = (s.k + 1) / 2, of_group = 2 * GROUP * n * s.h;
  for (int64_t at = first; are_fours(s) && at < last; ++at)
    for (int64_t head = 0; head < s.h; head += 4)
      for (int64_t k = 0; k < s.k; k += 16)
        exchange_fours<false>(image.queries + (at * s.h + head) * s.k + k, s.k,
                              grouped + k / 4 * of_group + (at * s.h + head) * 4, of_group);
  for (int64_t at = first; !are_fours(s) && at < last; ++at) {
    const float* query = image.queries + at * s.h * s.k;
    for (int64_t pair = 0; pair < pairs; pair += GROUP) {
      const int64_t count = 2 * std::min(GROUP, pairs - pair), whole = std::min(count, s.k - 2 * pair);
      float* to = grouped + (pair * 2 * n + at * count) * s.h;
      for (int64_t head = 0; head < s.h; ++head, to += count) {
        const float* from = query + head * s.k + 2 * pair;
        if (whole == 2 * GROUP) std::memcpy(to, from, 2 * GROUP * sizeof(float));
        else
          for (int64_t i = 0; i < count; ++i) to[i] = i < whole ? from[i] : 0.0f;
      }
    }
  }
}

// y[x][h] of a row (+)= queries [x][h][2 COUNT] times its lambdas, bench.rows
template <int COUNT, bool FRESH>
void meet(const Shape& s, const float* queries, const Bench& bench, float* y) {
  for (int64_t x = 0; x < s.width; ++x) {
    Complex lambdas[COUNT];
    for (int i = 0; i < COUNT; ++i) lambdas[i] = load_complex(bench.rows + i * bench.row + x * ONE);
    for (int64_t head = 0; head < s.h; ++head, queries += 2 * COUNT, y += s.v_pitch) {
      Vec sum = FRESH ? Vec{} : load(y);
      for (int i = 0; i < COUNT; ++i) sum += all(queries[2 * i]) * lambdas[i].re + all(queries[2 * i + 1]) * lambdas[i].im;
      store(y, sum);
    }
  }
}

// y[position][h][v_pitch] of LANES channels whose spectrum is on the bench, from content [k][v_pitch] or null and grouped queries;
// of all rows, of the even or of the odd ones, which need less memory and may be another thread's
void apply_vector(const Shape& s, const Spectra& e, const float* content, const float* queries, int64_t part, const Bench& bench,
                  float* y) {
  const int64_t n = s.height * s.width;
  for (int64_t pair = 0; pair < e.pairs(); pair += GROUP) {
    const int64_t count = std::min(GROUP, e.pairs() - pair);
    group_of_lambdas(s, e, pair, count, part, content, bench);
    for (int64_t i = 0; i < rows_of(s, part); ++i) {
      const int64_t at = (part == ALL ? i : 2 * i + part) * s.width;
      for (int64_t one = 0; one < count; ++one) row_of_lambdas(s, e, one, i, bench);
      const float* q = queries + (pair * n + at * count) * 2 * s.h;
      float* to = y + at * s.h * s.v_pitch;
      if (count == GROUP) pair ? meet<GROUP, false>(s, q, bench, to) : meet<GROUP, true>(s, q, bench, to);
      else pair ? meet<1, false>(s, q, bench, to) : meet<1, true>(s, q, bench, to);
    }
  }
}

// Whether transforms need less time: multiplications of the window, cut at the borders, against passes over padded maps.
bool transforms_pay(const Shape& s, double cost) {
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
  return cost * (passes * vectors * (pairs + 1) + embeddings) < direct;
}

}  // namespace
