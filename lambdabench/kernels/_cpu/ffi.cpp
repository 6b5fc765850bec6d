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
