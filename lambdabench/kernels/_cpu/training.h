// A layer in training from its normalised projections on: all gradients up to theirs.
#pragma once

#include "backward_pass.h"
#include "layer.h"
#include "projections.h"

namespace {

// Gradients that all images of a thread add to, and its room for one image
struct Totals {
  std::vector<float> table, bias;
  GradientMoments moments;
  Room queries, values, d_queries, turned, d_values;  // but for the last only for transforms
};

// One image's way back through values, content lambda and softmax; pitches are whole vectors.
struct KeysBack {
  int64_t k_pitch;
  // d_content [k][v_pitch], [v][k_pitch]; sum over v of d_content content, softmax's greatest and 1 / sum [k_pitch]
  std::vector<float> lambdas, turned, dots, most, share;

  KeysBack(const Shape& s, const float* d_content, const ReadKept& kept, int64_t keys)
      : k_pitch(rounded(s.k)), lambdas(widened(d_content, keys, s.v, s.v_pitch)), turned(s.v * k_pitch, 0.0f), dots(k_pitch, 0.0f),
        most(dots), share(dots) {
    turn_all(d_content, s.v, keys, turned.data(), s.v, k_pitch);
    for (int64_t k = 0; k < keys; ++k) {
      most[k] = kept.most[k], share[k] = 1.0f / kept.sum[k];
      dots[k] = dot(d_content + k * s.v, kept.content + k * s.v, s.v);
    }
  }

  // keys: rows of the projections; adds to d_values [count][v_pitch], writes d_keys as keys; room [2][count][k_pitch]
  void run(const Shape& s, const float* keys, int64_t pitch, const float* values, int64_t count, float* d_values, float* d_keys,
           float* room) const {
    float *soft = room, *d_soft = room + count * k_pitch;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t lane = 0; lane < k_pitch; lane += LANES)
        store(soft + i * k_pitch + lane, exponential(load(keys + i * pitch + lane) - load(&most[lane])) * load(&share[lane]));
    multiply(as_they_are(values, s.v_pitch), {turned.data(), 1, k_pitch}, count, k_pitch, s.v, false, d_soft, k_pitch);
    multiply(as_they_are(soft, k_pitch), {lambdas.data(), 1, s.v_pitch}, count, s.v_pitch, s.k, true, d_values, s.v_pitch);
    for (int64_t i = 0; i < count; ++i) {
      float *own = soft + i * k_pitch, *to = d_keys + i * pitch;
      for (int64_t k = 0; k < k_pitch; k += LANES) store(own + k, load(own + k) * (load(d_soft + i * k_pitch + k) - load(&dots[k])));
      fold(own, s.k, nullptr, nullptr, to);
    }
  }
};

// The way back of one layer: what is given of all its images, and where their gradients go.
struct LayerBack {
  Shape shape;
  const Tables& tables;
  const Channels& channels;
  const Norms* norms;       // or null
  std::vector<float> mean;  // as a row has it
  Pieces<const float> projected;
  const float *bias, *d_y;  // bias or null
  const float* kept;
  bool channels_first;
  Pieces<float> d_projected;

  int64_t positions() const { return shape.height * shape.width; }
  // Of a pass over an image's projections
  int64_t parts(int64_t threads) const {
    return std::clamp<int64_t>(positions() * channels.pitch() * 8 / WORTH_A_THREAD, 1, threads);
  }
  // Whether queries and their gradients are wanted one after the other, and d_y positions first
  bool dense() const { return !tables.spectra.empty(); }
  // Channels of a row whose moments are there when their gradients are
  int64_t done() const { return norms && !dense() && shape.k % LANES == 0 ? channels.of_queries : 0; }

  Totals totals() const {
    const int64_t n = positions(), of_queries = dense() ? n * channels.of_queries : 0;
    return {std::vector<float>(tables.numbers(), 0.0f),
            std::vector<float>(bias ? shape.k : 0, 0.0f),
            GradientMoments(channels.pitch()),
            room(of_queries),
            room(dense() ? n * shape.v : 0),
            room(of_queries),
            dense() && channels_first ? room(n * shape.h * shape.v) : nullptr,
            room(n * shape.v)};
  }

  // Normalised queries and values of some positions, each one after the other with its pitch; queries or null
  void normalise(const float* rows, int64_t count, float* queries, float* values, int64_t values_pitch) const {
    const int64_t of_queries = channels.of_queries, behind = of_queries + channels.keys;
    const float *scale = norms ? norms->scale.data() : nullptr, *shift = norms ? norms->shift.data() : nullptr;
    for (int64_t at = 0; at < count; ++at, rows += channels.pitch()) {
      if (queries) fold(rows, of_queries, scale, shift, queries + at * of_queries);
      fold(rows + behind, shape.v, scale ? scale + of_queries : nullptr, shift + of_queries, values + at * values_pitch);
    }
  }

  // Gradients of the lambdas' side of an image; those of queries are where they belong, unless they are dense
  void lambdas(const float* rows, const float* content, const float* d_out, float* d_rows, float* d_content, Totals& into,
               int64_t threads) const {
    const Shape& s = shape;
    const int64_t pitch = channels.pitch();
    Given in{rows, rows + channels.of_queries + channels.keys, content, d_out, pitch, pitch, nullptr, nullptr,
             channels_first && !dense()};
    Gradient out{{d_rows, pitch}, into.d_values.get(), d_content};
    if (norms) in.scale = norms->scale.data(), in.shift = norms->shift.data();
    if (done()) out.queries = {d_rows, pitch, mean.data(), into.moments.sums.data(), into.moments.products.data()};
    if (dense()) {
      in_parts(positions(), parts(threads), [&](int64_t, int64_t first, int64_t last) {
        normalise(rows + first * pitch, last - first, into.queries.get() + first * channels.of_queries,
                  into.values.get() + first * s.v, s.v);
      });
      in.queries = into.queries.get(), in.values = into.values.get(), out.queries.numbers = into.d_queries.get();
      if (channels_first) positions_first(d_out, into.turned.get()), in.d_y = into.turned.get();
    }
    lambdas_back(tables, 1, in, out, into.table.data(), threads);
  }

  // What is there of the gradients of a few positions' normalised numbers to where those of the projections go
  void put_back(int64_t first, int64_t count, const Totals& from, const float* d_values, float* d_rows) const {
    const int64_t of_queries = channels.of_queries, behind = of_queries + channels.keys, pitch = channels.pitch();
    for (int64_t at = first; at < first + count; ++at) {
      float* row = d_rows + at * pitch;
      if (dense()) fold(from.d_queries.get() + at * of_queries, of_queries, nullptr, nullptr, row);
      fold(d_values + at * shape.v_pitch, shape.v, nullptr, nullptr, row + behind);
      for (int64_t c = channels.count(); c < pitch; ++c) row[c] = 0.0f;
    }
  }

  // [positions][h v] of an image's gradients, channels first: a few positions at a time, the next ones asked for
  void positions_first(const float* from, float* to) const {
    const int64_t n = positions(), width = shape.h * shape.v;
    for (int64_t at = 0; at < n; at += BLOCK) {
      Ahead ahead;
      if (at + BLOCK < n) ahead.parts = {{from + at + BLOCK, width, std::min(BLOCK, n - at - BLOCK), n}};
      ahead.some(width * BLOCK);
      turn_all(from + at, std::min(BLOCK, n - at), width, to + at * width, n, width);
    }
  }

  void image(int64_t index, int64_t threads, Totals& into) const {
    const Shape& s = shape;
    const int64_t n = positions(), width = s.h * s.v, keys = channels.keys, pitch = channels.pitch();
    const float *rows = projected.of(index), *d_out = d_y + index * n * width;
    float* d_rows = d_projected.of(index);
    std::vector<float> content, d_content(keys ? s.k * s.v : 0);
    const ReadKept of_image(s, kept + index * ReadKept::numbers(s, keys));
    if (keys) content.assign(of_image.content, of_image.content + s.k * s.v);
    for (int64_t i = 0; bias && i < s.k * s.v; ++i) content[i] += bias[i / s.v];
    lambdas(rows, keys ? content.data() : nullptr, d_out, d_rows, d_content.data(), into, threads);
    for (int64_t i = 0; bias && i < s.k * s.v; ++i) into.bias[i / s.v] += d_content[i];
    through_keys(KeysBack(s, d_content.data(), of_image, keys), rows, d_rows, parts(threads), into);
  }

  // The rest of an image's way back, a few positions at a time
  void through_keys(const KeysBack& back, const float* rows, float* d_rows, int64_t parts, Totals& into) const {
    const Shape& s = shape;
    const int64_t n = positions(), pitch = channels.pitch();
    Widened d_values(into.d_values.get(), n, s.v, s.v_pitch);
    float* wide = d_values.own.empty() ? into.d_values.get() : d_values.own.data();
    std::vector<GradientMoments> moments(parts, GradientMoments(pitch));
    in_parts(n, parts, [&](int64_t part, int64_t first, int64_t last) {
      const Room soft = room(2 * BLOCK * back.k_pitch), values = room(BLOCK * s.v_pitch);
      for (int64_t at = first; at < last; at += BLOCK) {
        const int64_t count = std::min(BLOCK, last - at), place = at * pitch + channels.of_queries;
        for (int64_t next = at + count; next < std::min(at + count + BLOCK, last); ++next)
          for (int64_t c = channels.of_queries; c < pitch; c += 16)
            __builtin_prefetch(rows + next * pitch + c), __builtin_prefetch(d_rows + next * pitch + c, 1);
        if (channels.keys) normalise(rows + at * pitch, count, nullptr, values.get(), s.v_pitch);
        if (channels.keys)
          back.run(s, rows + place, pitch, values.get(), count, wide + at * s.v_pitch, d_rows + place, soft.get());
        put_back(at, count, into, wide, d_rows);
        if (norms) moments[part].add(rows + at * pitch, d_rows + at * pitch, mean.data(), count, done());
      }
    });
    for (const GradientMoments& one : moments) into.moments.add(one);
  }
};

}  // namespace
