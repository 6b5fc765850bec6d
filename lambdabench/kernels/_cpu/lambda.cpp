// The lambdas of a lambda layer applied on a CPU, float32, with a C interface. Nothing of the size of the position lambdas
// (positions x key depth x value depth) is ever made. Compiled for the machine that it runs on.

#include "training.h"

namespace {

Shape shape_of(const int64_t* sizes) {
  Shape s{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], sizes[8], sizes[9], sizes[10], 0, 0, 0};
  s.pitch = rounded(s.r_x);
  s.taps = s.r_y * s.pitch;
  s.v_pitch = rounded(s.v);
  return s;
}

// Threads that images are shared out to, each with its own part
inline int64_t parts_of(int64_t images, int64_t threads) { return std::max<int64_t>(1, std::min(threads, images)); }

// work(image, threads, part) for all images: each on a thread of its own where there are as many, else all threads at each in turn
template <class Work>
void for_images(int64_t images, int64_t threads, const Work& work) {
  threads = std::max<int64_t>(threads, 1);
  const int64_t alone = images / threads * threads;
  in_parts(alone, alone ? threads : 1, [&](int64_t part, int64_t first, int64_t last) {
    for (int64_t image = first; image < last; ++image) work(image, 1, part);
  });
  for (int64_t image = alone; image < images; ++image) work(image, threads, 0);
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
  std::vector<Rooms> rooms(parts_of(s.b, threads));
  for_images(s.b, threads, [&](int64_t image, int64_t share, int64_t part) {
    const Image one{queries + image * n * s.h * s.k, content ? c.numbers + image * s.k * s.v_pitch : nullptr,
                    v.numbers + image * map * s.v_pitch};
    apply(e, one, share, {y + image * n * s.h * s.v, n, false}, rooms[part]);
  });
}

// A layer in inference, of maps x [b, depth, height, width] or, channels last, [b, height, width, depth]. Weights [channels, depth]
// of queries, of keys or null, and of values; norms folded in: weight, bias, mean, variance of the queries' and of the values', or
// nulls. `bias` [k], added to every content lambda, or null. y is as x, with h v channels. u = 1; sizes as above.
struct Layer {
  const float *x, *weights[3], *norms[2][4], *bias, *table;
  float* y;
  int64_t sizes[11], depth, channels_first, threads;
  double epsilons[2];
};

extern "C" void lambda_layer(const Layer* given) {
  const Layer& layer = *given;
  const Shape s = shape_of(layer.sizes);
  const Embeddings e(s, layer.table);
  const int64_t n = s.height * s.width, of_queries = s.h * s.k, keys = layer.weights[1] ? s.k : 0;
  const bool norms = layer.norms[0][0];
  std::vector<float> folded;  // scale of queries and of values, then shift of both
  for (int64_t side = 0; norms && side < 2; ++side) {
    const int64_t channels = of_queries + s.v, first = side ? of_queries : 0, last = side ? channels : of_queries;
    const float* const* of = layer.norms[side];
    folded.resize(2 * channels);
    for (int64_t i = first; i < last; ++i) {
      folded[i] = static_cast<float>(of[0][i - first] / std::sqrt(of[3][i - first] + layer.epsilons[side]));
      folded[channels + i] = of[1][i - first] - of[2][i - first] * folded[i];
    }
  }
  const float *scale = norms ? folded.data() : nullptr, *shift = norms ? scale + of_queries + s.v : nullptr;
  const Weights q{layer.weights[0], of_queries, scale, shift}, k{layer.weights[1], keys, nullptr, nullptr};
  const Weights v{layer.weights[2], s.v, norms ? scale + of_queries : nullptr, norms ? shift + of_queries : nullptr};
  std::vector<Rooms> rooms(parts_of(s.b, layer.threads));
  for_images(s.b, layer.threads, [&](int64_t image, int64_t share, int64_t part) {
    const bool first = layer.channels_first != 0;
    infer(e, Making{layer.x + image * n * layer.depth, n, layer.depth, keys, first, q, k, v}, layer.bias, share,
          {layer.y + image * n * s.h * s.v, n, first}, rooms[part]);
  });
}

// A layer in training behind its projections [b, height, width, channels] (queries h k, keys k if there is a content term, values v;
// readable for 16 floats behind the end), with norms (weight, bias of the queries' and of the values', or null) by the batch's
// statistics. y is [b, height, width, h, v] or, channels first, [b, h, v, height, width]. `kept` is for the way back: mean, 1 / deviation and variance (by n - 1) of every
// channel of the norms, then of each image the softmax's greatest and sum [k] and the content lambda [k, v].
extern "C" void lambda_layer_train(const float* projected, const float* const* norms, const double* epsilons, const float* bias,
                                   const float* table, float* y, float* kept, const int64_t* sizes, int64_t has_content,
                                   int64_t channels_first, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Embeddings e(s, table);
  const int64_t n = s.height * s.width, keys = has_content ? s.k : 0, channels = s.h * s.k + keys + s.v;
  Norms found;
  if (norms) {
    const int64_t count = s.h * s.k + s.v;
    found = statistics(s, projected, keys, norms, epsilons, kept + 2 * count, threads);
    std::copy_n(found.mean.data(), count, kept);
    std::copy_n(found.deviation.data(), count, kept + count);
    kept += 3 * count;
  }
  std::vector<Rooms> rooms(parts_of(s.b, threads));
  for_images(s.b, threads, [&](int64_t image, int64_t share, int64_t part) {
    const Kept of_image(s, kept + image * Kept::numbers(s, keys));
    const Made made{projected + image * n * channels, channels, keys, norms ? found.scale.data() : nullptr,
                    norms ? found.shift.data() : nullptr};
    infer(e, made, bias, share, {y + image * n * s.h * s.v, n, channels_first != 0}, rooms[part], keys ? &of_image : nullptr);
  });
}

// Gradients of the same: d_projected as projected, d_norms [weight of queries and values, bias of both] or null, d_bias [k] or
// null, d_table or null; d_y in y's layout.
extern "C" void lambda_layer_back(const float* projected, const float* const* norms, const float* bias, const float* table,
                                  float* kept, const float* d_y, float* d_projected, float* d_norms, float* d_bias,
                                  float* d_table, const int64_t* sizes, int64_t has_content, int64_t channels_first, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Tables tables(s, table);
  Norms found;
  if (norms) {
    const int64_t count = s.h * s.k + s.v;
    found.of_queries = s.h * s.k, found.channels = count;
    found.mean.assign(kept, kept + count), found.deviation.assign(kept + count, kept + 2 * count);
    found.fold(norms);
    kept += 3 * count;
  }
  const LayerBack back{s,   tables, norms ? &found : nullptr, has_content ? s.k : 0, projected, has_content ? bias : nullptr,
                       d_y, kept,   channels_first != 0,      d_projected};
  threads = std::max<int64_t>(threads, 1);
  std::vector<Totals> totals(parts_of(s.b, threads));
  for (Totals& one : totals) one = back.totals();
  for_images(s.b, threads, [&](int64_t image, int64_t share, int64_t part) { back.image(image, share, totals[part]); });
  Totals& sum = totals[0];
  for (size_t i = 1; i < totals.size(); ++i) {
    add_to(sum.table.data(), totals[i].table), add_to(sum.bias.data(), totals[i].bias);
    for (size_t j = 0; j < sum.moments.size(); ++j) sum.moments[j] += totals[i].moments[j];
  }
  tables.finish(s, sum.table, d_table);
  if (bias && has_content) std::copy_n(sum.bias.data(), s.k, d_bias);
  if (!norms) return;
  for (int64_t i = 0; i < found.channels; ++i) {
    d_norms[i] = static_cast<float>(sum.moments[found.channels + i]);
    d_norms[found.channels + i] = static_cast<float>(sum.moments[i]);
  }
  const int64_t rows = s.b * back.positions();
  in_parts(rows, std::clamp<int64_t>(rows * back.channels() / WORTH_A_THREAD, 1, threads),
           [&](int64_t, int64_t first, int64_t last) { back.through_norms(first, last, sum.moments); });
}

// Gradients of lambda_forward, of shapes as their inputs; those of content and table are null where these are.
extern "C" void lambda_backward(const float* queries, const float* values, const float* content, const float* table,
                                const float* d_y, float* d_queries, float* d_values, float* d_content, float* d_table,
                                const int64_t* sizes, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Tables tables(s, table);
  std::vector<float> sum(tables.numbers(s), 0.0f);
  lambdas_back(tables, s, {queries, values, content, table, d_y}, {d_queries, d_values, d_content}, sum.data(), threads);
  tables.finish(s, sum, d_table);
}

// float32 numbers in a vector of this build.
extern "C" int64_t lambda_lanes() { return LANES; }
