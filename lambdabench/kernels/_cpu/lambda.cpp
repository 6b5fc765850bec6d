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

// Lets a step's memory stay for the next one: glibc gives what is unused back to the system once it is more than twice the largest
// block freed so far, and each step would get it again page by page. This block is never touched.
void keep_memory() {
  static const bool once = [] {
    void* volatile block = std::malloc(31 << 20);
    std::free(block);
    return true;
  }();
  (void)once;
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
    auto reader = [&] { return [&](int64_t first, int64_t) { return queries + (image * n + first) * s.h * s.k; }; };
    apply(e, reader, content ? c.numbers + image * s.k * s.v_pitch : nullptr, v.numbers + image * map * s.v_pitch, share,
          {y + image * n * s.h * s.v, n, false}, rooms[part]);
  });
}

// A layer in inference, of maps x [b, depth, height, width] or, channels last, [b, height, width, depth]. weights [channels, depth]
// of queries, of keys or null, and of values; norms folded in: weight, bias, mean, variance of the queries' and of the values', or
// null. `bias` [k], added to every content lambda, or null. y is as x, with h v channels. u = 1; sizes as above.
extern "C" void lambda_layer(const float* x, const float* const* weights, const float* const* norms, const double* epsilons,
                             const float* bias, const float* table, float* y, const int64_t* sizes, int64_t depth,
                             int64_t channels_first, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Embeddings e(s, table);
  const int64_t n = s.height * s.width, of_queries = s.h * s.k, keys = weights[1] ? s.k : 0;
  std::vector<float> scale, shift;
  if (norms)
    for (int64_t side = 0; side < 2; ++side)
      for (int64_t i = 0; i < (side ? s.v : of_queries); ++i) {
        const float* const* of = norms + 4 * side;
        scale.push_back(static_cast<float>(of[0][i] / std::sqrt(of[3][i] + epsilons[side])));
        shift.push_back(of[1][i] - of[2][i] * scale.back());
      }
  auto from = [&](const std::vector<float>& numbers, int64_t first) { return norms ? numbers.data() + first : nullptr; };
  const Packed q(depth, {{weights[0], of_queries, from(scale, 0), from(shift, 0)}});
  const Packed context(depth, {{weights[1], keys, nullptr, nullptr}, {weights[2], s.v, from(scale, of_queries), from(shift, of_queries)}});
  std::vector<Rooms> rooms(parts_of(s.b, threads));
  for_images(s.b, threads, [&](int64_t image, int64_t share, int64_t part) {
    infer(e, Making{x + image * n * depth, n, keys, channels_first != 0, q, context}, bias, share,
          {y + image * n * s.h * s.v, n, channels_first != 0}, rooms[part]);
  });
}

// A layer in training of maps as above. given: x; weights [channels, depth] of queries, of keys or null, and of values; norms (weight of
// the queries' and of the values', bias of both, or null) by the batch's statistics; bias [k] or null; table. For the way back there are
// the projections [b, height, width, channels in 16s] (readable for 16 floats behind the end) and `kept`: mean, 1 / deviation and
// variance (by n - 1) of every channel of the norms, then of each image the softmax's greatest and sum [k] and content lambda [k, v].
extern "C" void lambda_layer_train(const float* const* given, const double* epsilons, float* y, float* projected, float* kept,
                                   const int64_t* sizes, int64_t depth, int64_t channels_first, int64_t threads) {
  keep_memory();
  const Shape s = shape_of(sizes);
  const LayerGiven in(given, s, depth, channels_first != 0);
  const int64_t n = s.height * s.width, keys = in.channels.keys, pitch = in.channels.pitch();
  const std::vector<Moments> moments = project_maps(in.maps, in.weights, pitch, in.norms, projected, threads);
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
    const Made made{projected + image * n * pitch, pitch, keys, in.norms ? norms.scale.data() : nullptr,
                    in.norms ? norms.shift.data() : nullptr};
    infer(e, made, in.bias, share, {y + image * n * s.h * s.v, n, channels_first != 0}, rooms[part], keys ? &of_image : nullptr);
  });
}

// Running statistics as batch norm moves them by what lambda_layer_train has kept: means of the queries' and of the values' norm, their
// variances and how many batches they have seen (64-bit integers); shares and channels of both.
extern "C" void lambda_statistics(const float* kept, void* const* running, const double* shares, const int64_t* channels) {
  const int64_t all = channels[0] + channels[1];
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t side = i % 2;
    const float* found = kept + (i / 2) * 2 * all + side * channels[0];
    const float share = static_cast<float>(shares[side]);
    float* numbers = static_cast<float*>(running[i]);
    for (int64_t c = 0; c < channels[side]; ++c) numbers[c] += share * (found[c] - numbers[c]);
  }
  for (int64_t side = 0; side < 2; ++side) ++*static_cast<int64_t*>(running[4 + side]);
}

// Gradients of lambda_layer_train: d_x as x, or null, and one after the other those of weights, norms (weight of queries and of values,
// bias of both), bias and table; d_y in y's layout.
extern "C" void lambda_layer_back(const float* const* given, const float* projected, float* kept, const float* d_y, float* d_x,
                                  float* gradients, const int64_t* sizes, int64_t depth, int64_t channels_first, int64_t threads) {
  const Shape s = shape_of(sizes);
  const LayerGiven in(given, s, depth, channels_first != 0);
  const Channels& channels = in.channels;
  const Tables tables(s, in.table);
  const int64_t count = channels.of_norms(), rows = s.b * s.height * s.width;
  Norms norms;
  if (in.norms) {
    norms.mean.assign(kept, kept + count), norms.deviation.assign(kept + count, kept + 2 * count);
    norms.fold(in.norms, channels);
    kept += 3 * count;
  }
  const Room d_projected = room(rows * channels.pitch());
  const std::vector<float> mean = in.norms ? channels.placed(norms.mean) : std::vector<float>{};
  const LayerBack back{s, tables, channels, in.norms ? &norms : nullptr, mean,
                       projected, in.bias, d_y, kept, channels_first != 0, d_projected.get()};
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
  if (in.norms) through.emplace_back(norms, channels, sum.moments, rows, of_norms);
  const MapsBack to_maps{in.maps, channels, projected, d_projected.get(), in.norms ? &through[0] : nullptr, in.weights, d_x};
  to_maps.run(gradients, threads);
  float* behind = std::copy(sum.bias.begin(), sum.bias.end(), of_norms + (in.norms ? 2 * count : 0));
  tables.finish(s, sum.table, behind);
}

// Gradients of lambda_forward, of shapes as their inputs; those of content and table are null where these are.
extern "C" void lambda_backward(const float* queries, const float* values, const float* content, const float* table,
                                const float* d_y, float* d_queries, float* d_values, float* d_content, float* d_table,
                                const int64_t* sizes, int64_t threads) {
  const Shape s = shape_of(sizes);
  const Tables tables(s, table);
  std::vector<float> sum(tables.numbers(s), 0.0f);
  lambdas_back(tables, s, {queries, values, content, table, d_y, s.h * s.k, s.v, nullptr, nullptr},
               {d_queries, d_values, d_content, s.h * s.k}, sum.data(), threads);
  tables.finish(s, sum, d_table);
}

// float32 numbers in a vector of this build.
extern "C" int64_t lambda_lanes() { return LANES; }
