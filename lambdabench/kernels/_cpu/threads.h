// How work is shared among threads: those of OpenMP where the process has them, as torch's are. Others would wait beside them for the
// same processors, and making one takes as long as a small map.
#pragma once

#include <dlfcn.h>
#include <unistd.h>

#include <cstdint>
#include <thread>
#include <vector>

namespace {

// OpenMP as it is found in the process; nothing is linked. Its threads stay behind when a process forks.
struct OpenMP {
  void (*parallel)(void (*)(void*), void*, unsigned, unsigned);
  int (*number)();
  int (*count)();
  const pid_t process = getpid();

  OpenMP()
      : parallel(find<decltype(parallel)>("GOMP_parallel")),
        number(find<decltype(number)>("omp_get_thread_num")),
        count(find<decltype(count)>("omp_get_num_threads")) {}
  bool is_there() const { return parallel && number && count && process == getpid(); }

 private:
  template <class Function>
  static Function find(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
  }
};

const OpenMP TEAM;  // of the process that loads the library

// work(part, first, last) for parts of so many lines, each on a thread
template <class Work>
void in_parts(int64_t lines, int64_t parts, const Work& work) {
  if (parts <= 1) return work(0, 0, lines);
  auto one = [&](int64_t i) { work(i, lines * i / parts, lines * (i + 1) / parts); };
#ifdef PARALLEL_FOR  // of the runtime that loads the library
  return PARALLEL_FOR(parts, one);
#endif
  if (TEAM.is_there()) {
    struct Shared {
      decltype(one)& part;
      int64_t parts;
    } shared{one, parts};
    auto run = [](void* given) {
      const Shared& all = *static_cast<Shared*>(given);
      for (int64_t i = TEAM.number(); i < all.parts; i += TEAM.count()) all.part(i);
    };
    return TEAM.parallel(run, &shared, static_cast<unsigned>(parts), 0);
  }
  std::vector<std::thread> others;
  for (int64_t i = 1; i < parts; ++i) others.emplace_back(one, i);
  one(0);
  for (auto& other : others) other.join();
}

}  // namespace
