// The lambdas of a lambda layer applied on a CPU, queries first: for each query the weights of its window (heads x taps) are made in
// the first-level cache, then multiplied with the values under the window, cut exactly at the borders of the map. Nothing of
// the size of the position lambdas (positions x key depth x value depth) is ever made. Compiled for the machine that it runs on.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int64_t LANES = 16;
#elif defined(__AVX__)
constexpr int64_t LANES = 8;
#else
constexpr int64_t LANES = 4;
#endif
typedef float Vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
inline Vec all(float x) { return x - Vec{}; }
inline int64_t rounded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

struct Shape {
  int64_t b, height, width, rows, columns;  // queries' map, context's map
  int64_t h, k, u, v;                       // heads, key depth, intra-depth, value depth
  int64_t r_y, r_x;                         // scope
  int64_t pitch, v_pitch;                   // a row of the window, a position's values, both whole vectors
};

// weights[head][tap] = sum over k of query[head][k] table[k][tap], for whole vectors of taps from `first` to `last`
template <int HEADS, int VECTORS>
void weigh(const Shape& s, const float* query, const float* table, int64_t taps, int64_t first, float* weights) {
  Vec sum[HEADS][VECTORS] = {};
  for (int64_t k = 0; k < s.k; ++k) {
    Vec row[VECTORS];
    for (int i = 0; i < VECTORS; ++i) row[i] = load(table + k * taps + first + i * LANES);
    for (int head = 0; head < HEADS; ++head) {
      const Vec q = all(query[head * s.k + k]);
      for (int i = 0; i < VECTORS; ++i) sum[head][i] += q * row[i];
    }
  }
  for (int head = 0; head < HEADS; ++head)
    for (int i = 0; i < VECTORS; ++i) store(weights + head * taps + first + i * LANES, sum[head][i]);
}

struct Window {
  int64_t top, bottom, left, right;  // taps that lie on the map
  int64_t row, column;               // the map's position under tap (0, 0), may be negative
};

// y[head][v..] += content term + weights x values, for VECTORS vectors of the value depth
template <int HEADS, int VECTORS>
void gather(const Shape& s, const Window& w, const float* query, const float* content, const float* weights, int64_t taps,
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
        const float* of_row = weights + u * HEADS * taps + dy * s.pitch;
        for (int64_t dx = w.left; dx < w.right; ++dx) {
          Vec value[VECTORS];
          for (int i = 0; i < VECTORS; ++i) value[i] = load(under + dx * s.v_pitch + i * LANES);
          for (int head = 0; head < HEADS; ++head) {
            const Vec a = all(of_row[head * taps + dx]);
            for (int i = 0; i < VECTORS; ++i) sum[head][i] += a * value[i];
          }
        }
      }
  for (int head = 0; head < HEADS; ++head)
    for (int i = 0; i < VECTORS; ++i) store(y + head * s.v_pitch + i * LANES, sum[head][i]);
}

template <int HEADS>
void some_heads(const Shape& s, const Window& w, const float* query, const float* content, const float* table,
                const float* values, float* scratch, float* y) {
  const int64_t taps = s.r_y * s.pitch;
  if (table)
    for (int64_t u = 0; u < s.u; ++u) {
      const float* of_u = table + u * s.k * taps;
      float* weights = scratch + u * HEADS * taps;
      int64_t at = w.top * s.pitch;
      const int64_t end = w.bottom * s.pitch;
      for (; at + 3 * LANES <= end; at += 3 * LANES) weigh<HEADS, 3>(s, query, of_u, taps, at, weights);
      for (; at < end; at += LANES) weigh<HEADS, 1>(s, query, of_u, taps, at, weights);
    }
  const float* weights = table ? scratch : nullptr;
  int64_t at = 0;
  auto part = [&](auto vectors) {
    constexpr int n = decltype(vectors)::value;
    gather<HEADS, n>(s, w, query, content ? content + at : nullptr, weights, taps, values + at, y + at);
    at += n * LANES;
  };
  while (s.v_pitch - at >= 3 * LANES && s.v_pitch - at != 4 * LANES) part(std::integral_constant<int, 3>{});
  while (s.v_pitch - at >= 2 * LANES) part(std::integral_constant<int, 2>{});
  while (s.v_pitch - at >= LANES) part(std::integral_constant<int, 1>{});
}

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

void one_query(const Shape& s, int64_t row, int64_t column, const float* query, const float* content, const float* table,
               const float* values, float* scratch, float* padded, float* y) {
  const Window w = window(s, row, column);
  int64_t head = 0;
  auto heads = [&](auto count) {
    constexpr int n = decltype(count)::value;
    some_heads<n>(s, w, query + head * s.k, content, table, values, scratch, padded + head * s.v_pitch);
    head += n;
  };
  while (s.h - head >= 4) heads(std::integral_constant<int, 4>{});
  while (s.h - head >= 2) heads(std::integral_constant<int, 2>{});
  while (s.h - head >= 1) heads(std::integral_constant<int, 1>{});
  for (int64_t i = 0; i < s.h; ++i) std::memcpy(y + i * s.v, padded + i * s.v_pitch, s.v * sizeof(float));
}

void query_rows(const Shape& s, int64_t first, int64_t last, const float* queries, const float* values, const float* content,
                const float* table, float* y) {
  const int64_t taps = s.r_y * s.pitch, map = s.u * s.rows * s.columns * s.v_pitch;
  std::vector<float> scratch(s.u * 4 * taps + LANES), padded(s.h * s.v_pitch + LANES);
  for (int64_t line = first; line < last; ++line) {
    const int64_t image = line / s.height, row = line % s.height;
    for (int64_t column = 0; column < s.width; ++column) {
      const int64_t at = line * s.width + column;
      one_query(s, row, column, queries + at * s.h * s.k, content ? content + image * s.k * s.v_pitch : nullptr, table,
                values + image * map, scratch.data(), padded.data(), y + at * s.h * s.v);
    }
  }
}

// What a thread adds up of the gradients; summed over threads at the end.
struct Gradients {
  int64_t first_image;
  std::vector<float> values, content, table;  // [images][u][rows][columns][v_pitch], [images][k][v_pitch], [u][k][taps]
};

// Values with channels first and margins of zeros: [image][u][v][row][margin + column + margin]
struct Turned {
  int64_t margin, line;
  std::vector<float> numbers;
  const float* at(const Shape& s, int64_t image, int64_t u, int64_t row, int64_t column) const {
    return numbers.data() + (((image * s.u + u) * s.v) * s.rows + row) * line + margin + column;
  }
};

Turned turned(const Shape& s, const float* values) {
  Turned t{s.r_x / 2, std::max(s.columns, s.width) + s.r_x + LANES, {}};
  t.numbers.assign(s.b * s.u * s.v * s.rows * t.line + 2 * LANES + s.pitch, 0.0f);
  for (int64_t map = 0; map < s.b * s.u; ++map)
    for (int64_t row = 0; row < s.rows; ++row)
      for (int64_t column = 0; column < s.columns; ++column) {
        const float* from = values + ((map * s.rows + row) * s.columns + column) * s.v_pitch;
        for (int64_t v = 0; v < s.v; ++v)
          t.numbers[((map * s.v + v) * s.rows + row) * t.line + t.margin + column] = from[v];
      }
  return t;
}

// d_weights[head][chunk] = sum over v of d_y[head][v] values[v][position under the chunk's taps]
template <int HEADS, int CHUNKS>
void weigh_back(const Shape& s, const float* const* under, const int64_t* taps_at, int64_t step, const float* d_y, int64_t taps,
                float* d_weights) {
  Vec sum[HEADS][CHUNKS] = {};
  for (int64_t v = 0; v < s.v; ++v) {
    Vec value[CHUNKS];
    for (int i = 0; i < CHUNKS; ++i) value[i] = load(under[i] + v * step);
    for (int head = 0; head < HEADS; ++head) {
      const Vec d = all(d_y[head * s.v_pitch + v]);
      for (int i = 0; i < CHUNKS; ++i) sum[head][i] += d * value[i];
    }
  }
  for (int head = 0; head < HEADS; ++head)
    for (int i = 0; i < CHUNKS; ++i) store(d_weights + head * taps + taps_at[i], sum[head][i]);
}

// d_values[position][v..] += sum over heads of weights[head][tap] d_y[head][v..]
template <int HEADS, int VECTORS>
void scatter(const Shape& s, const Window& w, const float* weights, int64_t taps, const float* d_y, float* d_values) {
  Vec d[HEADS][VECTORS];
  for (int head = 0; head < HEADS; ++head)
    for (int i = 0; i < VECTORS; ++i) d[head][i] = load(d_y + head * s.v_pitch + i * LANES);
  for (int64_t dy = w.top; dy < w.bottom; ++dy) {
    float* under = d_values + ((w.row + dy) * s.columns + w.column) * s.v_pitch;
    const float* of_row = weights + dy * s.pitch;
    for (int64_t dx = w.left; dx < w.right; ++dx) {
      Vec sum[VECTORS];
      for (int i = 0; i < VECTORS; ++i) sum[i] = load(under + dx * s.v_pitch + i * LANES);
      for (int head = 0; head < HEADS; ++head) {
        const Vec a = all(of_row[head * taps + dx]);
        for (int i = 0; i < VECTORS; ++i) sum[i] += a * d[head][i];
      }
      for (int i = 0; i < VECTORS; ++i) store(under + dx * s.v_pitch + i * LANES, sum[i]);
    }
  }
}

inline float total(Vec v) {
  float sum = 0;
  for (int64_t i = 0; i < LANES; ++i) sum += v[i];
  return sum;
}

// d_query[head][k] += sum of first[k][..] d_second[head][..] and d_first[k][..] += sum over heads of query[head][k] d_second[head][..]
template <int HEADS>
void product_back(const Shape& s, const float* query, const float* first, const float* d_second, int64_t length, int64_t begin,
                  int64_t end, float* d_query, float* d_first) {
  for (int64_t k = 0; k < s.k; ++k) {
    Vec sum[HEADS] = {}, q[HEADS];
    for (int head = 0; head < HEADS; ++head) q[head] = all(query[head * s.k + k]);
    for (int64_t at = begin; at < end; at += LANES) {
      const Vec one = load(first + k * length + at);
      Vec more = load(d_first + k * length + at);
      for (int head = 0; head < HEADS; ++head) {
        const Vec d = load(d_second + head * length + at);
        sum[head] += d * one;
        more += q[head] * d;
      }
      store(d_first + k * length + at, more);
    }
    for (int head = 0; head < HEADS; ++head) d_query[head * s.k + k] += total(sum[head]);
  }
}

struct Inputs {
  const float *queries, *content, *table;
  const Turned* values;
};

template <int HEADS>
void some_heads_back(const Shape& s, const Window& w, int64_t image, const float* query, const Inputs& in, const float* d_y,
                     float* scratch, float* d_query, Gradients& into) {
  const int64_t taps = s.r_y * s.pitch, map = s.rows * s.columns * s.v_pitch, own = image - into.first_image;
  for (int i = 0; i < HEADS * s.k; ++i) d_query[i] = 0;
  if (in.content)
    product_back<HEADS>(s, query, in.content + image * s.k * s.v_pitch, d_y, s.v_pitch, 0, s.v_pitch, d_query,
                        into.content.data() + own * s.k * s.v_pitch);
  if (!in.table) return;
  float *weights = scratch, *d_weights = scratch + HEADS * taps;
  const int64_t begin = w.top * s.pitch, end = w.bottom * s.pitch, step = s.rows * in.values->line;
  for (int64_t u = 0; u < s.u; ++u) {
    const float* of_u = in.table + u * s.k * taps;
    int64_t at = begin;
    for (; at + 3 * LANES <= end; at += 3 * LANES) weigh<HEADS, 3>(s, query, of_u, taps, at, weights);
    for (; at < end; at += LANES) weigh<HEADS, 1>(s, query, of_u, taps, at, weights);
    const float* under[3];
    int64_t places[3];
    for (at = begin; at < end;) {
      const int64_t chunks = at + 3 * LANES <= end ? 3 : 1;
      for (int64_t i = 0; i < chunks; ++i) {
        places[i] = at + i * LANES;
        under[i] = in.values->at(s, image, u, w.row + places[i] / s.pitch, w.column + places[i] % s.pitch);
      }
      if (chunks == 3) weigh_back<HEADS, 3>(s, under, places, step, d_y, taps, d_weights);
      else weigh_back<HEADS, 1>(s, under, places, step, d_y, taps, d_weights);
      at += chunks * LANES;
    }
    product_back<HEADS>(s, query, of_u, d_weights, taps, begin, end, d_query, into.table.data() + u * s.k * taps);
    float* d_values = into.values.data() + (own * s.u + u) * map;
    int64_t v = 0;
    for (; s.v_pitch - v >= 2 * LANES; v += 2 * LANES) scatter<HEADS, 2>(s, w, weights, taps, d_y + v, d_values + v);
    for (; v < s.v_pitch; v += LANES) scatter<HEADS, 1>(s, w, weights, taps, d_y + v, d_values + v);
  }
}

void query_rows_back(const Shape& s, int64_t first, int64_t last, const Inputs& in, const float* d_y, float* d_queries,
                     Gradients& into) {
  const int64_t taps = s.r_y * s.pitch;
  into.first_image = first / s.height;
  const int64_t images = last > first ? (last - 1) / s.height - into.first_image + 1 : 0;
  into.values.assign(images * s.u * s.rows * s.columns * s.v_pitch, 0.0f);
  into.content.assign(in.content ? images * s.k * s.v_pitch : 0, 0.0f);
  into.table.assign(in.table ? s.u * s.k * taps : 0, 0.0f);
  std::vector<float> scratch(8 * taps + LANES), padded(s.h * s.v_pitch + LANES, 0.0f);
  for (int64_t line = first; line < last; ++line)
    for (int64_t column = 0; column < s.width; ++column) {
      const int64_t at = line * s.width + column, image = line / s.height;
      for (int64_t i = 0; i < s.h; ++i)
        std::memcpy(&padded[i * s.v_pitch], d_y + (at * s.h + i) * s.v, s.v * sizeof(float));
      const Window w = window(s, line % s.height, column);
      int64_t head = 0;
      auto heads = [&](auto count) {
        constexpr int n = decltype(count)::value;
        const int64_t of_query = (at * s.h + head) * s.k;
        some_heads_back<n>(s, w, image, in.queries + of_query, in, &padded[head * s.v_pitch], scratch.data(),
                           d_queries + of_query, into);
        head += n;
      };
      while (s.h - head >= 4) heads(std::integral_constant<int, 4>{});
      while (s.h - head >= 2) heads(std::integral_constant<int, 2>{});
      while (s.h - head >= 1) heads(std::integral_constant<int, 1>{});
    }
}

// [count][from] to [count][to], zeros behind
std::vector<float> widened(const float* source, int64_t count, int64_t from, int64_t to) {
  std::vector<float> wide(count * to + 4 * LANES, 0.0f);
  for (int64_t i = 0; i < count; ++i) std::memcpy(&wide[i * to], source + i * from, from * sizeof(float));
  return wide;
}

Shape shape_of(const int64_t* sizes) {
  Shape s{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], sizes[8], sizes[9], sizes[10], 0, 0};
  s.pitch = rounded(s.r_x);
  s.v_pitch = rounded(s.v);
  return s;
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

// work(part, first, last) for parts of so many lines, each on a thread
template <class Work>
void in_parts(int64_t lines, int64_t parts, const Work& work) {
  std::vector<std::thread> others;
  for (int64_t i = 1; i < parts; ++i) others.emplace_back([=, &work] { work(i, lines * i / parts, lines * (i + 1) / parts); });
  work(0, 0, lines / parts);
  for (auto& one : others) one.join();
}

}  // namespace

// queries [b, height, width, h, k], values [b, u, rows, columns, v], content [b, k, v] or null, table [u, k, r_y, r_x] or null,
// y [b, height, width, h, v]; all contiguous float32. sizes: b, height, width, rows, columns, h, k, u, v, r_y, r_x.
extern "C" void lambda_forward(const float* queries, const float* values, const float* content, const float* table, float* y,
                               const int64_t* sizes, int64_t threads) {
  const Shape s = shape_of(sizes);
  // vectors of taps may be read behind a table's last row, and nowhere else: it is copied with room
  const std::vector<float> e = table ? widened(table, s.u * s.k * s.r_y, s.r_x, s.pitch) : std::vector<float>();
  const Widened v(values, s.b * s.u * s.rows * s.columns, s.v, s.v_pitch), c(content, s.b * s.k, s.v, s.v_pitch);
  const int64_t lines = s.b * s.height;
  in_parts(lines, std::max<int64_t>(1, std::min(threads, lines)), [&](int64_t, int64_t first, int64_t last) {
    query_rows(s, first, last, queries, v.numbers, c.numbers, table ? e.data() : nullptr, y);
  });
}

// Gradients of the same, of shapes as their inputs; those of content and table are null where these are.
extern "C" void lambda_backward(const float* queries, const float* values, const float* content, const float* table,
                                const float* d_y, float* d_queries, float* d_values, float* d_content, float* d_table,
                                const int64_t* sizes, int64_t threads) {
  const Shape s = shape_of(sizes);
  const std::vector<float> e = table ? widened(table, s.u * s.k * s.r_y, s.r_x, s.pitch) : std::vector<float>();
  const Widened v(values, s.b * s.u * s.rows * s.columns, s.v, s.v_pitch), c(content, s.b * s.k, s.v, s.v_pitch);
  const Turned t = table ? turned(s, v.numbers) : Turned{0, 0, {}};
  const Inputs in{queries, c.numbers, table ? e.data() : nullptr, &t};
  const int64_t lines = s.b * s.height, parts = std::max<int64_t>(1, std::min(threads, lines));
  std::vector<Gradients> found(parts);
  in_parts(lines, parts, [&](int64_t part, int64_t first, int64_t last) {
    query_rows_back(s, first, last, in, d_y, d_queries, found[part]);
  });
  auto add = [](float* into, const float* wide, int64_t count, int64_t to, int64_t from) {
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < to; ++j) into[i * to + j] += wide[i * from + j];
  };
  const int64_t map = s.u * s.rows * s.columns;
  std::fill_n(d_values, s.b * map * s.v, 0.0f);
  if (content) std::fill_n(d_content, s.b * s.k * s.v, 0.0f);
  if (table) std::fill_n(d_table, s.u * s.k * s.r_y * s.r_x, 0.0f);
  for (const Gradients& one : found) {
    const int64_t images = static_cast<int64_t>(one.values.size()) / (map * s.v_pitch);
    add(d_values + one.first_image * map * s.v, one.values.data(), images * map, s.v, s.v_pitch);
    if (content) add(d_content + one.first_image * s.k * s.v, one.content.data(), images * s.k, s.v, s.v_pitch);
    if (table) add(d_table, one.table.data(), s.u * s.k * s.r_y, s.r_x, s.pitch);
  }
}

// float32 numbers in a vector of this build.
extern "C" int64_t lambda_lanes() { return LANES; }
