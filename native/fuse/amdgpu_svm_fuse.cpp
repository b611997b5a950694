// The helper as one translation unit: most of the time of each compilation goes into the headers of the standard
// library, and every user of `serve` compiles it. The plain build of CMakeLists.txt compiles file by file.
#include "caller_identity.cpp"
#include "caller_memory.cpp"
#include "file_question.cpp"
#include "filesystem.cpp"
#include "listeners.cpp"
#include "main.cpp"
#include "mapped_store.cpp"
#include "messages.cpp"
