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

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(apply_lambdas, forward,
                              ffi::Ffi::Bind().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Ret<Numbers>()
                                  .Attr<int64_t>("threads"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(apply_lambdas_backward, backward,
                              ffi::Ffi::Bind().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>().Arg<Numbers>()
                                  .Ret<Numbers>().Ret<Numbers>().Ret<Numbers>().Ret<Numbers>().Attr<int64_t>("threads"));
