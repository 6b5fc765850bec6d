// The backward pass: the weights are made again, nothing of the forward pass is kept but its inputs.
#pragma once

#include "direct.h"

namespace {

// What a thread adds up of the gradients; summed over threads at the end.
struct Gradients {
  int64_t first_image;
  std::vector<int64_t> at;
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
  const int64_t taps = s.taps, map = s.rows * s.columns * s.v_pitch, own = image - into.first_image;
  for (int i = 0; i < HEADS * s.k; ++i) d_query[i] = 0;
  if (in.content)
    product_back<HEADS>(s, query, in.content + image * s.k * s.v_pitch, d_y, s.v_pitch, 0, s.v_pitch, d_query,
                        into.content.data() + own * s.k * s.v_pitch);
  if (!in.table) return;
  float *weights = scratch, *d_weights = scratch + HEADS * taps;
  const int64_t begin = w.top * s.pitch, end = w.bottom * s.pitch, step = s.rows * in.values->line;
  into.at.clear();
  for (int64_t at = begin; at < end; at += LANES) into.at.push_back(at);
  for (int64_t u = 0; u < s.u; ++u) {
    const float* of_u = in.table + u * s.k * taps;
    weigh_all<HEADS>(s, query, of_u, into.at, weights);
    const float* under[3];
    int64_t places[3];
    for (int64_t at = begin; at < end;) {
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
  const int64_t taps = s.taps;
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


}  // namespace
