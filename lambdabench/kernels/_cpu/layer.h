// Images through the forward pass, on several threads: whole images each where there are as many, else parts of one.
#pragma once

#include "output.h"
#include "transform.h"

namespace {

// The table with room behind, and its spectra where transforms are the quicker way.
struct Embeddings {
  Shape shape;  // with the pitch and taps of this copy
  std::vector<float> table;
  std::vector<Spectra> spectra;

  Embeddings(Shape s, const float* given) : shape(s) {
    shape.pitch = s.r_x;
    shape.taps = rounded(s.r_y * s.r_x) + LANES;
    if (!given) return;
    table = widened(given, s.u * s.k, s.r_y * s.r_x, shape.taps);
    if (transforms_pay(shape)) spectra.emplace_back(shape, table.data());
  }
  const float* numbers() const { return table.empty() ? nullptr : table.data(); }
};

// Positions `first` to `last` of an image, queries first
void apply_direct(const Embeddings& e, const Image& image, const float* table, int64_t first, int64_t last, const Output& out) {
  const Shape& s = e.shape;
  const int64_t width = s.h * s.v_pitch;
  Desk desk(s);
  if (in_place(s, out)) {
    for (int64_t at = first; at < last; ++at) one_query(s, image, table, at, desk, out.y + at * width);
    return;
  }
  const int64_t chunk = std::clamp<int64_t>(8192 / width, LANES, 64);
  std::vector<float> wide(chunk * width + LANES);
  for (int64_t at = first; at < last; at += chunk) {
    const int64_t count = std::min(chunk, last - at);
    for (int64_t i = 0; i < count; ++i) one_query(s, image, table, at + i, desk, &wide[i * width]);
    put(s, out, wide.data(), at, count);
  }
}

// A whole image by transforms, vector by vector of the value depth
void apply_transforms(const Embeddings& e, const Image& image, int64_t threads, const Output& out) {
  const Shape& s = e.shape;
  const Spectra& spectra = e.spectra.front();
  const int64_t n = s.height * s.width, width = s.h * s.v_pitch, vectors = s.v_pitch / LANES;
  const Room wide = in_place(s, out) ? nullptr : room(n * width), grouped = room(spectra.pairs() * n * s.h * 2);
  float *y = wide ? wide.get() : out.y, *queries = grouped.get();
  in_parts(n, std::min(threads, n), [&](int64_t, int64_t first, int64_t last) { group_queries(s, image, first, last, queries); });
  const bool apart = s.height > 1 && (threads > vectors || GROUP * s.height * spectra.along().length() * ONE * 4 > MUCH);
  const int64_t parts = apart ? 2 : 1;
  in_parts(vectors * parts, std::min(threads, vectors * parts), [&](int64_t, int64_t first, int64_t last) {
    const Bench bench(s, spectra);
    for (int64_t unit = first; unit < last; ++unit) {
      const int64_t vector = unit / parts * LANES;
      if (unit == first || unit % parts == 0) transform_values(s, spectra, image.values + vector, bench);
      const float* content = image.content ? image.content + vector : nullptr;
      apply_vector(s, spectra, content, queries, apart ? unit % 2 : ALL, bench, y + vector);
    }
  });
  if (wide) put(s, out, y, 0, n);
}

void apply(const Embeddings& e, const Image& image, int64_t threads, const Output& out) {
  if (!e.spectra.empty()) return apply_transforms(e, image, threads, out);
  const int64_t n = e.shape.height * e.shape.width;
  in_parts(n, std::min(threads, n), [&](int64_t, int64_t first, int64_t last) {
    apply_direct(e, image, e.numbers(), first, last, out);
  });
}

// What projections give at every position: queries [h][k], then keys [k] if there is a content term, then values [v]; u = 1.
// A batch norm of queries and values is folded in: scale and shift of each of their channels, or null.
struct Projected {
  const float* numbers;  // [positions][channels]; whole vectors may be read behind the last
  int64_t channels, keys;
  const float *scale, *shift;
  const float* bias;  // [k], added to every content lambda, or null
};

// Softmax of keys over positions times values, of a part of the positions: not yet divided by the sum
struct Content {
  std::vector<float> most, sum, lambdas;  // [keys, whole vectors] twice, [keys, whole vectors][v_pitch]
};

template <int ROWS, int VECTORS>
void accumulate(const float* weights, int64_t pitch, const float* values, int64_t v_pitch, int64_t count, float* into) {
  Vec sum[ROWS][VECTORS];
  for (int r = 0; r < ROWS; ++r)
    for (int i = 0; i < VECTORS; ++i) sum[r][i] = load(into + r * v_pitch + i * LANES);
  for (int64_t at = 0; at < count; ++at) {
    Vec value[VECTORS];
    for (int i = 0; i < VECTORS; ++i) value[i] = load(values + at * v_pitch + i * LANES);
    for (int r = 0; r < ROWS; ++r) {
      const Vec a = all(weights[at * pitch + r]);
      for (int i = 0; i < VECTORS; ++i) sum[r][i] += a * value[i];
    }
  }
  for (int r = 0; r < ROWS; ++r)
    for (int i = 0; i < VECTORS; ++i) store(into + r * v_pitch + i * LANES, sum[r][i]);
}

// values [positions][v_pitch] of positions `first` to `last`, and their share of the content lambda
void prepare(const Shape& s, const Projected& p, int64_t first, int64_t last, float* values, Content& content) {
  const int64_t before = s.h * s.k + p.keys, pitch = rounded(p.keys);
  for (int64_t at = first; at < last; ++at) {
    const float* from = p.numbers + at * p.channels + before;
    float* to = values + at * s.v_pitch;
    if (p.scale)
      for (int64_t i = 0; i < s.v; ++i) to[i] = from[i] * p.scale[s.h * s.k + i] + p.shift[s.h * s.k + i];
    else std::copy_n(from, s.v, to);
  }
  if (!p.keys) return;
  content.most.assign(pitch, -3.0e38f);
  content.sum.assign(pitch, 0.0f);
  content.lambdas.assign(pitch * s.v_pitch, 0.0f);
  auto keys = [&](int64_t at, int64_t lane) { return load(p.numbers + at * p.channels + s.h * s.k + lane); };
  for (int64_t lane = 0; lane < pitch; lane += LANES) {
    Vec most = load(&content.most[lane]);
    for (int64_t at = first; at < last; ++at) most = greater(keys(at, lane), most);
    store(&content.most[lane], most);
  }
  constexpr int64_t BLOCK = 64;
  std::vector<float> weights(BLOCK * pitch);
  for (int64_t at = first; at < last; at += BLOCK) {
    const int64_t count = std::min(BLOCK, last - at);
    for (int64_t lane = 0; lane < pitch; lane += LANES) {
      const Vec most = load(&content.most[lane]);
      Vec sum = load(&content.sum[lane]);
      for (int64_t i = 0; i < count; ++i) {
        const Vec e = exponential(keys(at + i, lane) - most);
        store(&weights[i * pitch + lane], e);
        sum += e;
      }
      store(&content.sum[lane], sum);
    }
    for (int64_t row = 0; row < pitch; row += 4)
      in_vectors(s.v_pitch, [&](auto vectors, int64_t v) {
        accumulate<4, decltype(vectors)::value>(&weights[row], pitch, values + at * s.v_pitch + v, s.v_pitch, count,
                                                &content.lambdas[row * s.v_pitch + v]);
      });
  }
}

// The parts' content lambdas as one, [keys, whole vectors][v_pitch], divided by the sum
std::vector<float> joined(const Shape& s, const std::vector<Content>& parts) {
  const int64_t keys = static_cast<int64_t>(parts[0].most.size());
  std::vector<float> found(keys * s.v_pitch, 0.0f);
  for (int64_t k = 0; k < keys; ++k) {
    float most = parts[0].most[k], sum = 0;
    for (const Content& one : parts) most = std::max(most, one.most[k]);
    for (const Content& one : parts) sum += one.sum[k] * std::exp(one.most[k] - most);
    for (const Content& one : parts) {
      const float share = std::exp(one.most[k] - most) / sum;
      for (int64_t v = 0; v < s.v_pitch; ++v) found[k * s.v_pitch + v] += share * one.lambdas[k * s.v_pitch + v];
    }
  }
  return found;
}

// Work so small that another thread would take longer to begin than to help
constexpr int64_t WORTH_A_THREAD = 1 << 20;

// One image of a layer, from its projections
void infer(const Embeddings& e, const Projected& p, int64_t threads, const Output& out) {
  const Shape& s = e.shape;
  const int64_t n = s.height * s.width, work = n * (s.h * (s.k + s.v) * std::min(s.r_y * s.r_x, n) + s.k * s.v);
  threads = std::clamp<int64_t>(work / WORTH_A_THREAD, 1, threads);
  const Room own = room(n * s.v_pitch + 4 * LANES);
  float* values = own.get();
  if (s.v != s.v_pitch) std::fill_n(values, n * s.v_pitch + 4 * LANES, 0.0f);
  std::vector<float> content;
  std::vector<Content> parts(std::min(threads, n));
  in_parts(n, static_cast<int64_t>(parts.size()),
           [&](int64_t part, int64_t first, int64_t last) { prepare(s, p, first, last, values, parts[part]); });
  if (p.keys) content = joined(s, parts);
  if (p.keys && p.bias)
    for (int64_t k = 0; k < s.k; ++k)
      for (int64_t v = 0; v < s.v; ++v) content[k * s.v_pitch + v] += p.bias[k];
  apply(e, {p.numbers, p.channels, p.scale, p.shift, content.empty() ? nullptr : content.data(), values}, threads, out);
}

}  // namespace
