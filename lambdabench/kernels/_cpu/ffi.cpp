// The same kernel for XLA: handlers of its foreign function interface around the C interface.

#include "lambda.cpp"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using Numbers = ffi::Buffer<ffi::F32>;
using Found = ffi::ResultBuffer<ffi::F32>;

namespace {

// Sizes as lambda_forward takes them, of queries [b, y, x, h, k], values [b, u, j, i, v], table [u, k, r_y, r_x] or empty
std::vector<int64_t> sizes_of(const Numbers& queries, const Numbers& values, const Numbers& table) {
  const auto q = queries.dimensions(), v = values.dimensions(), t = table.dimensions();
  const bool any = table.element_count() > 0;
  return {q[0], q[1], q[2], v[2], v[3], q[3], q[4], v[1], v[4], any ? t[2] : 1, any ? t[3] : 1};
}

const float* there(const Numbers& one) { return one.element_count() ? one.typed_data() : nullptr; }
float* there(Found& one) { return one->element_count() ? one->typed_data() : nullptr; }

ffi::Error forward(Numbers queries, Numbers values, Numbers content, Numbers table, Found y, int64_t threads) {
  const std::vector<int64_t> sizes = sizes_of(queries, values, table);
  lambda_forward(queries.typed_data(), values.typed_data(), there(content), there(table), y->typed_data(), sizes.data(), threads);
  return ffi::Error::Success();
}

ffi::Error backward(Numbers queries, Numbers values, Numbers content, Numbers table, Numbers d_y, Found d_queries, Found d_values,
                    Found d_content, Found d_table, int64_t threads) {
  const std::vector<int64_t> sizes = sizes_of(queries, values, table);
  lambda_backward(queries.typed_data(), values.typed_data(), there(content), there(table), d_y.typed_data(),
                  d_queries->typed_data(), d_values->typed_data(), there(d_content), there(d_table), sizes.data(), threads);
  return ffi::Error::Success();
}

// Weights [depth, channels] as [channels][depth]
Room turned(const Numbers& weights) {
  const int64_t size = static_cast<int64_t>(weights.element_count()), channels = size ? weights.dimensions()[1] : 0;
  Room found = room(size);
  if (size) turn_all(weights.typed_data(), channels, size / channels, found.get(), channels, size / channels);
  return found;
}

// Norms: scale, bias, mean and variance of the queries', then those of the values', all in one row; or empty
ffi::Error whole_layer(Numbers x, Numbers of_queries, Numbers of_keys, Numbers of_values, Numbers norms, Numbers table, Found y, int64_t heads,
                 double epsilon_queries, double epsilon_values, int64_t threads) {
  const auto size = x.dimensions();
  const int64_t q = of_queries.dimensions()[1], v = of_values.dimensions()[1], none = norms.element_count() == 0;
  const Room q_weights = turned(of_queries), k_weights = turned(of_keys), v_weights = turned(of_values);
  Layer layer{};
  layer.x = x.typed_data(), layer.table = there(table), layer.y = y->typed_data();
  layer.weights[0] = q_weights.get(), layer.weights[1] = of_keys.element_count() ? k_weights.get() : nullptr;
  layer.weights[2] = v_weights.get();
  for (int64_t i = 0; !none && i < 4; ++i) {
    layer.norms[0][i] = norms.typed_data() + i * q;
    layer.norms[1][i] = norms.typed_data() + 4 * q + i * v;
  }
  const bool any = table.element_count() > 0;
  const int64_t sizes[] = {size[0], size[1], size[2], size[1], size[2], heads, q / heads, 1, v,
                           any ? table.dimensions()[2] : 1, any ? table.dimensions()[3] : 1};
  std::copy_n(sizes, 11, layer.sizes);
  layer.depth = size[3], layer.channels_first = 0, layer.threads = threads;
  layer.epsilons[0] = epsilon_queries, layer.epsilons[1] = epsilon_values;
  lambda_layer(&layer);
  return ffi::Error::Success();
}

// A layer in training from what it is given: weights as rows, addresses and sizes as the C interface takes them. Norms: scale of the
// queries' and of the values', then bias of both, all in one row; or empty
struct Training {
  Room weights[3];
  const float* given[10];
  int64_t sizes[11], depth;
  double epsilons[2];

  Training(const Numbers& x, const Numbers& of_queries, const Numbers& of_keys, const Numbers& of_values, const Numbers& norms,
           const Numbers& table, int64_t heads, double epsilon_queries, double epsilon_values)
      : weights{turned(of_queries), turned(of_keys), turned(of_values)}, depth(x.dimensions()[3]),
        epsilons{epsilon_queries, epsilon_values} {
    const int64_t q = of_queries.dimensions()[1], v = of_values.dimensions()[1];
    const float *scales = there(norms), *biases = scales ? scales + q + v : nullptr;
    const float* all[] = {x.typed_data(), weights[0].get(), of_keys.element_count() ? weights[1].get() : nullptr, weights[2].get(),
                          scales, scales ? scales + q : nullptr, biases, scales ? biases + q : nullptr, nullptr, there(table)};
    std::copy_n(all, 10, given);
    const auto size = x.dimensions(), scope = table.dimensions();
    const bool any = table.element_count() > 0;
    const int64_t found[] = {size[0], size[1], size[2], size[1], size[2], heads, q / heads, 1, v, any ? scope[2] : 1, any ? scope[3] : 1};
    std::copy_n(found, 11, sizes);
  }
};

ffi::Error train_layer(Numbers x, Numbers of_queries, Numbers of_keys, Numbers of_values, Numbers norms, Numbers table, Found y,
                       Found projected, Found kept, int64_t heads, double epsilon_queries, double epsilon_values, int64_t threads) {
  const Training of(x, of_queries, of_keys, of_values, norms, table, heads, epsilon_queries, epsilon_values);
  float* const rows = projected->typed_data();
  lambda_layer_train(of.given, of.epsilons, y->typed_data(), &rows, kept->typed_data(), of.sizes, of.depth, 0, threads, of.sizes[0]);
  return ffi::Error::Success();
}

ffi::Error layer_back(Numbers x, Numbers of_queries, Numbers of_keys, Numbers of_values, Numbers norms, Numbers table, Numbers projected,
                      Numbers kept, Numbers d_y, Found d_x, Found d_queries, Found d_keys, Found d_values, Found d_norms, Found d_table,
                      int64_t heads, double epsilon_queries, double epsilon_values, int64_t threads) {
  const Training of(x, of_queries, of_keys, of_values, norms, table, heads, epsilon_queries, epsilon_values);
  Found* weights[] = {&d_queries, &d_keys, &d_values};
  int64_t all = 0;
  for (Found* one : {&d_queries, &d_keys, &d_values, &d_norms, &d_table}) all += static_cast<int64_t>((*one)->element_count());
  const Room found = room(all);
  const float* const rows = projected.typed_data();
  lambda_layer_back(of.given, &rows, kept.typed_data(), d_y.typed_data(), d_x->typed_data(), found.get(), of.sizes,
                    of.depth, 0, threads, of.sizes[0]);
  const float* from = found.get();
  for (Found* one : weights) {
    const int64_t size = static_cast<int64_t>((*one)->element_count()), channels = size / of.depth;
    if (size) turn_all(from, of.depth, channels, (*one)->typed_data(), of.depth, channels);
    from += size;
  }
  for (Found* one : {&d_norms, &d_table}) {
    if (float* to = there(*one)) std::copy_n(from, (*one)->element_count(), to);
    from += (*one)->element_count();
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(lambda_layer_ffi, whole_layer,
                              ffi::Ffi::Bind().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>()
                                  .Arg<Numbers>().Ret<Numbers>().Attr<int64_t>("heads").Attr<double>("epsilon_queries")
                                  .Attr<double>("epsilon_values").Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(apply_lambdas, forward,
                              ffi::Ffi::Bind().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Ret<Numbers>()
                                  .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(apply_lambdas_backward, backward,
                              ffi::Ffi::Bind().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>()
                                  .Ret<Numbers>().Ret<Numbers>().Ret<Numbers>().Ret<Numbers>().Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(lambda_layer_train_ffi, train_layer,
                              ffi::Ffi::Bind().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>()
                                  .Arg<Numbers>().Ret<Numbers>().Ret<Numbers>().Ret<Numbers>().Attr<int64_t>("heads")
                                  .Attr<double>("epsilon_queries").Attr<double>("epsilon_values").Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(lambda_layer_back_ffi, layer_back,
                              ffi::Ffi::Bind().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>()
                                  .Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Ret<Numbers>().Ret<Numbers>()
                                  .Ret<Numbers>().Ret<Numbers>().Ret<Numbers>().Ret<Numbers>().Attr<int64_t>("heads")
                                  .Attr<double>("epsilon_queries").Attr<double>("epsilon_values").Attr<int64_t>("threads"));
