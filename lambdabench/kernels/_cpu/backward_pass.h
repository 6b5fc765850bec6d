// Gradients of some images by whichever way is the quicker, on several threads.
#pragma once

#include "backward.h"
#include "layer.h"
#include "transform_back.h"

namespace {

// As the inputs; null where these are
struct Gradient {
  QueriesBack queries;  // moments only where transforms are not the quicker way
  float *values, *content;
};

// The table as the quicker way takes it: its spectra, or its taps.
struct Tables {
  Shape dense;  // with the pitch and taps of the latter
  std::vector<Embeddings> spectra;
  std::vector<Taps> taps;

  Tables(const Shape& s, const float* table) : dense(s) {
    dense.pitch = s.r_x;
    dense.taps = rounded(s.r_y * s.r_x) + LANES;
    if (!table) return;
    if (transforms_pay(s, BACKWARD_COST)) spectra.emplace_back(s, table, BACKWARD_COST);
    else taps.emplace_back(dense, table);
  }

  // Numbers of a sum of its gradients, as it is added up: spectra, or taps first
  int64_t numbers() const {
    if (!spectra.empty()) return spectra.front().spectra.front().numbers();
    return taps.empty() ? 0 : Taps::numbers(dense);
  }

  // d_table [u, k, r_y, r_x] from such a sum
  void finish(const std::vector<float>& sum, float* d_table) const {
    if (!taps.empty()) return Taps::finish(dense, sum.data(), d_table);
    if (spectra.empty()) return;
    std::fill_n(d_table, dense.k * dense.r_y * dense.r_x, 0.0f);
    spectra.front().spectra.front().add_gradients(dense, sum.data(), d_table, dense.r_x, dense.r_y * dense.r_x);
  }
};

inline void add_to(float* into, const std::vector<float>& more) {
  for (size_t i = 0; i < more.size(); ++i) into[i] += more[i];
}

// The backward pass by transforms: vectors of channels of images, shared out to threads; queries are one after the other
void back_by_transforms(const Embeddings& e, int64_t images, const Given& in, const Gradient& out, float* table_sum, int64_t threads) {
  Shape s = e.shape;
  s.b = images;
  const Spectra& spectra = e.spectra.front();
  const int64_t n = s.height * s.width, map = s.rows * s.columns, vectors = s.v_pitch / LANES, of_queries = n * s.h * s.k;
  const Widened v(in.values, s.b * map, s.v, s.v_pitch), c(in.content, s.b * s.k, s.v, s.v_pitch), d(in.d_y, s.b * n * s.h, s.v, s.v_pitch);
  std::vector<float> wide_values(s.b * map * s.v_pitch), wide_content(in.content ? s.b * s.k * s.v_pitch : 0);
  const int64_t units = s.b * vectors, parts = std::max<int64_t>(1, std::min(threads, units));
  struct Part {
    int64_t first_image = 0;
    std::vector<float> queries, embeddings;
  };
  std::vector<Part> found(parts);
  float* d_queries = out.queries.numbers;
  std::fill_n(d_queries, s.b * of_queries, 0.0f);
  in_parts(units, parts, [&](int64_t part, int64_t first, int64_t last) {
    Part& own = found[part];
    own.first_image = first / vectors;
    if (part) own.queries.assign(((last - 1) / vectors - own.first_image + 1) * of_queries, 0.0f);
    if (part) own.embeddings.assign(spectra.numbers(), 0.0f);
    float* to = part ? own.queries.data() : d_queries;
    const BenchBack bench(s, spectra);
    for (int64_t unit = first; unit < last; ++unit) {
      const int64_t image = unit / vectors;
      const ImageBack one{in.queries + image * of_queries,
                          in.content ? c.numbers + image * s.k * s.v_pitch : nullptr,
                          v.numbers + image * map * s.v_pitch,
                          d.numbers + image * n * s.h * s.v_pitch,
                          to + (image - own.first_image) * of_queries,
                          in.content ? wide_content.data() + image * s.k * s.v_pitch : nullptr,
                          wide_values.data() + image * map * s.v_pitch};
      transform_back(s, spectra, one, unit % vectors * LANES, bench, part ? own.embeddings.data() : table_sum);
    }
  });
  for (const Part& one : found) {
    add_to(d_queries + one.first_image * of_queries, one.queries);
    add_to(table_sum, one.embeddings);
  }
  narrow(wide_values.data(), s.b * map, s.v_pitch, s.v, out.values);
  if (in.content) narrow(wide_content.data(), s.b * s.k, s.v_pitch, s.v, out.content);
}

// Of so many images; adds what they give to the table's sum
void lambdas_back(const Tables& tables, int64_t images, const Given& in, const Gradient& out, float* table_sum, int64_t threads) {
  if (!tables.spectra.empty()) return back_by_transforms(tables.spectra.front(), images, in, out, table_sum, threads);
  Shape s = tables.dense;
  s.b = images;
  backward_direct(s, in, tables.taps.data(), out.queries, out.values, out.content, table_sum, threads);
}

}  // namespace
