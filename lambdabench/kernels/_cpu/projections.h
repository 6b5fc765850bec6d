// A layer in training between its input and its projections, there and back: products with the weights, whose results are used while
// they are in the cache, and batch norm by the batch's own statistics.
#pragma once

#include "gemm.h"
#include "product.h"

namespace {

constexpr int64_t BLOCK = 64;         // positions that are projected together, about
constexpr int64_t AT_MOST = BLOCK + 15;  // and at most

// Some positions of an image
struct Block {
  int64_t image, first, count;
};

// The input, of all images
struct Maps {
  const float* numbers;  // [images][depth][positions], or [images][positions][depth]
  int64_t images, positions, depth;
  bool channels_first;

  // Few positions are sooner through with weights as they are than weights are in another order
  bool few() const { return blocks() <= 4 && depth % LANES == 0; }
  int64_t of_image() const { return (positions + BLOCK - 1) / BLOCK; }
  int64_t blocks() const { return images * of_image(); }
  // They begin where lines of the cache do
  Block block(int64_t index) const {
    const int64_t parts = of_image(), part = index % parts, first = positions * part / parts / 16 * 16;
    return {index / parts, first, (part + 1 == parts ? positions : positions * (part + 1) / parts / 16 * 16) - first};
  }
  int64_t place(const Block& one) const {
    return one.image * depth * positions + (channels_first ? one.first : one.first * depth);
  }
  // Where a block is in a map of the same shape
  Ahead::Part part(const float* map, const Block& one) const {
    if (channels_first) return {map + place(one), depth, one.count, positions};
    return {map + place(one), 1, one.count * depth, 0};
  }
  // Left sides: rows are positions, or channels of the input
  int64_t room_of_left() const { return std::max(numbers_in_tiles(AT_MOST, depth), numbers_in_tiles(depth, AT_MOST)); }
  Left by_position(const Block& one, float* room) const {
    const float *from = numbers + place(one), *end = numbers + images * depth * positions;
    return channels_first ? in_tiles(from, positions, one.count, depth, end, room) : as_they_are(from, depth);
  }
  Left by_channel(const Block& one, float* room) const {
    const float *from = numbers + place(one), *end = numbers + images * depth * positions;
    return channels_first ? as_they_are(from, positions) : in_tiles(from, depth, depth, one.count, end, room);
  }
};

// Projections of a position: queries [h k], keys, values [v]
struct Channels {
  int64_t of_queries, keys, values;

  int64_t count() const { return of_queries + keys + values; }
  int64_t pitch() const { return (count() + 15) / 16 * 16; }  // from a position to the next
  int64_t of_norms() const { return of_queries + values; }
  // Where a channel of the norms is in a row
  int64_t place(int64_t channel) const { return channel < of_queries ? channel : channel + keys; }
  // Numbers of channels of the norms as a row has them, zeros between
  std::vector<float> placed(const std::vector<float>& numbers) const {
    std::vector<float> row(pitch(), 0.0f);
    for (size_t i = 0; i < numbers.size(); ++i) row[place(static_cast<int64_t>(i))] = numbers[i];
    return row;
  }
};

// What a layer in training is given, as lambda_layer_train has it
struct LayerGiven {
  Channels channels;
  Maps maps;
  RowsOf weights;
  const float* const* norms;  // or null
  const float *bias, *table;  // or null

  LayerGiven(const float* const* given, const Shape& s, int64_t depth, bool channels_first)
      : channels{s.h * s.k, given[2] ? s.k : 0, s.v},
        maps{given[0], s.b, s.height * s.width, depth, channels_first},
        norms(given[4] ? given + 4 : nullptr),
        bias(channels.keys ? given[8] : nullptr),
        table(given[9]) {
    const int64_t counts[] = {channels.of_queries, channels.keys, channels.values};
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t row = 0; row < counts[i]; ++row) weights.push_back(given[1 + i] + row * depth);
  }
};

// Rows of the projections of all images, or of their gradients, so many images in a piece: no piece so large that memory is mapped
// anew for it at every call
template <class Number>
struct Pieces {
  Number* const* pieces;
  int64_t each, pitch, positions;

  Number* of(int64_t image, int64_t position = 0) const {
    return pieces[image / each] + (image % each * positions + position) * pitch;
  }
  Number* of(const Block& one) const { return of(one.image, one.first); }
};

// Such rows of one call
struct OwnPieces {
  std::vector<Room> rooms;
  std::vector<float*> pieces;
  int64_t each;

  OwnPieces(int64_t images, int64_t numbers) {
    constexpr int64_t LARGE = 1 << 22;
    each = std::max<int64_t>(1, std::min(LARGE / numbers, images));
    for (int64_t first = 0; first < images; first += each) {
      rooms.push_back(room(std::min(each, images - first) * numbers));
      pieces.push_back(rooms.back().get());
    }
  }
};

// A batch norm of queries and one of values, side by side
struct Norms {
  std::vector<float> mean, deviation, scale, shift;  // deviation: 1 / sqrt(variance + epsilon)

  void fold(const float* const* weights, const Channels& channels) {
    const int64_t count = channels.of_norms();
    scale.resize(count), shift.resize(count);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t side = i < channels.of_queries ? 0 : 1, own = side ? i - channels.of_queries : i;
      scale[i] = weights[side][own] * deviation[i];
      shift[i] = weights[2 + side][own] - mean[i] * scale[i];
    }
  }
};

inline void add_lanes(const Vec& from, double* to) {
  float lanes[LANES];
  store(lanes, from);
  for (int64_t i = 0; i < LANES; ++i) to[i] += lanes[i];
}

// Sums of x - pivot and of its square, of all channels of some rows: float32 within a block
struct Moments {
  int64_t rows = 0;
  std::vector<float> pivot;
  std::vector<double> sums, squares;

  void add(const float* from, int64_t count, int64_t pitch) {
    if (!rows) pivot.assign(from, from + pitch), sums.assign(pitch, 0.0), squares.assign(pitch, 0.0);
    rows += count;
    for (int64_t c = 0; c < pitch; c += LANES) {
      Vec sum{}, square{};
      const Vec middle = load(&pivot[c]);
      for (int64_t i = 0; i < count; ++i) {
        const Vec one = load(from + i * pitch + c) - middle;
        sum += one, square += one * one;
      }
      add_lanes(sum, &sums[c]), add_lanes(square, &squares[c]);
    }
  }
  double mean(int64_t c) const { return pivot[c] + sums[c] / static_cast<double>(rows); }
  double apart(int64_t c) const { return std::max(0.0, squares[c] - sums[c] * sums[c] / static_cast<double>(rows)); }
};

// Mean and deviation of every channel of the batch; `variance` [channels of the norms] is what running statistics take (n - 1).
Norms joined(const std::vector<Moments>& parts, const Channels& channels, const float* const* weights, const double* epsilons,
             float* variance) {
  Norms found;
  const int64_t count = channels.of_norms();
  double rows = 0;
  for (const Moments& one : parts) rows += static_cast<double>(one.rows);
  found.mean.resize(count), found.deviation.resize(count);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t place = channels.place(i);
    double mean = 0, apart = 0;
    for (const Moments& one : parts) mean += one.mean(place) * static_cast<double>(one.rows) / rows;
    for (const Moments& one : parts) {
      const double away = one.mean(place) - mean;
      apart += one.apart(place) + away * away * static_cast<double>(one.rows);
    }
    found.mean[i] = static_cast<float>(mean);
    found.deviation[i] = static_cast<float>(1 / std::sqrt(apart / rows + epsilons[i < channels.of_queries ? 0 : 1]));
    variance[i] = static_cast<float>(apart / std::max(rows - 1, 1.0));
  }
  found.fold(weights, channels);
  return found;
}

// Threads for so many multiply-accumulates in so many blocks
inline int64_t threads_for(int64_t work, int64_t blocks, int64_t threads) {
  constexpr int64_t WORTH = 1 << 21;
  return std::clamp<int64_t>(work / WORTH, 1, std::max<int64_t>(1, std::min(threads, blocks)));
}

// The end of the rows from `first` on that follow each other
inline int64_t together(const RowsOf& rows, int64_t first, int64_t depth) {
  int64_t last = first + 1;
  while (last < static_cast<int64_t>(rows.size()) && rows[last] == rows[last - 1] + depth) ++last;
  return last;
}

// Few positions' projections, with weights as they are
class ProjectFew {
 public:
  ProjectFew(const Maps& maps, const RowsOf& weights)
      : maps_(maps), all_(static_cast<int64_t>(weights.size())), patch_(maps.depth), out_(room(all_ * PITCH)) {
    for (int64_t first = 0, last; first < all_; first = last) {
      last = together(weights, first, maps.depth);
      parts_.push_back({weights[first], last - first, nullptr, nullptr});
    }
  }

  // to [count][pitch]
  void run(const Block& one, float* to, int64_t pitch) {
    const float* map = maps_.numbers + one.image * maps_.depth * maps_.positions;
    for (int64_t at = 0, count; at < one.count; at += count) {
      count = one.count - at <= AT_ONCE ? one.count - at : ACROSS;
      patch_.take(map, maps_.positions, maps_.channels_first, one.first + at, count);
      float* out = out_.get();
      for (const Weights& part : parts_) project(part, patch_, out), out += part.channels * PITCH;
      turn_all(out_.get(), count, all_, to + at * pitch, PITCH, pitch);
    }
  }

 private:
  const Maps& maps_;
  int64_t all_;
  Patch patch_;
  Room out_;
  std::vector<Weights> parts_;
};

// The moments of each thread's rows, if wanted
std::vector<Moments> project_maps(const Maps& maps, const RowsOf& weights, bool of_moments, const Pieces<float>& projected,
                                  int64_t threads) {
  const int64_t pitch = projected.pitch;
  const bool few = maps.few();
  const Panels right = few ? Panels(0, 0) : Panels::turned(weights, maps.depth);
  const int64_t columns = few ? static_cast<int64_t>(weights.size()) : right.columns, blocks = maps.blocks();
  const int64_t work = maps.images * maps.positions * maps.depth * pitch;
  std::vector<Moments> moments(threads_for(work, blocks, threads));
  in_parts(blocks, static_cast<int64_t>(moments.size()), [&](int64_t part, int64_t first, int64_t last) {
    const Room left = room(few ? 0 : maps.room_of_left());
    std::optional<ProjectFew> unpacked;
    if (few) unpacked.emplace(maps, weights);
    for (int64_t i = first; i < last; ++i) {
      const Block one = maps.block(i);
      float* to = projected.of(one);
      if (few) {
        unpacked->run(one, to, pitch);
      } else {
        Ahead ahead;
        if (i + 1 < last) ahead.parts = {maps.part(maps.numbers, maps.block(i + 1))};
        multiply(maps.by_position(one, left.get()), right.right, one.count, columns, maps.depth, false, to, pitch, &ahead);
      }
      for (int64_t row = 0; columns < pitch && row < one.count; ++row)
        std::fill(to + row * pitch + columns, to + (row + 1) * pitch, 0.0f);
      if (of_moments) moments[part].add(to, one.count, pitch);
    }
  });
  return moments;
}

// Sums of gradients and of gradients times x - mean, of all channels of rows: float32 within a block
struct GradientMoments {
  std::vector<double> sums, products;

  explicit GradientMoments(int64_t pitch = 0) : sums(pitch, 0.0), products(pitch, 0.0) {}

  // Of channels from `first` on, a whole vector
  void add(const float* x, const float* d, const float* mean, int64_t count, int64_t first) {
    const int64_t pitch = static_cast<int64_t>(sums.size());
    for (int64_t c = first; c < pitch; c += LANES) {
      Vec sum{}, product{};
      const Vec middle = load(mean + c);
      for (int64_t at = c; at < count * pitch; at += pitch) {
        const Vec one = load(d + at);
        sum += one, product += one * (load(x + at) - middle);
      }
      add_lanes(sum, &sums[c]), add_lanes(product, &products[c]);
    }
  }
  void add(const GradientMoments& more) {
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += more.sums[i], products[i] += more.products[i];
  }
};

// The way through the norms: scale d - away - (x - mean) along, of all channels of a row
struct NormsBack {
  std::vector<float> scale, away, mean, along;

  // moments of so many rows; d_weights [weight of all channels of the norms, bias of all]
  NormsBack(const Norms& norms, const Channels& channels, const GradientMoments& moments, int64_t rows, float* d_weights)
      : scale(channels.pitch(), 1.0f), away(channels.pitch(), 0.0f), mean(channels.placed(norms.mean)), along(away) {
    const int64_t count = channels.of_norms();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t place = channels.place(i);
      const double product = moments.products[place] * norms.deviation[i];
      scale[place] = norms.scale[i];
      away[place] = norms.scale[i] * static_cast<float>(moments.sums[place] / static_cast<double>(rows));
      along[place] = norms.scale[i] * norms.deviation[i] * static_cast<float>(product / static_cast<double>(rows));
      d_weights[i] = static_cast<float>(product), d_weights[count + i] = static_cast<float>(moments.sums[place]);
    }
  }
  void run(const float* x, const float* d, int64_t rows, int64_t pitch, float* to) const {
    for (int64_t row = 0; row < rows; ++row, x += pitch, d += pitch, to += pitch)
      for (int64_t c = 0; c < pitch; c += LANES)
        store(to + c, load(d + c) * load(&scale[c]) - load(&away[c]) - (load(x + c) - load(&mean[c])) * load(&along[c]));
  }
};

// The way back from the projections to the input and the weights
struct MapsBack {
  const Maps& maps;
  const Channels& channels;
  Pieces<const float> projected;
  Pieces<float> d_projected;
  const NormsBack* norms;  // or null
  const RowsOf& weights;
  float* d_x;              // as the maps, or null

  // d_weight [channels][depth]
  void run(float* d_weight, int64_t threads) const {
    const int64_t pitch = channels.pitch(), depth = maps.depth, work = 2 * maps.images * maps.positions * depth * pitch;
    const Panels right = d_x && !maps.few() ? Panels::of(weights, depth) : Panels(0, 0);
    const int64_t parts = threads_for(work, maps.blocks(), threads), of_left = numbers_in_tiles(channels.count(), AT_MOST);
    const bool at_once = maps.few() && parts == 1;
    std::vector<Room> sums(parts);
    in_parts(maps.blocks(), parts, [&](int64_t part, int64_t first, int64_t last) {
      if (!at_once) sums[part] = room(depth * pitch);
      const Room left = room(std::max(of_left, maps.room_of_left())), rows = room(AT_MOST * pitch), out = room(AT_MOST * rounded(depth));
      for (int64_t i = first; i < last; ++i) {
        const Block one = maps.block(i);
        Ahead ahead = expected(one, i + 1 < last ? maps.block(i + 1) : Block{0, 0, 0});
        const float* d = through(one, rows.get());
        if (at_once) to_weights(one, d, i > first, left.get(), out.get(), d_weight, ahead);
        else multiply(maps.by_channel(one, left.get()), {d, 1, pitch}, depth, rounded(channels.count()), one.count, i > first,
                      sums[part].get(), pitch, &ahead);
        if (d_x) to_input(one, d, right, out.get(), ahead);
      }
    });
    if (at_once) return;
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t i = 0; i < depth * pitch; ++i) sums[0][i] += sums[part][i];
    turn_all(sums[0].get(), channels.count(), depth, d_weight, pitch, depth);
  }

 private:
  // What a block writes and the next one reads
  Ahead expected(const Block& one, const Block& next) const {
    Ahead ahead;
    if (d_x) ahead.parts.push_back(maps.part(d_x, one));
    if (!next.count) return ahead;
    const int64_t pitch = channels.pitch();
    ahead.parts.push_back({d_projected.of(next), 1, next.count * pitch, 0});
    if (norms) ahead.parts.push_back({projected.of(next), 1, next.count * pitch, 0});
    ahead.parts.push_back(maps.part(maps.numbers, next));
    return ahead;
  }

  const float* through(const Block& one, float* rows) const {
    if (!norms) return d_projected.of(one);
    norms->run(projected.of(one), d_projected.of(one), one.count, channels.pitch(), rows);
    return rows;
  }

  // d_weight [channels][depth] = or += d x
  void to_weights(const Block& one, const float* d, bool adds, float* left, float* x, float* d_weight, Ahead& ahead) const {
    const int64_t pitch = channels.pitch(), depth = maps.depth;
    const float* from = maps.numbers + maps.place(one);
    if (maps.channels_first) turn_all(from, one.count, depth, x, maps.positions, depth), from = x;
    const Left rows = in_tiles(d, pitch, channels.count(), one.count, d + one.count * pitch, left);
    multiply(rows, {from, 1, depth}, channels.count(), depth, one.count, adds, d_weight, depth, &ahead);
  }

  // out [count][pitch] = d weights
  void times_weights(const float* d, int64_t count, const Panels& right, float* out, int64_t pitch, Ahead& ahead) const {
    const int64_t depth = maps.depth, all = channels.count();
    if (!maps.few()) return multiply(as_they_are(d, channels.pitch()), right.right, count, pitch, all, false, out, pitch, &ahead);
    for (int64_t first = 0, last; first < all; first = last) {
      last = together(weights, first, depth);
      multiply(as_they_are(d + first, channels.pitch()), {weights[first], 1, depth}, count, pitch, last - first, first > 0, out, pitch,
               &ahead);
    }
  }

  void to_input(const Block& one, const float* d, const Panels& right, float* out, Ahead& ahead) const {
    const int64_t depth = maps.depth, pitch = rounded(depth);
    float* to = d_x + maps.place(one);
    const bool whole = !maps.channels_first && pitch == depth;
    times_weights(d, one.count, right, whole ? to : out, pitch, ahead);
    if (maps.channels_first) turn_all(out, depth, one.count, to, pitch, maps.positions);
    else if (!whole) narrow(out, one.count, pitch, depth, to);
  }
};

}  // namespace
