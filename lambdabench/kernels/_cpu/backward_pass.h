// Gradients of some images by whichever way is the quicker, on several threads.
#pragma once

#include "backward.h"
#include "layer.h"
#include "transform_back.h"

namespace {

// queries [b, height, width, h, k], values [b, u, rows, columns, v], content [b, k, v] or null, d_y [b, height, width, h, v]
struct Given {
  const float *queries, *values, *content, *d_y;
};

// As the inputs; null where these are
struct Gradient {
  float *queries, *values, *content;
};

// The table as the backward pass reads it: rows of whole vectors, or spectra.
struct Tables {
  std::vector<float> rows;
  std::vector<Embeddings> spectra;

  Tables(const Shape& s, const float* given) {
    if (given && transforms_pay(s)) spectra.emplace_back(s, given);
    else if (given) rows = widened(given, s.u * s.k * s.r_y, s.r_x, s.pitch);
  }

  // Numbers of a sum of its gradients, as it is added up: rows of whole vectors, or spectra
  int64_t numbers(const Shape& s) const {
    if (!spectra.empty()) return spectra.front().spectra.front().numbers();
    return rows.empty() ? 0 : s.u * s.k * s.taps;
  }

  // d_table [u, k, r_y, r_x] from such a sum
  void finish(const Shape& s, const std::vector<float>& sum, float* d_table) const {
    if (!spectra.empty()) {
      std::fill_n(d_table, s.k * s.r_y * s.r_x, 0.0f);
      spectra.front().spectra.front().add_gradients(s, sum.data(), d_table, s.r_x, s.r_y * s.r_x);
    } else if (!rows.empty()) {
      narrow(sum.data(), s.u * s.k * s.r_y, s.pitch, s.r_x, d_table);
    }
  }
};

inline void add_to(float* into, const std::vector<float>& more) {
  for (size_t i = 0; i < more.size(); ++i) into[i] += more[i];
}

// The backward pass by transforms: vectors of channels of images, shared out to threads
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
  std::fill_n(out.queries, s.b * of_queries, 0.0f);
  in_parts(units, parts, [&](int64_t part, int64_t first, int64_t last) {
    Part& own = found[part];
    own.first_image = first / vectors;
    if (part) own.queries.assign(((last - 1) / vectors - own.first_image + 1) * of_queries, 0.0f);
    if (part) own.embeddings.assign(spectra.numbers(), 0.0f);
    float* to = part ? own.queries.data() : out.queries;
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
    add_to(out.queries + one.first_image * of_queries, one.queries);
    add_to(table_sum, one.embeddings);
  }
  narrow(wide_values.data(), s.b * map, s.v_pitch, s.v, out.values);
  if (in.content) narrow(wide_content.data(), s.b * s.k, s.v_pitch, s.v, out.content);
}

void back_directly(const float* table, const Shape& s, const Given& in, const Gradient& out, float* table_sum, int64_t threads) {
  const int64_t map = s.u * s.rows * s.columns;
  const Widened v(in.values, s.b * map, s.v, s.v_pitch), c(in.content, s.b * s.k, s.v, s.v_pitch);
  const Turned t = table ? turned(s, v.numbers) : Turned{0, 0, {}};
  const Inputs inputs{in.queries, c.numbers, table, &t};
  const int64_t lines = s.b * s.height, parts = std::max<int64_t>(1, std::min(threads, lines));
  std::vector<Gradients> found(parts);
  in_parts(lines, parts, [&](int64_t part, int64_t first, int64_t last) {
    query_rows_back(s, first, last, inputs, in.d_y, out.queries, found[part]);
  });
  auto add = [](float* into, const float* wide, int64_t count, int64_t to, int64_t from) {
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < to; ++j) into[i * to + j] += wide[i * from + j];
  };
  std::fill_n(out.values, s.b * map * s.v, 0.0f);
  if (in.content) std::fill_n(out.content, s.b * s.k * s.v, 0.0f);
  for (const Gradients& one : found) {
    const int64_t images = static_cast<int64_t>(one.values.size()) / (map * s.v_pitch);
    add(out.values + one.first_image * map * s.v, one.values.data(), images * map, s.v, s.v_pitch);
    if (in.content) add(out.content + one.first_image * s.k * s.v, one.content.data(), images * s.k, s.v, s.v_pitch);
    add_to(table_sum, one.table);
  }
}

// Of s.b images; adds what they give to the table's sum
void lambdas_back(const Tables& tables, const Shape& s, const Given& in, const Gradient& out, float* table_sum, int64_t threads) {
  if (!tables.spectra.empty()) return back_by_transforms(tables.spectra.front(), s.b, in, out, table_sum, threads);
  back_directly(tables.rows.empty() ? nullptr : tables.rows.data(), s, in, out, table_sum, threads);
}

}  // namespace
