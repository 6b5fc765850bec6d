// Images through the forward pass, on several threads: whole images each where there are as many, else parts of one.
#pragma once

#include "sources.h"
#include "transform.h"

namespace {

// The table with room behind, and its spectra where transforms are the quicker way.
struct Embeddings {
  Shape shape;  // with the pitch and taps of this copy
  std::vector<float> table;
  std::vector<Spectra> spectra;

  Embeddings(Shape s, const float* given, double cost = FORWARD_COST) : shape(s) {
    shape.pitch = s.r_x;
    shape.taps = rounded(s.r_y * s.r_x) + LANES;
    if (!given) return;
    table = widened(given, s.u * s.k, s.r_y * s.r_x, shape.taps);
    if (transforms_pay(shape, cost)) spectra.emplace_back(shape, table.data());
  }
  const float* numbers() const { return table.empty() ? nullptr : table.data(); }
};

// Softmax of keys over positions times values, of a part of the positions: not yet divided by the sum
struct Content {
  std::vector<float> most, sum, fading, lambdas;  // [keys, whole vectors], three times; [keys][v_pitch]

  Content(int64_t keys, int64_t v_pitch)
      : most(rounded(keys), -3.0e38f), sum(rounded(keys), 0.0f), fading(rounded(keys)), lambdas(keys * v_pitch, 0.0f) {}

  // A few positions' keys [keys][PITCH], which become what softmax makes of them so far, and values [positions][v_pitch]
  void add(float* keys, const float* values, int64_t count, int64_t v_pitch) {
    const int64_t all_keys = static_cast<int64_t>(lambdas.size()) / v_pitch, whole = rounded(count);
    fading = most;
    for (int64_t k = 0; k < all_keys; ++k) {
      float* row = keys + k * PITCH;
      std::fill(row + count, row + whole, -3.0e38f);
      Vec now = load(row);
      for (int64_t i = LANES; i < whole; i += LANES) now = greater(load(row + i), now);
      most[k] = std::max(most[k], greatest(now));
    }
    for (int64_t k = 0; k < all_keys; k += LANES) store(&fading[k], exponential(load(&fading[k]) - load(&most[k])));
    for (int64_t k = 0; k < all_keys; ++k) {
      Vec found{};
      for (float *at = keys + k * PITCH, *end = at + whole; at < end; at += LANES) {
        const Vec e = exponential(load(at) - all(most[k]));
        store(at, e);
        found += e;
      }
      sum[k] = sum[k] * fading[k] + total(found);
      if (fading[k] != 1.0f)
        for (int64_t v = 0; v < v_pitch; ++v) lambdas[k * v_pitch + v] *= fading[k];
    }
    in_vectors(v_pitch, [&](auto vectors, int64_t v) {
      constexpr int VECTORS = decltype(vectors)::value, MOST = LANES == 16 && VECTORS == 1 ? 8 : 4;
      evenly<MOST>(all_keys, [&](auto rows, int64_t k) {
        small_product<decltype(rows)::value, VECTORS, true>(keys + k * PITCH, PITCH, 1, values + v, v_pitch, count,
                                                            &lambdas[k * v_pitch + v], v_pitch);
      });
    });
  }
};

// What training keeps of an image: softmax's greatest and sum of each key, and the content lambda without the bias.
template <class Number>
struct KeptAs {
  Number *most, *sum, *content;  // [k], [k], [k][v]
  static int64_t numbers(const Shape& s, int64_t keys) { return keys ? s.k * (2 + s.v) : 0; }
  KeptAs(const Shape& s, Number* at) : most(at), sum(at + s.k), content(at + 2 * s.k) {}
};
using Kept = KeptAs<float>;
using ReadKept = KeptAs<const float>;

// The parts' content lambdas as one, [keys][v_pitch], divided by the sum; written to `kept` where it is one
std::vector<float> joined(const Shape& s, const std::vector<Content>& parts, const Kept* kept) {
  std::vector<float> found(parts[0].lambdas.size(), 0.0f);
  for (int64_t k = 0; k < s.k; ++k) {
    float most = parts[0].most[k], sum = 0;
    for (const Content& one : parts) most = std::max(most, one.most[k]);
    for (const Content& one : parts) sum += one.sum[k] * std::exp(one.most[k] - most);
    for (const Content& one : parts) {
      const float share = std::exp(one.most[k] - most) / sum;
      for (int64_t v = 0; v < s.v_pitch; ++v) found[k * s.v_pitch + v] += share * one.lambdas[k * s.v_pitch + v];
    }
    if (!kept) continue;
    kept->most[k] = most, kept->sum[k] = sum;
    std::copy_n(&found[k * s.v_pitch], s.v, kept->content + k * s.v);
  }
  return found;
}

// Orders of lanes: numbers of two heads in turn, and then of four, for one group or for all groups of a vector
template <int HEADS>
struct InTurn {
  static constexpr int of(int i) { return i % 2 * LANES + i / HEADS; }
};
struct Halves {
  static constexpr int of(int i) { return i % 4 < 2 ? i : LANES + i; }
};
template <int HALF>
struct Singles {
  static constexpr int of(int i) { return i % 2 * LANES + (HALF * LANES + i) / 2; }
};
template <int HALF>
struct Pairs {
  static constexpr int of(int i) { return i / 2 % 2 * LANES + HALF * LANES / 2 + i / 4 * 2 + i % 2; }
};

// The numbers of a group's queries, of one key channel, side by side as `gather` takes them; from [head][position] a step apart
template <int HEADS>
inline Vec side_by_side(const float* from, int64_t step) {
  if constexpr (HEADS == 1) return load(from);
  else if constexpr (HEADS == 2) return pick<InTurn<2>>(load(from), load(from + step));
  else return pick<Halves>(pick<InTurn<4>>(load(from), load(from + step)), pick<InTurn<4>>(load(from + 2 * step), load(from + 3 * step)));
}

// The same of as many groups as a vector has queries, one group `pitch` behind the other
template <int HEADS>
inline void all_side_by_side(const float* from, int64_t step, float* to, int64_t pitch) {
  if constexpr (HEADS == 4) {
    const Vec one = load(from), two = load(from + step), three = load(from + 2 * step), four = load(from + 3 * step);
    auto half = [&](auto which, float* at) {
      using Order = Singles<decltype(which)::value>;
      const Vec first = pick<Order>(one, two), second = pick<Order>(three, four);
      store(at, pick<Pairs<0>>(first, second));
      store(at + pitch, pick<Pairs<1>>(first, second));
    };
    half(std::integral_constant<int, 0>{}, to);
    half(std::integral_constant<int, 1>{}, to + 2 * pitch);
  } else {
    UNROLLED for (int64_t i = 0; i < HEADS; ++i) store(to + i * pitch, side_by_side<HEADS>(from + i * QUERIES<HEADS>, step));
  }
}

// Queries of positions `first` to `last`, [h * k][PITCH], laid out for their groups; where those end
float* laid_out(const Shape& s, const float* across, int64_t first, int64_t last, float* to) {
  const int64_t size = s.k * LANES;
  int64_t done = first;  // positions whose groups are there
  in_groups(s, first, last, [&](auto heads, int64_t head, int64_t at, int64_t count) {
    constexpr int HEADS = decltype(heads)::value;
    const float* from = across + head * s.k * PITCH + at - first;
    if (at == first) done = first;
    if (at >= done) {
      const bool whole = at + LANES <= last && (across_rows(s) || at % s.width + LANES <= s.width);
      for (int64_t k = 0; k < s.k; ++k, from += PITCH)
        if (whole) all_side_by_side<HEADS>(from, s.k * PITCH, to + k * LANES, size);
        else store(to + k * LANES, side_by_side<HEADS>(from, s.k * PITCH));
      done = at + (whole ? LANES : count);
    }
    to += size;
  });
  return to;
}

// No more numbers than this, from wherever positions begin
int64_t laid_out_size(const Shape& s, int64_t first, int64_t last) {
  const int64_t rows = (last - 1) / s.width - first / s.width + 1;
  int64_t groups = 0;
  in_heads(s.h, [&](auto heads, int64_t) {
    constexpr int64_t MOST = QUERIES<decltype(heads)::value>;
    groups += across_rows(s) ? (last - first + MOST - 1) / MOST : rows * ((s.width + MOST - 1) / MOST);
  });
  return groups * s.k * LANES;
}

// Memory for one image after the other, and of the threads that share them
struct Rooms {
  Grown values, wide, queries;
  std::vector<Worker> workers;

  // As many as threads
  void expect(int64_t threads) {
    if (static_cast<int64_t>(workers.size()) < threads) workers.resize(threads);
  }
};

// Positions `first` to `last` of an image, queries first; where the next ones' queries are
const float* apply_direct(const Embeddings& e, const Image& image, int64_t first, int64_t last, Worker& worker, const Output& out) {
  const Shape& s = e.shape;
  const int64_t width = s.h * s.v_pitch;
  if (!worker.desk) worker.desk.emplace(s);
  if (in_place(s, out)) return query_run(s, image, e.numbers(), first, last, *worker.desk, out.y + first * width);
  float* wide = worker.wide.of(AT_ONCE * width + LANES);
  expect(s, out, first, last - first);
  const float* next = query_run(s, image, e.numbers(), first, last, *worker.desk, wide);
  put(s, out, wide, first, last - first);
  return next;
}

// A whole image by transforms, vector by vector of the value depth; queries as group_queries has them
void apply_transforms(const Embeddings& e, const float* queries, const float* content, const float* values, int64_t threads,
                      const Output& out, Rooms& rooms) {
  const Shape& s = e.shape;
  const Spectra& spectra = e.spectra.front();
  const int64_t n = s.height * s.width, width = s.h * s.v_pitch, vectors = s.v_pitch / LANES;
  const bool direct = in_place(s, out);
  float* y = direct ? out.y : rooms.wide.of(n * width);
  const bool apart = s.height > 1 && (threads > vectors || GROUP * s.height * spectra.along().length() * ONE * 4 > MUCH);
  const int64_t parts = apart ? 2 : 1;
  in_parts(vectors * parts, std::min(threads, vectors * parts), [&](int64_t, int64_t first, int64_t last) {
    const Bench bench(s, spectra);
    for (int64_t unit = first; unit < last; ++unit) {
      const int64_t vector = unit / parts * LANES;
      if (unit == first || unit % parts == 0) transform_values(s, spectra, values + vector, bench);
      apply_vector(s, spectra, content ? content + vector : nullptr, queries, apart ? unit % 2 : ALL, bench, y + vector);
    }
  });
  if (!direct) put(s, out, y, 0, n);
}

// Numbers of an image's queries as group_queries has them
inline int64_t grouped_size(const Embeddings& e) {
  const Shape& s = e.shape;
  return e.spectra.front().pairs() * s.height * s.width * s.h * 2;
}

// One image whose queries are there, [positions][h * k]
void apply(const Embeddings& e, const Image& image, int64_t threads, const Output& out, Rooms& rooms) {
  const Shape& s = e.shape;
  const int64_t n = s.height * s.width;
  if (e.spectra.empty()) {
    rooms.expect(threads);
    in_parts(n, std::min(threads, n), [&](int64_t part, int64_t first, int64_t last) {
      for (int64_t at = first, end; at < last; at = end) {
        end = groups_end(s, at, last, ACROSS, FEW);
        apply_direct(e, image, at, end, rooms.workers[part], out);
      }
    });
    return;
  }
  float* grouped = rooms.queries.of(grouped_size(e));
  in_parts(n, std::min(threads, n), [&](int64_t, int64_t first, int64_t last) { group_queries(s, image, first, last, grouped); });
  apply_transforms(e, grouped, image.content, image.values, threads, out, rooms);
}

// Work so small that another thread would take longer to begin than to help
constexpr int64_t WORTH_A_THREAD = 1 << 20;

// Numbers of queries that go through the second-level cache with all else
constexpr int64_t MANY = 1 << 17;

// An image's queries, laid out as what applies them wants them, values and content lambdas, from its projections.
template <class Source>
class Prepared {
 public:
  Prepared(const Embeddings& e, const Source& source, int64_t threads, Rooms& rooms)
      : e_(e), source_(source), starts_(threads + 1, 0), parts_(threads, Content(source.keys, e.shape.v_pitch)) {
    const Shape& s = e.shape;
    const int64_t n = s.height * s.width;
    if (direct() && !later())
      for (int64_t i = 0; i < threads; ++i) starts_[i + 1] = starts_[i] + laid_out_size(s, n * i / threads, n * (i + 1) / threads);
    queries_ = rooms.queries.of(direct() ? starts_[threads] : grouped_size(e));
    values_ = rooms.values.of(n * s.v_pitch + 4 * LANES);
    if (s.v != s.v_pitch) std::fill_n(values_, n * s.v_pitch, 0.0f);
    rooms.expect(threads);
    in_parts(n, threads, [&](int64_t part, int64_t first, int64_t last) { run(part, first, last, rooms.workers[part]); });
  }

  bool direct() const { return e_.spectra.empty(); }
  // Whether queries are so many that they are sooner made where they are used than read
  bool later() const { return direct() && e_.shape.height * e_.shape.width * e_.shape.h * e_.shape.k > MANY; }
  const float* queries(int64_t part) const { return queries_ + starts_[part]; }
  const float* values() const { return values_; }
  const std::vector<Content>& parts() const { return parts_; }

 private:
  void run(int64_t part, int64_t first, int64_t last, Worker& worker) {
    const Shape& s = e_.shape;
    const int64_t of_queries = s.h * s.k;
    // Lanes that stay empty are computed with: no number there may be denormal
    float* across = worker.across.of((of_queries + source_.keys) * PITCH + LANES, true);
    float* to = queries_ + starts_[part];
    for (int64_t at = first, end; at < last; at = end) {
      end = groups_end(s, at, last, ACROSS, FEW);
      float *keys = across + of_queries * PITCH, *values = values_ + at * s.v_pitch;
      source_.context(s, at, end - at, worker, keys, values);
      if (source_.keys) parts_[part].add(keys, values, end - at, s.v_pitch);
      if (later()) continue;
      source_.queries(s, at, end - at, worker, across, false);
      if (direct()) {
        to = laid_out(s, across, at, end, to);
        continue;
      }
      float* rows = worker.rows.of(AT_ONCE * of_queries);
      turn_all(across, end - at, of_queries, rows, PITCH, of_queries);
      group_queries(s, {rows - at * of_queries, nullptr, nullptr}, at, end, queries_);
    }
  }

  const Embeddings& e_;
  const Source& source_;
  std::vector<int64_t> starts_;  // of each part's queries
  std::vector<Content> parts_;
  float *queries_, *values_;
};

// One image of a layer, from its projections; what training keeps of it goes to `kept`, if any. bias [k] is added to every content
// lambda, or null.
template <class Source>
void infer(const Embeddings& e, const Source& source, const float* bias, int64_t threads, const Output& out, Rooms& rooms,
           const Kept* kept = nullptr) {
  const Shape& s = e.shape;
  const int64_t n = s.height * s.width, taps = std::min(s.r_y * s.r_x, n);
  const int64_t work = n * (s.h * (s.k + s.v) * taps + s.k * s.v + source.work());
  threads = std::clamp<int64_t>(work / WORTH_A_THREAD, 1, std::min(threads, n));
  const Prepared<Source> prepared(e, source, threads, rooms);
  std::vector<float> content;
  if (source.keys) content = joined(s, prepared.parts(), kept);
  if (source.keys && bias)
    for (int64_t k = 0; k < s.k; ++k)
      for (int64_t v = 0; v < s.v; ++v) content[k * s.v_pitch + v] += bias[k];
  const float* lambdas = source.keys ? content.data() : nullptr;
  if (!prepared.direct()) return apply_transforms(e, prepared.queries(0), lambdas, prepared.values(), threads, out, rooms);
  in_parts(n, threads, [&](int64_t part, int64_t first, int64_t last) {
    const float* queries = prepared.queries(part);
    Worker& worker = rooms.workers[part];
    for (int64_t at = first, end; at < last; at = end) {
      end = groups_end(s, at, last, ACROSS, FEW);
      if (prepared.later()) {
        float* across = worker.across.of((s.h * s.k + source.keys) * PITCH + LANES, true);
        source.queries(s, at, end - at, worker, across, true);
        float* groups = worker.groups.of(laid_out_size(s, at, end));
        laid_out(s, across, at, end, groups);
        queries = groups;
      }
      queries = apply_direct(e, {queries, lambdas, prepared.values(), true}, at, end, worker, out);
    }
  });
}

}  // namespace
