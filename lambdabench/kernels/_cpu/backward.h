// The backward pass, queries first: the weights are made again, nothing of the forward pass is kept but its inputs. Neighbouring
// queries of a row are taken together as in the forward pass; what margins the sums of their columns need, maps have here.
#pragma once

#include "backward_inputs.h"

namespace {

// What a thread needs beside a desk: gradients of y [pairs][v_pitch] and [v_pitch][pairs], of weights and of queries [pairs][k_pitch]
struct BackDesk : Desk {
  int64_t pitch;  // of a row of windows' gradients of weights: as many columns as neighbours have together
  std::vector<float> more;
  float *d_pairs, *d_turned, *d_weights, *d_queries;
  explicit BackDesk(const Shape& s) : Desk(s), pitch(s.r_x + LANES) {
    more.resize(2 * s.v_pitch * LANES + k_pitch * LANES + (rows * pitch + SUMS) * LANES + 16);
    d_pairs = whole_line(more.data());
    d_turned = d_pairs + s.v_pitch * LANES;
    d_queries = d_turned + s.v_pitch * LANES;
    d_weights = d_queries + k_pitch * LANES;
  }
};

// Adds to moments [2][h k] what queries of a head give, `pitch` apart, and their gradients, `d_pitch` apart
inline void add_moments(const float* queries, int64_t pitch, const float* d, int64_t d_pitch, int64_t count, int64_t k, const float* mean,
                        float* sums, float* products) {
  for (int64_t c = 0; c < k; c += LANES) {
    Vec sum = load(sums + c), product = load(products + c);
    const Vec middle = load(mean + c);
    for (int64_t i = 0; i < count; ++i) {
      const Vec one = load(d + i * d_pitch + c);
      sum += one, product += one * (load(queries + i * pitch + c) - middle);
    }
    store(sums + c, sum), store(products + c, product);
  }
}

// Neighbouring queries of a row, and some rows and columns of their windows
struct Stretch {
  int64_t count, left;       // of queries; the map's column under the first column here
  int64_t top, rows, width;  // the first row of the windows here, how many, and how many columns
};

// d_queries[pair][k..] += sum over rows and columns of d[row][column][pair] numbers[row][column][k..]
template <int HEADS, int SHEAR>
void queries_back(const float* d, int64_t d_step, const float* numbers, int64_t step, const Stretch& part, int64_t k_pitch,
                  float* d_queries) {
  for (int64_t k = 0; k < k_pitch; k += LANES) {
    Vec sum[LANES][1];
    UNROLLED for (int pair = 0; pair < LANES; ++pair) sum[pair][0] = load(d_queries + pair * k_pitch + k);
    for (int64_t row = 0; row < part.rows; ++row)
      for (int64_t i = 0; i < part.width; ++i)
        meet<HEADS, 0, QUERIES<HEADS>, SHEAR, 1>(d + row * d_step + i * LANES, numbers + row * step + i * k_pitch + k, sum);
    UNROLLED for (int pair = 0; pair < LANES; ++pair) store(d_queries + pair * k_pitch + k, sum[pair][0]);
  }
}

struct Strided {
  float* at;
  int64_t row, step;  // from a row to the next, from a column to the next
};

// Which of both moves on by a column from a query to the next
enum class Moves { NEITHER, WEIGHTS, SUMS };

// into[row][column][..] += sum over pairs of weights[row][column][pair] vectors[pair][..], where a pair's query moves on the column of
// one; for one vector of what is summed
template <int HEADS, int COLUMNS, Moves MOVES>
void add_rows(const float* weights, int64_t weights_row, const float* vectors, int64_t pitch, const Stretch& part, Strided into) {
  constexpr int OF_SUMS = MOVES == Moves::SUMS, OF_WEIGHTS = MOVES == Moves::WEIGHTS, ALL = COLUMNS + OF_SUMS * MARGIN<HEADS>;
  for (int64_t row = 0; row < part.rows; ++row, weights += weights_row, into.at += into.row) {
    Vec sum[ALL];
    UNROLLED for (int c = 0; c < ALL; ++c) sum[c] = load(into.at + c * into.step);
    auto add = [&](int64_t query) {
      UNROLLED for (int head = 0; head < HEADS; ++head) {
        const Vec one = load(vectors + (query * HEADS + head) * pitch);
        const float* own = weights + query * (HEADS + OF_WEIGHTS * LANES) + head;
        UNROLLED for (int c = 0; c < COLUMNS; ++c) sum[c + OF_SUMS * query] += one * all(own[c * LANES]);
      }
    };
    if constexpr (MOVES == Moves::SUMS) {
      UNROLLED for (int64_t query = 0; query < QUERIES<HEADS>; ++query)
        if (query < part.count) add(query);
    } else {
      for (int64_t query = 0; query < part.count; ++query) add(query);
    }
    UNROLLED for (int c = 0; c < ALL; ++c) store(into.at + c * into.step, sum[c]);
  }
}

// The same for all vectors of so many columns
template <int HEADS, int COLUMNS, Moves MOVES>
void add_columns(const float* weights, int64_t weights_row, const float* vectors, int64_t pitch, const Stretch& part, Strided into) {
  for (int64_t i = 0; i < pitch; i += LANES, into.at += LANES)
    add_rows<HEADS, COLUMNS, MOVES>(weights, weights_row, vectors + i, pitch, part, into);
}

// The same for all columns
template <int HEADS, Moves MOVES>
void add_all(const float* weights, int64_t weights_row, const float* vectors, int64_t pitch, const Stretch& part, const Strided& into) {
  evenly<HEADS == 4 ? 10 : 4>(part.width, [&](auto columns, int64_t first) {
    add_columns<HEADS, decltype(columns)::value, MOVES>(weights + first * LANES, weights_row, vectors, pitch, part,
                                                        {into.at + first * into.step, into.row, into.step});
  });
}

// The content term's share of the gradients of a few queries and of the content lambda
template <int HEADS>
void content_back(const Shape& s, const Turned& t, int64_t image, BackDesk& desk, float* d_content) {
  queries_back<HEADS, 0>(desk.d_turned, 0, &t.content[image * s.v_pitch * desk.k_pitch], 0, {0, 0, 0, 1, s.v}, desk.k_pitch,
                         desk.d_queries);
  const Stretch one{QUERIES<HEADS>, 0, 0, 1, 0};
  int64_t k = 0;
  auto rows = [&](auto n) {
    constexpr int COUNT = decltype(n)::value;
    add_columns<HEADS, COUNT, Moves::NEITHER>(desk.turned + k * LANES, 0, desk.d_pairs, s.v_pitch, one,
                                              {d_content + k * s.v_pitch, 0, s.v_pitch});
    k += COUNT;
  };
  while (s.k - k >= 8) rows(std::integral_constant<int, 8>{});
  while (k < s.k) rows(std::integral_constant<int, 1>{});
}

// `weigh_all` of so many rows, two at a time where they are short
void weigh_lines(const float* pairs, const float* numbers, int64_t step, int64_t depth, int64_t rows, int64_t count, int64_t row_step,
                 float* out, int64_t out_row) {
  constexpr int64_t SHORT = LANES == 16 ? 14 : 6;
  int64_t row = 0;
  if (count <= SHORT)
    exactly<SHORT>(count, 0, [&](auto n, int64_t) {
      for (; row + 2 <= rows; row += 2)
        weigh<decltype(n)::value, 2>(pairs, numbers + row * row_step, step, depth, out + row * out_row, row_step, out_row);
    });
  for (; row < rows; ++row) weigh_all(pairs, numbers + row * row_step, step, depth, count, out + row * out_row);
}

// The share of some rows of their windows, of intra-depth u
template <int HEADS>
void rows_back(const Shape& s, const Taps& taps, const Turned& t, int64_t map_row, int64_t u, const Window& w, const Stretch& part,
               BackDesk& desk, Gradients& into, int64_t into_row) {
  const int64_t tap = part.top * s.pitch + w.left, k_pitch = desk.k_pitch;
  weigh_rows(s, w, desk.turned, &taps.table[u * s.k * s.taps], part.top, part.top + part.rows, desk.weights);
  const int64_t columns = part.width + part.count - 1, begin = std::max<int64_t>(0, -part.left);
  const int64_t end = std::min(columns, s.columns - part.left);
  float* d = desk.d_weights;
  for (int64_t row = 0; row < part.rows; ++row, d += desk.pitch * LANES) {
    for (int64_t i = 0; i < begin; ++i) store(d + i * LANES, Vec{});
    for (int64_t i = end; i < columns; ++i) store(d + i * LANES, Vec{});
  }
  const int64_t map = s.v_pitch * s.columns;
  weigh_lines(desk.d_turned, t.values.get() + map_row * map + part.left + begin, s.columns, s.v, part.rows, end - begin, map,
              desk.d_weights + begin * LANES, desk.pitch * LANES);
  const int64_t d_row = desk.pitch * LANES, taps_row = s.pitch * k_pitch;
  queries_back<HEADS, -static_cast<int>(LANES)>(desk.d_weights, d_row, &taps.taps[(u * s.taps + tap) * k_pitch], taps_row, part, k_pitch,
                                                desk.d_queries);
  add_all<HEADS, Moves::WEIGHTS>(desk.d_weights, d_row, desk.pairs, k_pitch, part,
                        {into.table + (u * s.taps + tap) * k_pitch, taps_row, k_pitch});
  add_all<HEADS, Moves::SUMS>(desk.weights + w.left * LANES, s.pitch * LANES, desk.d_pairs, s.v_pitch, part,
                       {&into.values[(into_row * t.line + t.margin + part.left) * s.v_pitch], t.line * s.v_pitch, s.v_pitch});
}

// All of it for a few neighbouring queries of a row of an image; gradients of y are theirs
template <int HEADS>
void few_back(const Shape& s, const Given& given, const Taps* taps, const Turned& t, int64_t image, int64_t position, int64_t count,
              int64_t head, const float* d_y, BackDesk& desk, const QueriesBack& d_queries, Gradients& into) {
  const int64_t row = image * s.height * s.width + position, channel = head * s.k, own = image - into.first_image;
  const int64_t k_pitch = desk.k_pitch, heads = std::min<int64_t>(HEADS, s.h - head);
  std::fill_n(desk.d_queries, LANES * k_pitch, 0.0f);
  if (count * heads < LANES) {
    std::fill_n(desk.pairs, LANES * k_pitch, 0.0f);
    std::fill_n(desk.d_pairs, LANES * s.v_pitch, 0.0f);
  }
  const float *scale = given.scale ? given.scale + channel : nullptr, *shift = scale ? given.shift + channel : nullptr;
  const float* queries = given.queries + row * given.pitch + channel;
  float* out = d_queries.numbers + row * d_queries.pitch + channel;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < heads * s.k; j += 16) __builtin_prefetch(out + i * d_queries.pitch + j, 1);
  lay_out({queries, given.pitch, s.k, scale, shift}, count, heads, HEADS, k_pitch, desk.pairs, desk.turned);
  lay_out({d_y, s.h * s.v, s.v}, count, heads, HEADS, s.v_pitch, desk.d_pairs, desk.d_turned);
  if (given.content) content_back<HEADS>(s, t, image, desk, &into.content[own * s.k * s.v_pitch]);
  const Window w = needed(s, position, position + count);
  Stretch part{count, w.column + w.left, 0, 0, w.right - w.left};
  for (int64_t u = 0; taps && part.width > 0 && u < s.u; ++u)
    for (part.top = w.top; part.top < w.bottom; part.top += part.rows) {
      part.rows = std::min(desk.rows, w.bottom - part.top);
      const int64_t line = u * s.rows + w.row + part.top;
      rows_back<HEADS>(s, *taps, t, image * s.u * s.rows + line, u, w, part, desk, into, own * s.u * s.rows + line);
    }
  const int64_t together = s.k == k_pitch ? heads : 1;  // heads, one after the other here and there
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < heads; j += together)
      fold(desk.d_queries + (i * HEADS + j) * k_pitch, together * s.k, nullptr, nullptr, out + i * d_queries.pitch + j * s.k);
  for (int64_t j = 0; d_queries.mean && j < heads; ++j) {
    const int64_t own_channel = channel + j * s.k;
    add_moments(queries + j * s.k, given.pitch, desk.d_queries + j * k_pitch, HEADS * k_pitch, count, s.k, d_queries.mean + own_channel,
                &into.moments[own_channel], &into.moments[s.h * s.k + own_channel]);
  }
}

// Rows of queries, of all images
void lines_back(const Shape& s, const Given& given, const Taps* taps, const Turned& t, int64_t first, int64_t last,
                const QueriesBack& d_queries, Gradients& into) {
  into.first_image = first / s.height;
  into.images = last > first ? (last - 1) / s.height - into.first_image + 1 : 0;
  BackDesk desk(s);
  if (given.content) into.content.assign(into.images * s.k * s.v_pitch, 0.0f);
  if (taps) into.values.assign(into.images * s.u * s.rows * t.line * s.v_pitch, 0.0f);
  into.moments.assign(d_queries.mean ? 2 * s.h * s.k : 0, 0.0f);
  into.sums.assign(into.moments.size(), 0.0);
  Lines lines(s, given);
  for (int64_t line = first; line < last; ++line) {
    const float* d_line = lines.of(line, last);
    for (int64_t head = 0; head < s.h; head += 4) {
      auto row = [&](auto heads) {
        constexpr int HEADS = decltype(heads)::value;
        const int64_t image = line / s.height, position = line % s.height * s.width;
        for (int64_t column = 0; column < s.width; column += QUERIES<HEADS>)
          few_back<HEADS>(s, given, taps, t, image, position + column, std::min(QUERIES<HEADS>, s.width - column), head,
                          d_line + (column * s.h + head) * s.v, desk, d_queries, into);
      };
      if (are_two(s.h - head)) row(std::integral_constant<int, 2>{});
      else row(std::integral_constant<int, 4>{});
    }
    for (size_t i = 0; i < into.moments.size(); ++i) into.sums[i] += into.moments[i], into.moments[i] = 0;
  }
}

// into[i][..length] = or += from[i][..length]
void take(const float* from, int64_t from_pitch, int64_t count, int64_t length, bool add, float* into) {
  for (int64_t i = 0; i < count; ++i, from += from_pitch, into += length)
    if (add)
      for (int64_t j = 0; j < length; ++j) into[j] += from[j];
    else std::copy_n(from, length, into);
}

// The backward pass of lambda_backward, with taps or none; adds what the table gets to table_sum, as Taps::taps
void backward_direct(const Shape& s, const Given& given, const Taps* taps, const QueriesBack& d_queries, float* d_values, float* d_content,
                     float* table_sum, int64_t threads) {
  const Turned t = turned(s, given, taps, threads);
  const int64_t lines = s.b * s.height, parts = std::max<int64_t>(1, std::min(threads, lines));
  const int64_t map = s.u * s.rows;
  std::vector<Gradients> found(parts);
  for (int64_t i = 0; i < parts; ++i) {
    found[i].own.assign(taps && i ? Taps::numbers(s) : 0, 0.0f);
    found[i].table = i ? found[i].own.data() : table_sum;
  }
  in_parts(lines, parts, [&](int64_t part, int64_t first, int64_t last) {
    lines_back(s, given, taps, t, first, last, d_queries, found[part]);
  });
  for (const Gradients& one : found)
    for (int64_t i = 0, channels = s.h * s.k; d_queries.mean && i < channels; ++i)
      d_queries.sums[i] += one.sums[i], d_queries.products[i] += one.sums[channels + i];
  if (!taps) std::fill_n(d_values, s.b * map * s.columns * s.v, 0.0f);
  int64_t done = 0;  // images that a part before has been at
  for (const Gradients& one : found)
    for (int64_t i = 0; i < one.images; ++i) {
      const int64_t image = one.first_image + i;
      const bool add = image < done;
      done = std::max(done, image + 1);
      if (given.content) take(&one.content[i * s.k * s.v_pitch], s.v_pitch, s.k, s.v, add, d_content + image * s.k * s.v);
      for (int64_t row = 0; taps && row < map; ++row)
        take(&one.values[((i * map + row) * t.line + t.margin) * s.v_pitch], s.v_pitch, s.columns, s.v, add,
             d_values + (image * map + row) * s.columns * s.v);
    }
  for (const Gradients& one : found)
    for (size_t i = 0; i < one.own.size(); ++i) table_sum[i] += one.own[i];
}

}  // namespace
