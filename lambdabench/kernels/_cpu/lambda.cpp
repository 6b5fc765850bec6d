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

// A layer in training of maps as above. given: x; weights [channels, depth] of queries, of keys or null, and of values; norms (weight of
// the queries' and of the values', bias of both, or null) by the batch's statistics; bias [k] or null; table. For the way back there are
// the projections [b, height, width, channels in 16s], `each` images in a piece (readable for 16 floats behind its end), and `kept`: mean, 1 / deviation and
// variance (by n - 1) of every channel of the norms, then of each image the softmax's greatest and sum [k] and content lambda [k, v].
extern "C" void lambda_layer_train(const float* const* given, const double* epsilons, float* y, float* const* projected, float* kept,
                                   const int64_t* sizes, int64_t depth, int64_t channels_first, int64_t threads, int64_t each) {
  const Shape s = shape_of(sizes);
  const LayerGiven in(given, s, depth, channels_first != 0);
  const int64_t n = s.height * s.width, keys = in.channels.keys, pitch = in.channels.pitch();
  const Pieces<float> rows{projected, each, pitch, n};
  const std::vector<Moments> moments = project_maps(in.maps, in.weights, in.norms, rows, threads);
  Norms norms;
  if (in.norms) {
    const int64_t count = in.channels.of_norms();
    norms = joined(moments, in.channels, in.norms, epsilons, kept + 2 * count);
    std::copy_n(norms.mean.data(), count, kept);
    std::copy_n(norms.deviation.data(), count, kept + count);
    kept += 3 * count;
  }
  const Embeddings e(s, in.table);
  std::vector<Rooms> rooms(parts_of(s.b, threads));
  for_images(s.b, threads, [&](int64_t image, int64_t share, int64_t part) {
    const Kept of_image(s, kept + image * Kept::numbers(s, keys));
    const Made made{rows.of(image), pitch, keys, in.norms ? norms.scale.data() : nullptr,
                    in.norms ? norms.shift.data() : nullptr};
    infer(e, made, in.bias, share, {y + image * n * s.h * s.v, n, channels_first != 0}, rooms[part], keys ? &of_image : nullptr);
  });
}

// Running statistics: means of the queries' and of the values' norm, their variances and how many batches they have seen; shares and
// channels of both.
struct Running {
  float* numbers[4];
  int64_t* counts[2];
  double shares[2];
  int64_t channels[2];
};

// Moves them as batch norm does by what lambda_layer_train has kept.
extern "C" void lambda_statistics(const float* kept, const Running* running) {
  const int64_t* channels = running->channels;
  const int64_t all = channels[0] + channels[1];
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t side = i % 2;
    const float* found = kept + (i / 2) * 2 * all + side * channels[0];
    const float share = static_cast<float>(running->shares[side]);
    float* numbers = running->numbers[i];
    for (int64_t c = 0; c < channels[side]; ++c) numbers[c] += share * (found[c] - numbers[c]);
  }
  for (int64_t* count : running->counts) ++*count;
}

// Gradients of lambda_layer_train: d_x as x, or null, and one after the other those of weights, norms (weight of queries and of values,
// bias of both), bias and table; d_y in y's layout.
extern "C" void lambda_layer_back(const float* const* given, const float* const* projected, const float* kept, const float* d_y, float* d_x,
                                  float* gradients, const int64_t* sizes, int64_t depth, int64_t channels_first, int64_t threads,
                                  int64_t each) {
  const Shape s = shape_of(sizes);
  const LayerGiven in(given, s, depth, channels_first != 0);
  const Channels& channels = in.channels;
  const Tables tables(s, in.table);
  const int64_t count = channels.of_norms(), n = s.height * s.width, pitch = channels.pitch();
  Norms norms;
  if (in.norms) {
    norms.mean.assign(kept, kept + count), norms.deviation.assign(kept + count, kept + 2 * count);
    norms.fold(in.norms, channels);
    kept += 3 * count;
  }
  const OwnPieces own(s.b, n * pitch);
  const Pieces<const float> there{projected, each, pitch, n};
  const Pieces<float> back_there{own.pieces.data(), own.each, pitch, n};
  const std::vector<float> mean = in.norms ? channels.placed(norms.mean) : std::vector<float>{};
  const LayerBack back{s, tables, channels, in.norms ? &norms : nullptr, mean,
                       there, in.bias, d_y, kept, channels_first != 0, back_there};
  threads = std::max<int64_t>(threads, 1);
  std::vector<Totals> totals(parts_of(s.b, threads));
  for (Totals& one : totals) one = back.totals();
  for_images(s.b, threads, [&](int64_t image, int64_t share, int64_t part) { back.image(image, share, totals[part]); });
  Totals& sum = totals[0];
  for (size_t i = 1; i < totals.size(); ++i) {
    add_to(sum.table.data(), totals[i].table), add_to(sum.bias.data(), totals[i].bias);
    sum.moments.add(totals[i].moments);
  }
  float* of_norms = gradients + channels.count() * depth;
  std::vector<NormsBack> through;
  if (in.norms) through.emplace_back(norms, channels, sum.moments, s.b * n, of_norms);
  const MapsBack to_maps{in.maps, channels, there, back_there, in.norms ? &through[0] : nullptr, in.weights, d_x};
  to_maps.run(gradients, threads);
  float* behind = std::copy(sum.bias.begin(), sum.bias.end(), of_norms + (in.norms ? 2 * count : 0));
  tables.finish(sum.table, behind);
}

// Gradients of lambda_forward, of shapes as their inputs; those of content and table are null where these are.
extern "C" void lambda_backward(const float* queries, const float* values, const float* content, const float* table,
                                const float* d_y, float* d_queries, float* d_values, float* d_content, float* d_table,
                                const int64_t* sizes, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Tables tables(s, table);
  std::vector<float> sum(tables.numbers(), 0.0f);
  lambdas_back(tables, s.b, {queries, values, content, d_y, s.h * s.k, s.v, nullptr, nullptr},
               {{d_queries, s.h * s.k}, d_values, d_content}, sum.data(), threads);
  tables.finish(sum, d_table);
}

// float32 numbers in a vector of this build.
extern "C" int64_t lambda_lanes() { return LANES; }
