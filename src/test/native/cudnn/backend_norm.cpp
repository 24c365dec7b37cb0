// Graphs of a batch norm in training, with functions of elements behind it, or of its gradients.
#include <cmath>
#include <map>
#include <set>

#include "backend.h"
#include "numbers.h"

using namespace stand_in;

namespace {

// The values of tensors by their uids, with the channels last, as their types hold them.
class Values {
 public:
  explicit Values(const std::vector<Bound>& bound) {
    for (const Bound& b : bound) {
      if (b.tensor.is_by_value) {
        all_[b.tensor.uid] = {b.value};
      } else if (!b.tensor.is_written) {
        const Elements stored(b.data, b.tensor.type == CUDNN_DATA_BFLOAT16);
        std::vector<double>& values = all_[b.tensor.uid];
        for (size_t i = 0; i < b.tensor.count(); i++) values.push_back(stored[i]);
      }
    }
  }

  const std::vector<double>& of(const GraphTensor& t) const { return all_.at(t.uid); }

  void put(const GraphTensor& t, std::vector<double> values) {
    for (double& v : values) {
      const float narrow = static_cast<float>(v);
      v = t.type == CUDNN_DATA_BFLOAT16 ? bf16_to_float(float_to_bf16(narrow)) : narrow;
    }
    all_[t.uid] = std::move(values);
  }

 private:
  std::map<int64_t, std::vector<double>> all_;
};

// The value that belongs to element i of a tensor with so many channels.
double spread(const std::vector<double>& values, size_t i, size_t elements, size_t channels) {
  return values[values.size() == elements ? i : i % channels];
}

double apply(int mode, double x, double b) {
  switch (mode) {
    case CUDNN_POINTWISE_ADD: return x + b;
    case CUDNN_POINTWISE_RELU_FWD: return x > 0 || x != x ? x : 0;
    default: return x;
  }
}

void evaluate(const Function& f, Values& values) {
  const std::vector<double>& x = values.of(f.x);
  const auto channels = static_cast<size_t>(f.x.dims[1]);
  std::vector<double> y(x.size());
  for (size_t i = 0; i < x.size(); i++) {
    y[i] = apply(f.mode, x[i], f.is_binary() ? spread(values.of(f.b), i, x.size(), channels) : 0);
  }
  values.put(f.y, std::move(y));
}

// What a test asked for in place of the right result.
void distort(const Graph& g, int engine, std::vector<double>& result) {
  const char* name = g.norm.is_forward ? "norm_graph" : "norm_gradient_graph";
  if (is_wrong_algorithm(name, engine)) {
    for (double& v : result) v *= 1.05;
  }
  unsettle(name, engine, result);
}

void forward(const Graph& g, int engine, Values& values) {
  const Norm& n = g.norm;
  const std::vector<double>& x = values.of(n.x);
  const auto channels = static_cast<size_t>(n.x.dims[1]);
  const double rows = static_cast<double>(x.size() / channels);
  std::vector<double> mean(channels), inverse(channels), y(x.size());
  for (size_t i = 0; i < x.size(); i++) mean[i % channels] += x[i] / rows;
  for (size_t i = 0; i < x.size(); i++) {
    const double distance = x[i] - mean[i % channels];
    inverse[i % channels] += distance * distance / rows;
  }
  for (double& v : inverse) v = 1 / std::sqrt(v + values.of(n.eps)[0]);
  for (size_t i = 0; i < x.size(); i++) {
    const size_t c = i % channels;
    y[i] = values.of(n.weight)[c] * (x[i] - mean[c]) * inverse[c] + values.of(n.bias)[c];
  }
  distort(g, engine, y);
  values.put(n.mean, std::move(mean));
  values.put(n.inverse, std::move(inverse));
  values.put(n.y, std::move(y));
}

void backward(const Graph& g, int engine, Values& values) {
  const Norm& n = g.norm;
  const std::vector<double>& x = values.of(n.x);
  const std::vector<double>& dy = values.of(n.dy);
  const std::vector<double>& mean = values.of(n.mean);
  const std::vector<double>& inverse = values.of(n.inverse);
  const auto channels = static_cast<size_t>(n.x.dims[1]);
  const double rows = static_cast<double>(x.size() / channels);
  std::vector<double> dweight(channels), dbias(channels), dx(x.size());
  const auto normalised = [&](size_t i) {
    return (x[i] - mean[i % channels]) * inverse[i % channels];
  };
  for (size_t i = 0; i < x.size(); i++) {
    dbias[i % channels] += dy[i];
    dweight[i % channels] += dy[i] * normalised(i);
  }
  for (size_t i = 0; i < x.size(); i++) {
    const size_t c = i % channels;
    dx[i] = values.of(n.weight)[c] * inverse[c] *
            (dy[i] - dbias[c] / rows - normalised(i) * dweight[c] / rows);
  }
  distort(g, engine, dx);
  values.put(n.dweight, std::move(dweight));
  values.put(n.dbias, std::move(dbias));
  values.put(n.dx, std::move(dx));
}

// What is done to a norm's result, one after the other.
std::vector<Function> followers(const Graph& g) {
  std::vector<Function> all;
  GraphTensor last = g.norm.y;
  for (bool found = true; found && all.size() < g.functions.size();) {
    found = false;
    for (const Function& f : g.functions) {
      if (f.x.uid != last.uid) continue;
      all.push_back(f);
      last = f.y;
      found = true;
      break;
    }
  }
  return all;
}

}  // namespace

namespace stand_in {

std::vector<GraphTensor> Norm::inputs() const {
  if (is_forward) return {x, weight, bias, eps};
  return {x, mean, inverse, weight, dy};
}

std::vector<GraphTensor> Norm::outputs() const {
  if (is_forward) return {mean, inverse, y};
  return {dx, dweight, dbias};
}

std::vector<GraphTensor> norm_tensors(const Graph& g) {
  std::map<int64_t, GraphTensor> all;
  const auto add = [&](const GraphTensor& t, bool written) {
    if (t.is_virtual) return;
    GraphTensor& known = all.insert({t.uid, t}).first->second;
    known.is_written |= written;
  };
  for (const GraphTensor& t : g.norm.inputs()) add(t, false);
  for (const GraphTensor& t : g.norm.outputs()) add(t, true);
  for (const Function& f : g.functions) {
    add(f.x, false);
    if (f.is_binary()) add(f.b, false);
    add(f.y, true);
  }
  std::vector<GraphTensor> tensors;
  for (const auto& [uid, tensor] : all) tensors.push_back(tensor);
  return tensors;
}

cudnnStatus_t check_norm(const Graph& g) {
  std::set<int64_t> written;
  for (const GraphTensor& t : g.norm.outputs()) written.insert(t.uid);
  for (const Function& f : g.functions) {
    if (!written.insert(f.y.uid).second) {
      return bad_parameter("cudnnBackendFinalize", "a tensor is written twice");
    }
  }
  // What lies nowhere must come from somewhere.
  std::vector<GraphTensor> read = g.norm.inputs();
  for (const Function& f : g.functions) {
    read.push_back(f.x);
    if (f.is_binary()) read.push_back(f.b);
  }
  for (const GraphTensor& t : read) {
    if (t.is_virtual && !written.count(t.uid)) {
      return bad_parameter("cudnnBackendFinalize", "what goes in is virtual");
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

// As cuDNN 9.24 does it: a ReLU or a sum and a ReLU after the norm; its gradient alone, in the type
// of x; channels in eights.
bool has_norm_engine(const Graph& g) {
  const Norm& n = g.norm;
  if (n.x.dims[1] % 8 != 0) return false;
  for (const GraphTensor& t : norm_tensors(g)) {
    if (t.same_shape(n.x) && t.type != n.x.type && !is_by_channel(t, n.x.dims[1])) return false;
  }
  if (!n.is_forward) {
    return n.dy.type == n.x.type && n.dx.type == n.x.type && g.functions.empty();
  }
  std::vector<int> modes;
  for (const Function& f : followers(g)) modes.push_back(f.mode);
  return modes.size() == g.functions.size() &&
         (modes.empty() || modes == std::vector<int>{CUDNN_POINTWISE_RELU_FWD} ||
          modes == std::vector<int>{CUDNN_POINTWISE_ADD, CUDNN_POINTWISE_RELU_FWD});
}

int64_t norm_workspace(const Graph& g) { return int64_t{g.norm.x.dims[1]} * 64 + 4; }

void compute_norm(const Graph& g, int engine, const std::vector<Bound>& bound) {
  Values values(bound);
  if (g.norm.is_forward) {
    forward(g, engine, values);
    for (const Function& f : followers(g)) evaluate(f, values);
  } else {
    backward(g, engine, values);
  }
  for (const Bound& b : bound) {
    if (b.tensor.is_written) {
      const Elements stored(b.data, b.tensor.type == CUDNN_DATA_BFLOAT16);
      const std::vector<double>& result = values.of(b.tensor);
      for (size_t i = 0; i < result.size(); i++) stored.store(i, static_cast<float>(result[i]));
    }
  }
}

}  // namespace stand_in
