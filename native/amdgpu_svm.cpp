// The addon as one translation unit: the headers of node-addon-api take nine tenths of the time of each
// compilation, and whoever installs the package may have to compile it. The plain build of CMakeLists.txt
// compiles file by file. old_systems.cpp stays apart: it defines what the headers of the standard library
// only declare.
#include "addon.cpp"
#include "arguments.cpp"
#include "device.cpp"
#include "device_functions.cpp"
#include "device_handle.cpp"
#include "driver_version.cpp"
#include "fault_guard.cpp"
#include "guarded_block.cpp"
#include "handle_ioctl.cpp"
#include "ioctl_call.cpp"
#include "kfd.cpp"
#include "kfd_functions.cpp"
#include "kfd_queue.cpp"
#include "layout.cpp"
#include "lent_buffer.cpp"
#include "mapping.cpp"
#include "memory_functions.cpp"
#include "memory_handle.cpp"
#include "page_runs.cpp"
#include "prepared_ioctl.cpp"
