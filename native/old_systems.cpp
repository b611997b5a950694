// Lets one binary run on systems as old as Node.js itself runs on (glibc 2.28,
// libstdc++ of gcc 8), although a newer compiler has built it: the headers of
// newer libraries refer to symbols that the older ones lack. There are two in this
// addon, and both can be had without the library. scripts/symbol-versions.mjs checks
// that there are no more.
#include <cstdlib>
#include <new>

#if defined(__GLIBC__) && defined(__GLIBCXX__)

extern "C" {
// glibc 2.32. shared_ptr asks it whether it may count without atomic instructions;
// with a definition of our own the answer is always no.
extern char __libc_single_threaded;
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}

namespace std {
// libstdc++ of gcc 11; containers call it for impossible lengths. Without
// exceptions the library's own can only end the process as well.
[[noreturn]] void __throw_bad_array_new_length();
void __throw_bad_array_new_length() { std::abort(); }
}  // namespace std

#endif
