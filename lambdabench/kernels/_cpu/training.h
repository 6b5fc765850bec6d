// A layer in training, behind its projections: batch norm by the batch's own statistics, and all gradients up to those of the
// projections; the products with the weights are the caller's.
#pragma once

#include "backward_pass.h"
#include "layer.h"

namespace {

// A batch norm of queries and one of values, side by side: [h * k + v] channels each.
struct Norms {
  int64_t of_queries = 0, channels = 0;
  std::vector<float> mean, deviation, scale, shift;  // deviation: 1 / sqrt(variance + epsilon)

  // Where a channel of ours is in a row of the projections
  int64_t place(int64_t channel, int64_t keys) const { return channel < of_queries ? channel : channel + keys; }

  void fold(const float* const* weights) {
    scale.resize(channels), shift.resize(channels);
    for (int64_t i = 0; i < channels; ++i) {
      const int64_t side = i < of_queries ? 0 : 1, own = side ? i - of_queries : i;
      scale[i] = weights[2 * side][own] * deviation[i];
      shift[i] = weights[2 * side + 1][own] - mean[i] * scale[i];
    }
  }
};

// Sums over rows, [first, last) of [rows][channels], of x - pivot and its square, in blocks so that float32 is enough inside.
void add_moments(const float* rows, int64_t channels, const float* pivot, int64_t first, int64_t last, double* sums) {
  constexpr int64_t BLOCK = 128;
  for (int64_t at = first; at < last; at += BLOCK) {
    const int64_t end = std::min(last, at + BLOCK);
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
      Vec sum{}, squares{};
      const Vec middle = load(pivot + c);
      for (int64_t i = at; i < end; ++i) {
        const Vec one = load(rows + i * channels + c) - middle;
        sum += one, squares += one * one;
      }
      for (int64_t lane = 0; lane < LANES; ++lane) sums[c + lane] += sum[lane], sums[channels + c + lane] += squares[lane];
    }
    for (; c < channels; ++c)
      for (int64_t i = at; i < end; ++i) {
        const double one = rows[i * channels + c] - pivot[c];
        sums[c] += one, sums[channels + c] += one * one;
      }
  }
}

// Mean and deviation of every channel of the batch; `variance` [channels of the norms] is what running statistics take (n - 1).
Norms statistics(const Shape& s, const float* projected, int64_t keys, const float* const* weights, const double* epsilons,
                 float* variance, int64_t threads) {
  Norms found;
  found.of_queries = s.h * s.k, found.channels = s.h * s.k + s.v;
  const int64_t rows = s.b * s.height * s.width, channels = found.channels + keys;
  const int64_t parts = std::clamp<int64_t>(rows * channels / WORTH_A_THREAD, 1, std::max<int64_t>(threads, 1));
  std::vector<std::vector<double>> sums(parts, std::vector<double>(2 * channels, 0.0));
  in_parts(rows, parts, [&](int64_t part, int64_t first, int64_t last) {
    add_moments(projected, channels, projected, first, last, sums[part].data());
  });
  found.mean.resize(found.channels), found.deviation.resize(found.channels);
  for (int64_t i = 0; i < found.channels; ++i) {
    const int64_t place = found.place(i, keys);
    double sum = 0, squares = 0;
    for (const auto& one : sums) sum += one[place], squares += one[channels + place];
    const double mean = sum / static_cast<double>(rows), apart = std::max(0.0, squares - sum * mean);
    found.mean[i] = static_cast<float>(projected[place] + mean);
    found.deviation[i] = static_cast<float>(1 / std::sqrt(apart / static_cast<double>(rows) + epsilons[i < found.of_queries ? 0 : 1]));
    variance[i] = static_cast<float>(apart / static_cast<double>(std::max<int64_t>(rows - 1, 1)));
  }
  found.fold(weights);
  return found;
}

// out[row][v..] (+)= sum over j of a[row][j] b[j][v..]
template <bool ADDS>
void products(const float* a, int64_t a_pitch, int64_t rows, const float* b, int64_t b_pitch, int64_t depth, float* out,
              int64_t out_pitch) {
  in_vectors(b_pitch, [&](auto vectors, int64_t v) {
    constexpr int VECTORS = decltype(vectors)::value;
    int64_t row = 0;
    for (; rows - row >= 4; row += 4)
      small_product<4, VECTORS, ADDS>(a + row * a_pitch, a_pitch, 1, b + v, b_pitch, depth, out + row * out_pitch + v, out_pitch);
    for (; row < rows; ++row)
      small_product<1, VECTORS, ADDS>(a + row * a_pitch, a_pitch, 1, b + v, b_pitch, depth, out + row * out_pitch + v, out_pitch);
  });
}

// Gradients that all images of a thread add to, and its room for one image
struct Totals {
  std::vector<float> table, bias;
  std::vector<double> moments;  // of the norms' channels: sum of gradients, and of gradients times normalised values
  Room queries, values, d_queries, d_values, turned;
};

// One image's way back through values, content lambda and softmax; pitches are whole vectors.
struct KeysBack {
  int64_t k_pitch;
  std::vector<float> lambdas, turned, dots;  // d_content [k_pitch][v_pitch], [v][k_pitch], sum over v of d_content content [k_pitch]

  KeysBack(const Shape& s, const float* d_content, const Kept& kept, int64_t keys)
      : k_pitch(rounded(s.k)), lambdas(widened(d_content, keys, s.v, s.v_pitch)), turned(s.v * k_pitch, 0.0f), dots(k_pitch, 0.0f) {
    for (int64_t k = 0; k < keys; ++k)
      for (int64_t v = 0; v < s.v; ++v) {
        turned[v * k_pitch + k] = d_content[k * s.v + v];
        dots[k] += d_content[k * s.v + v] * kept.content[k * s.v + v];
      }
  }

  // keys: rows of the projections at stride `channels`; adds to d_values [positions][v_pitch], writes d_keys at stride `channels`
  void run(const Shape& s, const Kept& kept, const float* keys, int64_t channels, const float* values, int64_t positions,
           float* d_values, float* d_keys) const {
    constexpr int64_t BLOCK = 64;
    std::vector<float> soft(BLOCK * k_pitch, 0.0f), d_soft(BLOCK * k_pitch), most(k_pitch, 0.0f), share(k_pitch, 0.0f);
    for (int64_t k = 0; k < s.k; ++k) most[k] = kept.most[k], share[k] = 1.0f / kept.sum[k];
    for (int64_t at = 0; at < positions; at += BLOCK) {
      const int64_t count = std::min(BLOCK, positions - at);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t lane = 0; lane < k_pitch; lane += LANES)
          store(&soft[i * k_pitch + lane],
                exponential(load(keys + (at + i) * channels + lane) - load(&most[lane])) * load(&share[lane]));
      products<false>(values + at * s.v_pitch, s.v_pitch, count, turned.data(), k_pitch, s.v, d_soft.data(), k_pitch);
      products<true>(soft.data(), k_pitch, count, lambdas.data(), s.v_pitch, s.k, d_values + at * s.v_pitch, s.v_pitch);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t k = 0; k < s.k; ++k)
          d_keys[(at + i) * channels + k] = soft[i * k_pitch + k] * (d_soft[i * k_pitch + k] - dots[k]);
    }
  }
};

// The way back of one layer: what is given of all its images, and where their gradients go.
struct LayerBack {
  Shape shape;
  const Tables& tables;
  const Norms* norms;  // or null
  int64_t keys;
  const float *projected, *bias, *d_y;  // bias or null
  float* kept;
  bool channels_first;
  float* d_projected;

  int64_t positions() const { return shape.height * shape.width; }
  int64_t channels() const { return shape.h * shape.k + keys + shape.v; }

  Totals totals() const {
    const int64_t of_norms = norms ? norms->channels : 0;
    const int64_t n = positions(), of_queries = n * shape.h * shape.k;
    return {std::vector<float>(tables.numbers(shape), 0.0f),
            std::vector<float>(bias ? shape.k : 0, 0.0f),
            std::vector<double>(2 * of_norms, 0.0),
            room(of_queries),
            room(n * shape.v + LANES),
            room(of_queries),
            room(n * shape.v),
            channels_first ? room(n * shape.h * shape.v) : nullptr};
  }

  // Normalised queries and values of positions `first` to `last`
  void normalise(const float* rows, int64_t first, int64_t last, float* queries, float* values) const {
    const Shape& s = shape;
    const int64_t of_queries = s.h * s.k, all_channels = channels();
    const float *scale = norms ? norms->scale.data() : nullptr, *shift = norms ? norms->shift.data() : nullptr;
    for (int64_t at = first; at < last; ++at) {
      const float* row = rows + at * all_channels;
      fold(row, of_queries, scale, shift, queries + at * of_queries);
      fold(row + of_queries + keys, s.v, scale ? scale + of_queries : nullptr, shift + of_queries, values + at * s.v);
    }
  }

  // Gradients of the normalised numbers to where those of the projections go, and what the norms sum of them
  void put_back(const float* rows, int64_t first, int64_t last, const float* d_queries, const float* d_values, float* d_rows,
                std::vector<double>& moments) const {
    const Shape& s = shape;
    const int64_t of_queries = s.h * s.k, all_channels = channels(), behind = of_queries + keys;
    for (int64_t at = first; at < last; ++at) {
      std::copy_n(d_queries + at * of_queries, of_queries, d_rows + at * all_channels);
      std::copy_n(d_values + at * s.v_pitch, s.v, d_rows + at * all_channels + behind);
    }
    if (!norms) return;
    constexpr int64_t BLOCK = 128;
    double *sums = moments.data(), *products = sums + norms->channels;
    for (int64_t at = first; at < last; at += BLOCK)
      for (int64_t side = 0; side < 2; ++side) {
        const int64_t length = side ? s.v : of_queries, place = at * all_channels + (side ? behind : 0);
        add_products(rows + place, d_rows + place, std::min(BLOCK, last - at), length, side ? of_queries : 0, sums, products);
      }
  }

  // Sums of d and of d times what is normalised, of channels of a norm from `own` on
  void add_products(const float* row, const float* d, int64_t count, int64_t length, int64_t own, double* sums, double* products) const {
    const float *mean = &norms->mean[own], *deviation = &norms->deviation[own];
    const int64_t step = channels();
    int64_t c = 0;
    for (; c + LANES <= length; c += LANES) {
      const Vec middle = load(mean + c);
      Vec sum{}, product{};
      for (int64_t i = 0; i < count; ++i) {
        const Vec one = load(d + i * step + c);
        sum += one, product += one * (load(row + i * step + c) - middle);
      }
      for (int64_t lane = 0; lane < LANES; ++lane) {
        sums[own + c + lane] += sum[lane];
        products[own + c + lane] += product[lane] * deviation[c + lane];
      }
    }
    for (; c < length; ++c)
      for (int64_t i = 0; i < count; ++i) {
        sums[own + c] += d[i * step + c];
        products[own + c] += d[i * step + c] * ((row[i * step + c] - mean[c]) * deviation[c]);
      }
  }

  void image(int64_t index, int64_t threads, Totals& into) const {
    Shape s = shape;
    s.b = 1;
    const int64_t n = positions(), width = s.h * s.v, of_queries = s.h * s.k;
    const float *rows = projected + index * n * channels(), *d_out = d_y + index * n * width;
    float* d_rows = d_projected + index * n * channels();
    float *queries = into.queries.get(), *values = into.values.get(), *d_queries = into.d_queries.get(), *d_values = into.d_values.get();
    if (channels_first) turn_all(d_out, n, width, into.turned.get(), n, width);
    std::vector<float> content, d_content(keys ? s.k * s.v : 0);
    const Kept of_image(s, kept + index * Kept::numbers(s, keys));
    if (keys) {
      content.assign(of_image.content, of_image.content + s.k * s.v);
      if (bias)
        for (int64_t i = 0; i < s.k * s.v; ++i) content[i] += bias[i / s.v];
    }
    const int64_t parts = std::clamp<int64_t>(n * channels() * 8 / WORTH_A_THREAD, 1, threads);
    in_parts(n, parts, [&](int64_t, int64_t first, int64_t last) { normalise(rows, first, last, queries, values); });
    lambdas_back(tables, s, {queries, values, keys ? content.data() : nullptr, tables.given, channels_first ? into.turned.get() : d_out},
                 {d_queries, d_values, d_content.data()}, into.table.data(), threads);
    if (bias)
      for (int64_t i = 0; i < s.k * s.v; ++i) into.bias[i / s.v] += d_content[i];
    const Widened v(values, n, s.v, s.v_pitch);
    Widened d_v(d_values, n, s.v, s.v_pitch);
    float* wide = d_v.own.empty() ? d_values : d_v.own.data();
    std::vector<std::vector<double>> moments(parts, std::vector<double>(into.moments.size(), 0.0));
    const KeysBack back(s, d_content.data(), of_image, keys);
    in_parts(n, parts, [&](int64_t part, int64_t first, int64_t last) {
      if (keys)
        back.run(s, of_image, rows + first * channels() + of_queries, channels(), v.numbers + first * s.v_pitch, last - first,
                 wide + first * s.v_pitch, d_rows + first * channels() + of_queries);
      put_back(rows, first, last, d_queries, wide, d_rows, moments[part]);
    });
    for (const auto& one : moments)
      for (size_t i = 0; i < one.size(); ++i) into.moments[i] += one[i];
  }

  // Through the norms, of rows `first` to `last` of the whole batch
  void through_norms(int64_t first, int64_t last, const std::vector<double>& moments) const {
    const int64_t count = norms->channels, behind = norms->of_queries;
    const double rows = static_cast<double>(shape.b * positions());
    std::vector<float> away(count), along(count);
    for (int64_t i = 0; i < count; ++i) {
      along[i] = static_cast<float>(moments[count + i] / rows) * norms->deviation[i];
      away[i] = static_cast<float>(moments[i] / rows) - norms->mean[i] * along[i];
    }
    for (int64_t at = first; at < last; ++at)
      for (int64_t side = 0; side < 2; ++side) {
        const int64_t own = side ? behind : 0, length = side ? shape.v : behind, place = at * channels() + (side ? behind + keys : 0);
        const float* row = projected + place;
        float* d = d_projected + place;
        for (int64_t c = 0; c < length; ++c) d[c] = norms->scale[own + c] * (d[c] - away[own + c] - row[c] * along[own + c]);
      }
  }
};

}  // namespace
