// The forward pass, queries first: neighbouring queries of a row of the map are taken together, as many as fill a vector with their
// heads. Their weights are made in the first-level cache, then multiplied with the values under the windows, cut exactly at the
// borders of the map.
#pragma once

#include <utility>

#include "output.h"
#include "shape.h"

namespace {

// One image as the forward pass reads it: a position's queries [h][k] at queries + position * h * k; content lambda [k][v_pitch] or
// null; values [u][rows][columns][v_pitch]. Queries may be laid out already: [k][LANES] of each group, as query_run takes them in turn.
struct Image {
  const float *queries, *content, *values;
  bool laid_out = false;
};

struct Window {
  int64_t top, bottom, left, right;  // taps that lie on the map
  int64_t row, column;               // the map's position under tap (0, 0), may be negative
};

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

template <int N, class Part>
void exactly(int64_t n, int64_t at, const Part& part) {
  if (n == N) part(std::integral_constant<int, N>{}, at);
  else if constexpr (N > 1) exactly<N - 1>(n, at, part);
}

// part(integral_constant n, first) for `count` things, at most MOST at a time, and as evenly as can be
template <int MOST, class Part>
void evenly(int64_t count, const Part& part) {
  for (int64_t at = 0, parts = (count + MOST - 1) / MOST; parts > 0; --parts) {
    const int64_t n = (count - at + parts - 1) / parts;
    exactly<MOST>(n, at, part);
    at += n;
  }
}

// part(integral_constant n, first) for whole vectors of the value depth
template <int MOST = 3, class Part>
void in_vectors(int64_t length, const Part& part) {
  evenly<MOST>(length / LANES, [&](auto n, int64_t at) { part(n, at * LANES); });
}

// part(integral_constant n, first) for all heads, four at a time
template <class Part>
void in_heads(int64_t heads, const Part& part) {
  int64_t head = 0;
  for (; heads - head >= 4; head += 4) part(std::integral_constant<int, 4>{}, head);
  if (heads - head >= 2) part(std::integral_constant<int, 2>{}, head), head += 2;
  if (heads - head >= 1) part(std::integral_constant<int, 1>{}, head);
}

// Queries one after the other that make a vector with HEADS heads each: a lane is a pair of them, the query's number * HEADS + head
template <int HEADS>
constexpr int64_t QUERIES = LANES / HEADS;

// out[row][i][pair] = sum over j < depth of numbers[row][j][i] pairs[j][pair]; one row, or two a step apart
template <int COUNT, int ROWS = 1>
void weigh(const float* pairs, const float* numbers, int64_t step, int64_t depth, float* out, int64_t row_step = 0, int64_t out_row = 0) {
  Vec sum[ROWS][COUNT] = {};
  for (int64_t j = 0; j < depth; ++j) {
    const Vec one = load(pairs + j * LANES);
    UNROLLED for (int row = 0; row < ROWS; ++row)
      UNROLLED for (int i = 0; i < COUNT; ++i) sum[row][i] += one * all(numbers[row * row_step + j * step + i]);
  }
  UNROLLED for (int row = 0; row < ROWS; ++row)
    UNROLLED for (int i = 0; i < COUNT; ++i) store(out + row * out_row + i * LANES, sum[row][i]);
}

// Sums that stay in registers, of 32 or 16
constexpr int SUMS = LANES == 16 ? 16 : 12;

void weigh_all(const float* pairs, const float* numbers, int64_t step, int64_t depth, int64_t count, float* out) {
  evenly<SUMS>(count, [&](auto n, int64_t at) { weigh<decltype(n)::value>(pairs, numbers + at, step, depth, out + at * LANES); });
}

// sum[query][head] += weight x value for queries FIRST to LAST of a few; a query's weight lies SHEAR before that of the one before it
template <int HEADS, int FIRST, int LAST, int SHEAR, int VECTORS>
inline void meet(const float* weights, const float* values, Vec (*sum)[VECTORS]) {
  Vec value[VECTORS];
  UNROLLED for (int i = 0; i < VECTORS; ++i) value[i] = load(values + i * LANES);
  UNROLLED for (int pair = FIRST * HEADS; pair < LAST * HEADS; ++pair) {
    const Vec a = all(weights[pair - pair / HEADS * SHEAR]);
    UNROLLED for (int i = 0; i < VECTORS; ++i) sum[pair][i] += a * value[i];
  }
}

// Columns of the map under the windows of neighbouring queries that are no more than a window is wide, counted from that under the
// first query's first tap on.
struct Columns {
  int64_t begin, end, step;  // those on the map; from a value to the next
};

// One row of the windows of COUNT queries: the columns under the first queries only, under all, under the last only
template <int HEADS, int COUNT, int VECTORS, bool WHOLE, int... I>
inline void meet_row(const Columns& columns, int64_t r_x, std::integer_sequence<int, I...>, const float* weights, const float* values,
                     Vec (*sum)[VECTORS]) {
  [[maybe_unused]] auto part = [&](auto first, auto last, int64_t d) {
    if (WHOLE || (d >= columns.begin && d < columns.end))
      meet<HEADS, decltype(first)::value, decltype(last)::value, LANES, VECTORS>(weights, values, sum);
    weights += LANES;
    values += columns.step;
  };
  (part(std::integral_constant<int, 0>{}, std::integral_constant<int, I + 1>{}, I), ...);
  int64_t d = COUNT - 1, last = r_x;
  if (!WHOLE) {
    d = std::max(columns.begin, d);
    last = std::min(columns.end, last);
    weights += (d - COUNT + 1) * LANES;
    values += (d - COUNT + 1) * columns.step;
  }
  for (; d < last; ++d, weights += LANES, values += columns.step)
    meet<HEADS, 0, COUNT, LANES, VECTORS>(weights, values, sum);
  if (!WHOLE) {
    weights += (r_x - d) * LANES;
    values += (r_x - d) * columns.step;
  }
  (part(std::integral_constant<int, I + 1>{}, std::integral_constant<int, COUNT>{}, r_x + I), ...);
}

// Some rows of the windows of neighbouring queries, and what is read and written there
struct Rows {
  const float *queries, *content;  // [k][LANES] from the first query's first pair on, [k][v_pitch]; or null: no content term here
  const float* weights;            // [rows][pitch][LANES], the same pairs
  const float* values;             // under the first weight, if that lay on the map
  int64_t count, left;             // of rows; the column under the first tap
  float* y;                        // [h][v_pitch] of a position, from the first head here on
  bool more;                       // whether y has been begun
};

// y of COUNT neighbouring queries of a row, for VECTORS vectors of the value depth
template <int HEADS, int COUNT, int VECTORS>
void gather(const Shape& s, const Rows& rows, int64_t v) {
  Vec sum[COUNT * HEADS][VECTORS] = {};
  auto place = [&](int pair) { return rows.y + (pair / HEADS * s.h + pair % HEADS) * s.v_pitch + v; };
  if (rows.more)
    UNROLLED for (int pair = 0; pair < COUNT * HEADS; ++pair)
      UNROLLED for (int i = 0; i < VECTORS; ++i) sum[pair][i] = load(place(pair) + i * LANES);
  if (rows.content)
    for (int64_t k = 0; k < s.k; ++k)
      meet<HEADS, 0, COUNT, 0, VECTORS>(rows.queries + k * LANES, rows.content + k * s.v_pitch + v, sum);
  const Columns columns{std::max<int64_t>(0, -rows.left), std::min(s.columns - rows.left, s.r_x + COUNT - 1), s.v_pitch};
  const float *weights = rows.weights, *values = rows.values + v;
  auto all_rows = [&](auto whole) {
    for (int64_t row = 0; row < rows.count; ++row, weights += s.pitch * LANES, values += s.columns * s.v_pitch)
      meet_row<HEADS, COUNT, VECTORS, decltype(whole)::value>(columns, s.r_x, std::make_integer_sequence<int, COUNT - 1>{}, weights,
                                                              values, sum);
  };
  if (COUNT > 1 && columns.begin == 0 && columns.end == s.r_x + COUNT - 1) all_rows(std::bool_constant<(COUNT > 1)>{});
  else if (columns.begin < columns.end) all_rows(std::false_type{});
  UNROLLED for (int pair = 0; pair < COUNT * HEADS; ++pair)
    UNROLLED for (int i = 0; i < VECTORS; ++i) store(place(pair) + i * LANES, sum[pair][i]);
}

template <int HEADS, int COUNT>
void gather_all(const Shape& s, const Rows& rows) {
  constexpr int MOST = HEADS < 4 && COUNT > 1 ? 1 : std::min(4, SUMS / (COUNT * HEADS));
  in_vectors<MOST>(s.v_pitch, [&](auto vectors, int64_t v) { gather<HEADS, COUNT, decltype(vectors)::value>(s, rows, v); });
}

// Queries of a row that are gathered for together where the value depth is less than four vectors: enough sums to keep the units busy
template <int HEADS>
constexpr int TOGETHER = LANES == 16 ? (HEADS < 4 ? 8 : 16) / HEADS : LANES == 8 ? 4 / HEADS : 1;

// The next number that begins a line of the cache
inline float* whole_line(float* p) { return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64); }

// What a thread needs to apply lambdas to one query after the other: queries [pairs][k, whole vectors] and [k][pairs], weights.
struct Desk {
  int64_t k_pitch, rows;  // rows of windows at a time: what the first-level cache takes
  std::vector<float> room;
  float *pairs, *turned, *weights;
  explicit Desk(const Shape& s) : k_pitch(rounded(s.k)), rows(std::clamp<int64_t>(2048 / (s.pitch * LANES), 1, s.r_y)) {
    room.resize(2 * k_pitch * LANES + (rows * s.pitch + SUMS) * LANES + 16);
    pairs = whole_line(room.data());
    turned = pairs + k_pitch * LANES;
    weights = turned + k_pitch * LANES;
  }
};

// Numbers of queries: from a query to the next, from a head to the next, which is how many a pair has; a scale and a shift of each of
// the channels are folded in, or null
struct PerQuery {
  const float* numbers;
  int64_t stride, depth;
  const float *scale = nullptr, *shift = nullptr;
};

// Those of a few queries as [pairs][pitch] and as [pitch][pairs]; a query has `wide` pairs, of which `heads` are given
void lay_out(const PerQuery& from, int64_t count, int64_t heads, int64_t wide, int64_t pitch, float* pairs, float* turned) {
  const bool whole = from.depth == pitch;  // heads one after the other, here and there
  const int64_t channels = heads * from.depth, step = whole ? channels : from.depth;
  for (int64_t i = 0; i < count; ++i) {
    const float *numbers = from.numbers + i * from.stride, *next = numbers + count * from.stride;
    for (int64_t j = 0; j < channels; j += 16) __builtin_prefetch(next + j);
    float* to = pairs + i * wide * pitch;
    for (int64_t channel = 0; channel < channels; channel += step, to += pitch)
      fold(numbers + channel, step, from.scale ? from.scale + channel : nullptr, from.scale ? from.shift + channel : nullptr, to);
  }
  for (int64_t i = 0; i < pitch; i += LANES) turn(pairs + i, pitch, turned + i * LANES, LANES);
}

// The taps that any query at positions `first` to `last` needs
Window needed(const Shape& s, int64_t first, int64_t last) {
  const int64_t top = first / s.width, bottom = (last - 1) / s.width;
  const bool one = top == bottom;
  Window w = window(s, top, one ? first - top * s.width : 0);
  w.left = window(s, bottom, one ? last - 1 - top * s.width : s.width - 1).left;
  if (!one) w.top = window(s, bottom, 0).top;
  return w;
}

// The weights of rows `top` to `bottom` of a window: along all of them, or row by row where that is fewer
void weigh_rows(const Shape& s, const Window& w, const float* turned, const float* table, int64_t top, int64_t bottom, float* weights) {
  const int64_t width = w.right - w.left, length = (bottom - top - 1) * s.pitch + width;
  if (width <= 0) return;
  table += top * s.pitch + w.left;
  weights += w.left * LANES;
  if (8 * length <= 9 * width * (bottom - top)) return weigh_all(turned, table, s.taps, s.k, length, weights);
  for (int64_t row = top; row < bottom; ++row, table += s.pitch, weights += s.pitch * LANES)
    weigh_all(turned, table, s.taps, s.k, width, weights);
}

// At most COUNT neighbours of at most `most`, half as many as long as those are too many: how many there were
template <int HEADS, int COUNT>
int64_t gather_some(const Shape& s, const Rows& rows, int64_t most) {
  if constexpr (COUNT > 1)
    if (COUNT > most) return gather_some<HEADS, COUNT / 2>(s, rows, most);
  gather_all<HEADS, COUNT>(s, rows);
  return COUNT;
}

// Rows `top` to `bottom` of the windows of a few queries, the neighbours in a row together; `all` is the first query's, and values are
// the whole map's
template <int HEADS>
void gather_rows(const Shape& s, int64_t position, int64_t count, int64_t top, int64_t bottom, const Rows& all) {
  const int64_t most = s.v_pitch < 4 * LANES ? std::min<int64_t>(TOGETHER<HEADS>, s.r_x) : 1;
  Rows rows = all;
  for (int64_t i = 0, row = position / s.width, column = position % s.width; i < count; ++row, column = 0) {
    const Window w = window(s, row, 0);
    const int64_t begin = std::clamp(w.top, top, bottom), skipped = (begin - top) * s.pitch * LANES;
    const float* values = all.values + ((w.row + begin) * s.columns - s.r_x / 2) * s.v_pitch;
    rows.count = std::clamp(w.bottom, begin, bottom) - begin;
    for (int64_t step; i < count && column < s.width; i += step, column += step) {
      rows.left = column - s.r_x / 2;
      rows.queries = all.queries + i * HEADS;
      rows.weights = all.weights + skipped + i * HEADS;
      rows.values = values + column * s.v_pitch;
      rows.y = all.y + i * s.h * s.v_pitch;
      step = gather_some<HEADS, TOGETHER<HEADS>>(s, rows, std::min({most, count - i, s.width - column}));
    }
  }
}

// y of a few queries laid out as `turned`; without a table the content term only
template <int HEADS>
void few_queries(const Shape& s, const Image& image, const float* turned, const float* table, int64_t position, int64_t count,
                 int64_t head, Desk& desk, float* y) {
  Rows rows{turned, image.content, desk.weights, image.values, 0, 0, y + head * s.v_pitch, false};
  if (table) {
    const Window all = needed(s, position, position + count);
    for (int64_t u = 0; u < s.u; ++u, rows.values += s.rows * s.columns * s.v_pitch)
      for (int64_t top = all.top, bottom; top < all.bottom; top = bottom) {
        bottom = std::min(top + desk.rows, all.bottom);
        weigh_rows(s, all, turned, table + u * s.k * s.taps, top, bottom, desk.weights);
        gather_rows<HEADS>(s, position, count, top, bottom, rows);
        rows.content = nullptr;
        rows.more = true;
      }
  }
  if (!rows.more) gather_rows<HEADS>(s, position, count, 0, 0, rows);
}

// Queries that the widest group of a layer has
inline int64_t widest(const Shape& s) { return s.h % 4 == 0 ? QUERIES<4> : s.h % 2 == 0 ? QUERIES<2> : QUERIES<1>; }

// Whether groups go on in the next row: where rows are short, or nothing is gained by neighbours and rows would end in part of a group
inline bool across_rows(const Shape& s) {
  return s.width < widest(s) || (s.v_pitch >= 4 * LANES && s.width % widest(s) != 0);
}

// How many of `most` queries from position `at` on make a group: those of a row together where it is wide enough
inline int64_t together(const Shape& s, int64_t at, int64_t last, int64_t most) {
  const int64_t in_row = across_rows(s) ? last - at : s.width - at % s.width;
  return std::min({most, in_row, last - at});
}

// The end of whole groups from `first` on, so that there are no more than `most` positions, and `few` where nothing is left then
inline int64_t groups_end(const Shape& s, int64_t first, int64_t last, int64_t most, int64_t few) {
  if (last - first <= most + few) return last;
  int64_t end = first;
  for (int64_t more; end < last && end + (more = together(s, end, last, widest(s))) <= first + most; end += more) {}
  return end;
}

// part(integral_constant heads, head, first position, count) for all groups of positions `first` to `last`
template <class Part>
void in_groups(const Shape& s, int64_t first, int64_t last, const Part& part) {
  in_heads(s.h, [&](auto heads, int64_t head) {
    for (int64_t at = first, count; at < last; at += count) {
      count = together(s, at, last, QUERIES<decltype(heads)::value>);
      part(heads, head, at, count);
    }
  });
}

// y[h][v_pitch] of the queries at positions `first` to `last`; without a table their content terms only. Where the next group's
// queries are.
const float* query_run(const Shape& s, const Image& image, const float* table, int64_t first, int64_t last, Desk& desk, float* y) {
  const float* laid_out = image.queries;
  in_groups(s, first, last, [&](auto heads, int64_t head, int64_t at, int64_t count) {
    constexpr int HEADS = decltype(heads)::value;
    const float* turned = laid_out;
    if (image.laid_out) {
      laid_out += s.k * LANES;
    } else {
      lay_out({image.queries + (at * s.h + head) * s.k, s.h * s.k, s.k}, count, HEADS, HEADS, desk.k_pitch, desk.pairs, desk.turned);
      turned = desk.turned;
    }
    few_queries<HEADS>(s, image, turned, table, at, count, head, desk, y + (at - first) * s.h * s.v_pitch);
  });
  return laid_out;
}

}  // namespace
