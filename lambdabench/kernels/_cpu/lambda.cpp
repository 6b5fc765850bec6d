// The lambdas of a lambda layer applied on a CPU, float32, with a C interface. Nothing of the size of the position lambdas
// (positions x key depth x value depth) is ever made. Compiled for the machine that it runs on.

#include "backward.h"
#include "layer.h"
#include "transform_back.h"

namespace {

Shape shape_of(const int64_t* sizes) {
  Shape s{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], sizes[8], sizes[9], sizes[10], 0, 0, 0};
  s.pitch = rounded(s.r_x);
  s.taps = s.r_y * s.pitch;
  s.v_pitch = rounded(s.v);
  return s;
}

// work(image, threads) for all images: each on a thread of its own where there are as many, else all threads at each in turn
template <class Work>
void for_images(int64_t images, int64_t threads, const Work& work) {
  threads = std::max<int64_t>(threads, 1);
  const int64_t alone = images / threads * threads;
  in_parts(alone, alone ? threads : 1, [&](int64_t, int64_t first, int64_t last) {
    for (int64_t image = first; image < last; ++image) work(image, 1);
  });
  for (int64_t image = alone; image < images; ++image) work(image, threads);
}

// The backward pass by transforms: vectors of channels of images, shared out to threads
void backward_by_transforms(const Embeddings& e, const float* queries, const float* values, const float* content, const float* d_y,
                            float* d_queries, float* d_values, float* d_content, float* d_table, int64_t threads) {
  const Shape& s = e.shape;
  const Spectra& spectra = e.spectra.front();
  const int64_t n = s.height * s.width, map = s.rows * s.columns, vectors = s.v_pitch / LANES, of_queries = n * s.h * s.k;
  const Widened v(values, s.b * map, s.v, s.v_pitch), c(content, s.b * s.k, s.v, s.v_pitch), d(d_y, s.b * n * s.h, s.v, s.v_pitch);
  std::vector<float> wide_values(s.b * map * s.v_pitch), wide_content(content ? s.b * s.k * s.v_pitch : 0);
  const int64_t units = s.b * vectors, parts = std::max<int64_t>(1, std::min(threads, units));
  struct Part {
    int64_t first_image = 0;
    std::vector<float> queries, embeddings;
  };
  std::vector<Part> found(parts);
  std::fill_n(d_queries, s.b * of_queries, 0.0f);
  in_parts(units, parts, [&](int64_t part, int64_t first, int64_t last) {
    Part& own = found[part];
    own.first_image = first / vectors;
    if (part) own.queries.assign(((last - 1) / vectors - own.first_image + 1) * of_queries, 0.0f);
    own.embeddings.assign(spectra.numbers(), 0.0f);
    float* to = part ? own.queries.data() : d_queries;
    const BenchBack bench(s, spectra);
    for (int64_t unit = first; unit < last; ++unit) {
      const int64_t image = unit / vectors;
      const ImageBack one{queries + image * of_queries,
                          content ? c.numbers + image * s.k * s.v_pitch : nullptr,
                          v.numbers + image * map * s.v_pitch,
                          d.numbers + image * n * s.h * s.v_pitch,
                          to + (image - own.first_image) * of_queries,
                          content ? wide_content.data() + image * s.k * s.v_pitch : nullptr,
                          wide_values.data() + image * map * s.v_pitch};
      transform_back(s, spectra, one, unit % vectors * LANES, bench, own.embeddings.data());
    }
  });
  std::fill_n(d_table, s.k * s.r_y * s.r_x, 0.0f);
  for (Part& one : found) {
    for (size_t i = 0; i < one.queries.size(); ++i) d_queries[one.first_image * of_queries + i] += one.queries[i];
    if (&one != &found[0])
      for (size_t i = 0; i < one.embeddings.size(); ++i) found[0].embeddings[i] += one.embeddings[i];
  }
  spectra.add_gradients(s, found[0].embeddings.data(), d_table, s.r_x, s.r_y * s.r_x);
  narrow(wide_values.data(), s.b * map, s.v_pitch, s.v, d_values);
  if (content) narrow(wide_content.data(), s.b * s.k, s.v_pitch, s.v, d_content);
}

}  // namespace

// queries [b, height, width, h, k], values [b, u, rows, columns, v], content [b, k, v] or null, table [u, k, r_y, r_x] or null,
// y [b, height, width, h, v]; all contiguous float32. sizes: b, height, width, rows, columns, h, k, u, v, r_y, r_x.
extern "C" void lambda_forward(const float* queries, const float* values, const float* content, const float* table, float* y,
                               const int64_t* sizes, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Embeddings e(s, table);
  const int64_t n = s.height * s.width, map = s.u * s.rows * s.columns;
  const Widened v(values, s.b * map, s.v, s.v_pitch), c(content, s.b * s.k, s.v, s.v_pitch);
  for_images(s.b, threads, [&](int64_t image, int64_t share) {
    apply(e,
          {queries + image * n * s.h * s.k, s.h * s.k, nullptr, nullptr,
           content ? c.numbers + image * s.k * s.v_pitch : nullptr, v.numbers + image * map * s.v_pitch},
          share, {y + image * n * s.h * s.v, n, false});
  });
}

// A layer in inference behind its projections [b, height, width, channels] (queries h k, keys k if there is a content term, values
// v; readable for 16 floats behind the end), with norms folded in: weight, bias, mean, variance of the queries' and of the
// values', or null. `bias` [k], added to every content lambda, or null. y is [b, height, width, h, v] or, channels first, [b, h, v, height, width]. u = 1; sizes as above.
extern "C" void lambda_layer(const float* projected, const float* const* norms, const double* epsilons, const float* bias,
                             const float* table, float* y, const int64_t* sizes, int64_t has_content, int64_t channels_first, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Embeddings e(s, table);
  const int64_t n = s.height * s.width, of_queries = s.h * s.k, keys = has_content ? s.k : 0;
  std::vector<float> scale, shift;
  if (norms)
    for (int64_t side = 0; side < 2; ++side)
      for (int64_t i = 0; i < (side ? s.v : of_queries); ++i) {
        const float* const* of = norms + 4 * side;
        scale.push_back(static_cast<float>(of[0][i] / std::sqrt(of[3][i] + epsilons[side])));
        shift.push_back(of[1][i] - of[2][i] * scale.back());
      }
  const int64_t channels = of_queries + keys + s.v;
  for_images(s.b, threads, [&](int64_t image, int64_t share) {
    infer(e, {projected + image * n * channels, channels, keys, norms ? scale.data() : nullptr, norms ? shift.data() : nullptr, bias},
          share, {y + image * n * s.h * s.v, n, channels_first != 0});
  });
}

// Gradients of the same, of shapes as their inputs; those of content and table are null where these are.
extern "C" void lambda_backward(const float* queries, const float* values, const float* content, const float* table,
                                const float* d_y, float* d_queries, float* d_values, float* d_content, float* d_table,
                                const int64_t* sizes, int64_t threads) {
  const Shape s = shape_of(sizes);
  if (table && transforms_pay(s)) {
    const Embeddings spectra(s, table);
    return backward_by_transforms(spectra, queries, values, content, d_y, d_queries, d_values, d_content, d_table, threads);
  }
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
