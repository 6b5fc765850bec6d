// Images through the forward pass, on several threads: whole images each where there are as many, else parts of one.
#pragma once

#include "product.h"
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

// An image's projections that are there already: queries [h][k], then keys [k] if there is a content term, then values [v] at every
// position; u = 1. A batch norm of queries and values is folded in: scale and shift of each of their channels, or null.
struct Made {
  const float* numbers;  // [positions][channels]; whole vectors may be read behind the last
  int64_t channels, keys;
  const float *scale, *shift;

  struct Room {
    explicit Room(const Made&) {}
  };

  // queries [count][h * k] of positions from `first` on
  void queries(const Shape& s, int64_t first, int64_t count, Room&, float* to) const {
    for (int64_t i = 0; i < count; ++i) fold(numbers + (first + i) * channels, s.h * s.k, scale, shift, to + i * s.h * s.k);
  }

  // [count][keys in whole vectors, v_pitch] of positions from `first` on; what is behind the last value stays
  void context(const Shape& s, int64_t first, int64_t count, Room&, float* to) const {
    const int64_t of_queries = s.h * s.k, pitch = rounded(keys) + s.v_pitch;
    for (int64_t i = 0; i < count; ++i) {
      const float* from = numbers + (first + i) * channels + of_queries;
      for (int64_t lane = 0; lane < keys; lane += LANES) store(to + i * pitch + lane, load(from + lane));
      fold(from + keys, s.v, scale ? scale + of_queries : nullptr, shift + of_queries, to + i * pitch + rounded(keys));
    }
  }
};

// An image's projections that are made when they are needed.
struct Making {
  const float* map;  // [depth][positions], or [positions][depth]
  int64_t positions, keys;
  bool channels_first;
  const Packed &of_queries, &of_context;  // keys, if any, and values

  struct Room {
    ::Room columns, wide;
    explicit Room(const Making& m) : columns(room(m.of_queries.depth * AT_ONCE)), wide(room(AT_ONCE * m.of_queries.pitch)) {}
  };

  void queries(const Shape& s, int64_t first, int64_t count, Room& room, float* to) const {
    const int64_t width = s.h * s.k, pitch = of_queries.pitch;
    float* out = width == pitch ? to : room.wide.get();
    project(of_queries, columns(first, count, room), count, out);
    if (out != to) narrow(out, count, pitch, width, to);
  }

  void context(const Shape&, int64_t first, int64_t count, Room& room, float* to) const {
    project(of_context, columns(first, count, room), count, to);
  }

 private:
  // [vectors of positions][depth][LANES]
  const float* columns(int64_t first, int64_t count, Room& room) const {
    const int64_t depth = of_queries.depth;
    float* to = room.columns.get();
    for (int64_t at = first; at < first + count; at += LANES, to += depth * LANES) {
      const int64_t some = std::min(LANES, first + count - at);
      if (!channels_first) turn_all(map + at * depth, depth, some, to, depth, LANES);
      else if (some == LANES) for (int64_t j = 0; j < depth; ++j) store(to + j * LANES, load(map + j * positions + at));
      else for (int64_t j = 0; j < depth; ++j) std::copy_n(map + j * positions + at, some, to + j * LANES);
    }
    return room.columns.get();
  }
};

// Softmax of keys over positions times values, of a part of the positions: not yet divided by the sum
struct Content {
  std::vector<float> most, sum, lambdas;  // [keys, whole vectors] twice, [keys, whole vectors][v_pitch]

  Content(int64_t keys, int64_t v_pitch) : most(keys, -3.0e38f), sum(keys, 0.0f), lambdas(keys * v_pitch, 0.0f) {}

  // rows [count][keys, v_pitch]: keys become what softmax makes of them so far
  void add(float* rows, int64_t count, int64_t v_pitch) {
    const int64_t keys = static_cast<int64_t>(most.size()), pitch = keys + v_pitch;
    for (int64_t lane = 0; lane < keys; lane += LANES) {
      const Vec before = load(&most[lane]);
      Vec now = before;
      for (int64_t i = 0; i < count; ++i) now = greater(load(rows + i * pitch + lane), now);
      const Vec fading = exponential(before - now);
      Vec total = load(&sum[lane]) * fading;
      store(&most[lane], now);
      for (int64_t l = 0; l < LANES; ++l)
        if (fading[l] != 1.0f)
          for (int64_t v = 0; v < v_pitch; ++v) lambdas[(lane + l) * v_pitch + v] *= fading[l];
      for (int64_t i = 0; i < count; ++i) {
        const Vec e = exponential(load(rows + i * pitch + lane) - now);
        store(rows + i * pitch + lane, e);
        total += e;
      }
      store(&sum[lane], total);
    }
    for (int64_t row = 0; row < keys; row += 4)
      in_vectors(v_pitch, [&](auto vectors, int64_t v) {
        small_product<4, decltype(vectors)::value, true>(rows + row, 1, pitch, rows + keys + v, pitch, count,
                                                         &lambdas[row * v_pitch + v], v_pitch);
      });
  }
};

// What training keeps of an image: softmax's greatest and sum of each key, and the content lambda without the bias.
struct Kept {
  float *most, *sum, *content;  // [k], [k], [k][v]
  static int64_t numbers(const Shape& s, int64_t keys) { return keys ? s.k * (2 + s.v) : 0; }
  Kept(const Shape& s, float* at) : most(at), sum(at + s.k), content(at + 2 * s.k) {}
};

// The parts' content lambdas as one, [keys, whole vectors][v_pitch], divided by the sum; written to `kept` where it is one
std::vector<float> joined(const Shape& s, const std::vector<Content>& parts, const Kept* kept) {
  std::vector<float> found(parts[0].most.size() * s.v_pitch, 0.0f);
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


// Positions `first` to `last` of an image, queries first; `queries` [positions][h * k] from the first one on
void apply_direct(const Embeddings& e, const float* queries, const float* content, const float* values, int64_t first, int64_t last,
                  Desk& desk, const Output& out) {
  const Shape& s = e.shape;
  const int64_t width = s.h * s.v_pitch;
  const Image image{queries - first * s.h * s.k, content, values};
  if (in_place(s, out)) {
    query_run(s, image, e.numbers(), first, last, desk, out.y + first * width);
    return;
  }
  const int64_t chunk = std::clamp<int64_t>(8192 / width / LANES * LANES, LANES, 64);
  desk.wide.resize(chunk * width + LANES);
  for (int64_t at = first; at < last; at += chunk) {
    const int64_t count = std::min(chunk, last - at);
    expect(s, out, at, count);
    query_run(s, image, e.numbers(), at, at + count, desk, desk.wide.data());
    put(s, out, desk.wide.data(), at, count);
  }
}

// A thread's memory for one image after the other: of the same sizes each, so taken once.
struct Rooms {
  Room values, wide, queries;

  static float* of(Room& one, int64_t count) {
    if (!one) one = room(count);
    return one.get();
  }
};

// A whole image by transforms, vector by vector of the value depth
template <class Factory>
void apply_transforms(const Embeddings& e, const Factory& reader, const float* content, const float* values, int64_t threads,
                      const Output& out, Rooms& rooms) {
  const Shape& s = e.shape;
  const Spectra& spectra = e.spectra.front();
  const int64_t n = s.height * s.width, width = s.h * s.v_pitch, vectors = s.v_pitch / LANES, of_query = s.h * s.k;
  const bool direct = in_place(s, out);
  float *y = direct ? out.y : Rooms::of(rooms.wide, n * width), *queries = Rooms::of(rooms.queries, spectra.pairs() * n * s.h * 2);
  in_parts(n, std::min(threads, n), [&](int64_t, int64_t first, int64_t last) {
    auto read = reader();
    for (int64_t at = first; at < last; at += AT_ONCE) {
      const int64_t end = std::min(at + AT_ONCE, last);
      group_queries(s, {read(at, end - at) - at * of_query, content, values}, at, end, queries);
    }
  });
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

// One image; reader() makes, for a thread, what gives queries [count][h * k] of positions from `first` on: read(first, count).
template <class Factory>
void apply(const Embeddings& e, const Factory& reader, const float* content, const float* values, int64_t threads, const Output& out,
           Rooms& rooms) {
  if (!e.spectra.empty()) return apply_transforms(e, reader, content, values, threads, out, rooms);
  const int64_t n = e.shape.height * e.shape.width;
  in_parts(n, std::min(threads, n), [&](int64_t, int64_t first, int64_t last) {
    Desk desk(e.shape);
    auto read = reader();
    for (int64_t at = first; at < last; at += AT_ONCE) {
      const int64_t count = std::min(AT_ONCE, last - at);
      apply_direct(e, read(at, count), content, values, at, at + count, desk, out);
    }
  });
}

// Work so small that another thread would take longer to begin than to help
constexpr int64_t WORTH_A_THREAD = 1 << 20;

// One image of a layer, from its projections; what training keeps of it goes to `kept`, if any. bias [k] is added to every content
// lambda, or null.
template <class Source>
void infer(const Embeddings& e, const Source& source, const float* bias, int64_t threads, const Output& out, Rooms& rooms,
           const Kept* kept = nullptr) {
  const Shape& s = e.shape;
  const int64_t n = s.height * s.width, work = n * (s.h * (s.k + s.v) * std::min(s.r_y * s.r_x, n) + s.k * s.v);
  threads = std::clamp<int64_t>(work / WORTH_A_THREAD, 1, std::min(threads, n));
  const int64_t keys = rounded(source.keys), pitch = keys + s.v_pitch;
  float* own = Rooms::of(rooms.values, n * s.v_pitch + 4 * LANES);
  std::vector<Content> parts(threads, Content(keys, s.v_pitch));
  in_parts(n, threads, [&](int64_t part, int64_t first, int64_t last) {
    typename Source::Room room(source);
    std::vector<float> rows(AT_ONCE * pitch + LANES, 0.0f);
    for (int64_t at = first; at < last; at += AT_ONCE) {
      const int64_t count = std::min(AT_ONCE, last - at);
      source.context(s, at, count, room, rows.data());
      for (int64_t i = 0; i < count; ++i) std::copy_n(&rows[i * pitch + keys], s.v_pitch, &own[(at + i) * s.v_pitch]);
      if (keys) parts[part].add(rows.data(), count, s.v_pitch);
    }
  });
  std::vector<float> content;
  if (keys) content = joined(s, parts, kept);
  if (keys && bias)
    for (int64_t k = 0; k < s.k; ++k)
      for (int64_t v = 0; v < s.v; ++v) content[k * s.v_pitch + v] += bias[k];
  auto reader = [&] {
    return [&s, &source, room = typename Source::Room(source), queries = std::vector<float>(AT_ONCE * s.h * s.k + LANES)](
               int64_t first, int64_t count) mutable {
      source.queries(s, first, count, room, queries.data());
      return static_cast<const float*>(queries.data());
    };
  };
  apply(e, reader, keys ? content.data() : nullptr, own, threads, out, rooms);
}

}  // namespace
