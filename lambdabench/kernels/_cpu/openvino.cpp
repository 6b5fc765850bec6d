// The same kernel for OpenVINO: operators of its extension interface around the C interface, on the threads that it computes with.

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#define PARALLEL_FOR(parts, part) tbb::parallel_for(int64_t{0}, (parts), (part))

#include "lambda.cpp"
#include "openvino/core/op_extension.hpp"
#include "openvino/frontend/onnx/extension/op.hpp"
#include "openvino/op/op.hpp"

namespace {

int64_t threads_here() { return tbb::this_task_arena::max_concurrency(); }

const float* numbers(const ov::Tensor& given) { return given.data<const float>(); }

// A layer in inference of maps [b, d, y, x]: weights of queries, of keys where there is a content term, and of values, [channels, d, 1, 1];
// scale, bias, mean and variance of the queries' norm, then of the values', or none; a bias of content lambdas or none; a table or none
class LambdaLayer : public ov::op::Op {
 public:
  OPENVINO_OP("LambdaLayer", "lambdabench");
  LambdaLayer() = default;

  void validate_and_infer_types() override {
    ov::PartialShape shape = get_input_partial_shape(0);
    shape[1] = get_input_partial_shape(2 + keys_)[0] * heads_;
    set_output_type(0, get_input_element_type(0), shape);
  }

  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
    const auto same = std::make_shared<LambdaLayer>();
    same->heads_ = heads_, same->keys_ = keys_, same->norms_ = norms_, same->bias_ = bias_, same->table_ = table_;
    same->epsilon_queries_ = epsilon_queries_, same->epsilon_values_ = epsilon_values_;
    same->set_arguments(inputs);
    same->validate_and_infer_types();
    return same;
  }

  bool visit_attributes(ov::AttributeVisitor& visitor) override {
    visitor.on_attribute("heads", heads_), visitor.on_attribute("keys", keys_), visitor.on_attribute("norms", norms_);
    visitor.on_attribute("bias", bias_), visitor.on_attribute("table", table_);
    visitor.on_attribute("epsilon_queries", epsilon_queries_), visitor.on_attribute("epsilon_values", epsilon_values_);
    return true;
  }

  bool has_evaluate() const override { return true; }

  bool evaluate(ov::TensorVector& y, const ov::TensorVector& given) const override {
    const ov::Shape size = given[0].get_shape();
    size_t next = 1;
    Layer layer{};
    layer.x = numbers(given[0]), layer.weights[0] = numbers(given[next++]);
    if (keys_) layer.weights[1] = numbers(given[next++]);
    const ov::Tensor& values = given[next++];
    layer.weights[2] = numbers(values);
    for (int64_t i = 0; norms_ && i < 8; ++i) layer.norms[i / 4][i % 4] = numbers(given[next++]);
    if (bias_) layer.bias = numbers(given[next++]);
    const ov::Shape scope = table_ ? given[next].get_shape() : ov::Shape{0, 0, 1, 1};
    if (table_) layer.table = numbers(given[next]);
    y[0].set_shape({size[0], heads_ * values.get_shape()[0], size[2], size[3]});
    layer.y = y[0].data<float>();
    const int64_t height = size[2], width = size[3], key_depth = given[1].get_shape()[0] / heads_, depth = values.get_shape()[0];
    const int64_t sizes[] = {static_cast<int64_t>(size[0]), height, width, height, width, heads_, key_depth, 1, depth,
                             static_cast<int64_t>(scope[2]), static_cast<int64_t>(scope[3])};
    std::copy_n(sizes, 11, layer.sizes);
    layer.depth = size[1], layer.channels_first = 1, layer.threads = threads_here();
    layer.epsilons[0] = epsilon_queries_, layer.epsilons[1] = epsilon_values_;
    lambda_layer(&layer);
    return true;
  }

 private:
  int64_t heads_ = 1, keys_ = 0, norms_ = 0, bias_ = 0, table_ = 0;
  double epsilon_queries_ = 0, epsilon_values_ = 0;
};

// Lambdas applied: queries [b, y, x, h, k], values [b, u, j, i, v], content lambdas [b, k, v] or none, a table [u, k, r_y, r_x] or none,
// to [b, y, x, h, v]
class ApplyLambdas : public ov::op::Op {
 public:
  OPENVINO_OP("ApplyLambdas", "lambdabench");
  ApplyLambdas() = default;

  void validate_and_infer_types() override {
    ov::PartialShape shape = get_input_partial_shape(0);
    shape[4] = get_input_partial_shape(1)[4];
    set_output_type(0, get_input_element_type(0), shape);
  }

  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
    const auto same = std::make_shared<ApplyLambdas>();
    same->content_ = content_, same->table_ = table_;
    same->set_arguments(inputs);
    same->validate_and_infer_types();
    return same;
  }

  bool visit_attributes(ov::AttributeVisitor& visitor) override {
    visitor.on_attribute("content", content_), visitor.on_attribute("table", table_);
    return true;
  }

  bool has_evaluate() const override { return true; }

  bool evaluate(ov::TensorVector& y, const ov::TensorVector& given) const override {
    const ov::Shape q = given[0].get_shape(), v = given[1].get_shape();
    const float* content = content_ ? numbers(given[2]) : nullptr;
    const ov::Shape scope = table_ ? given[2 + content_].get_shape() : ov::Shape{0, 0, 1, 1};
    const float* table = table_ ? numbers(given[2 + content_]) : nullptr;
    const std::vector<size_t> all{q[0], q[1], q[2], v[2], v[3], q[3], q[4], v[1], v[4], scope[2], scope[3]};
    const std::vector<int64_t> sizes(all.begin(), all.end());
    y[0].set_shape({q[0], q[1], q[2], q[3], v[4]});
    lambda_forward(numbers(given[0]), numbers(given[1]), content, table, y[0].data<float>(), sizes.data(), threads_here());
    return true;
  }

 private:
  int64_t content_ = 0, table_ = 0;
};

template <class Operator>
void add(std::vector<ov::Extension::Ptr>& all, const std::string& name) {
  all.push_back(std::make_shared<ov::OpExtension<Operator>>());
  all.push_back(std::make_shared<ov::frontend::onnx::OpExtension<Operator>>(name, std::string("lambdabench")));
}

std::vector<ov::Extension::Ptr> extensions() {
  std::vector<ov::Extension::Ptr> all;
  add<LambdaLayer>(all, "LambdaLayer");
  add<ApplyLambdas>(all, "ApplyLambdas");
  return all;
}

}  // namespace

OPENVINO_CREATE_EXTENSIONS(extensions());
