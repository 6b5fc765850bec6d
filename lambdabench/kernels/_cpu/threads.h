// Work shared among threads, which wait for the next work once there has been some: making one takes as long as a small map.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace {

// Threads of this process that wait for work; whoever finds them at work makes others for once.
class Crew {
 public:
  // work(part) for parts 1 to `parts` - 1 on threads and 0 here; false where they are at work already
  static bool run(int64_t parts, const std::function<void(int64_t)>& work) {
    static std::atomic<Crew*> here{nullptr};
    static std::mutex making;
    Crew* crew = here.load();
    if (!crew || crew->process_ != getpid()) {  // threads stay behind when a process forks
      const std::unique_lock<std::mutex> alone(making, std::try_to_lock);
      if (!alone) return false;
      here = crew = new Crew;  // never ends: its threads may outlive what is static
    }
    const std::unique_lock<std::mutex> alone(crew->busy_, std::try_to_lock);
    if (!alone) return false;
    crew->work_all(parts, work);
    return true;
  }

 private:
  struct Member {
    std::atomic<const std::function<void(int64_t)>*> work{nullptr};
    std::mutex mutex;
    std::condition_variable called;
  };

  void work_all(int64_t parts, const std::function<void(int64_t)>& work) {
    while (static_cast<int64_t>(members_.size()) < parts - 1) {
      members_.push_back(std::make_unique<Member>());
      std::thread([this, member = members_.back().get(), part = static_cast<int64_t>(members_.size())] { live(*member, part); }).detach();
    }
    left_ = parts - 1;
    for (int64_t i = 0; i < parts - 1; ++i) {
      Member& one = *members_[i];
      {
        const std::lock_guard<std::mutex> lock(one.mutex);
        one.work = &work;
      }
      one.called.notify_one();
    }
    work(0);
    for (int64_t i = 0; i < PATIENCE && left_; ++i) pause();
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
  }

  [[noreturn]] void live(Member& self, int64_t part) {
    for (;;) {
      for (int64_t i = 0; i < PATIENCE && !self.work; ++i) pause();
      {
        std::unique_lock<std::mutex> lock(self.mutex);
        self.called.wait(lock, [&] { return self.work != nullptr; });
      }
      const std::function<void(int64_t)>& work = *self.work;
      self.work = nullptr;
      work(part);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--left_ == 0) done_.notify_one();
    }
  }

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
  }

  static constexpr int64_t PATIENCE = 200;  // looks before a thread sleeps: some microseconds, as between two passes over an image
  const pid_t process_ = getpid();
  std::mutex busy_, mutex_;
  std::condition_variable done_;
  std::atomic<int64_t> left_{0};
  std::vector<std::unique_ptr<Member>> members_;
};

// work(part, first, last) for parts of so many lines, each on a thread
template <class Work>
void in_parts(int64_t lines, int64_t parts, const Work& work) {
  const std::function<void(int64_t)> one = [&](int64_t i) { work(i, lines * i / parts, lines * (i + 1) / parts); };
  if (parts <= 1) return work(0, 0, lines);
  if (Crew::run(parts, one)) return;
  std::vector<std::thread> others;
  for (int64_t i = 1; i < parts; ++i) others.emplace_back(one, i);
  one(0);
  for (auto& other : others) other.join();
}

}  // namespace
