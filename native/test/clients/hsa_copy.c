/*
 * A copy by the HSA runtime: from memory of the system to memory of the GPU and back,
 * with hsa_amd_memory_async_copy. HSA_ENABLE_SDMA=1 makes it use the engines.
 *
 *   hsa-copy
 */
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES (1u << 20)

static hsa_agent_t cpu, gpu;
static hsa_amd_memory_pool_t system_pool, device_pool;

static void need(hsa_status_t status, const char *what) {
  const char *text = "";
  if (status != HSA_STATUS_SUCCESS) hsa_status_string(status, &text);
  printf("%s - %s %s\n", status == HSA_STATUS_SUCCESS ? "ok" : "not ok", what, text);
  fflush(stdout);
  if (status != HSA_STATUS_SUCCESS) exit(1);
}

static hsa_status_t take_agent(hsa_agent_t agent, void *data) {
  (void)data;
  hsa_device_type_t type;
  hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type);
  if (type == HSA_DEVICE_TYPE_CPU) cpu = agent;
  if (type == HSA_DEVICE_TYPE_GPU) gpu = agent;
  return HSA_STATUS_SUCCESS;
}

static hsa_status_t take_pool(hsa_amd_memory_pool_t pool, void *target) {
  hsa_amd_segment_t segment;
  bool allowed = false;
  hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
  hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED, &allowed);
  if (segment != HSA_AMD_SEGMENT_GLOBAL || !allowed) return HSA_STATUS_SUCCESS;
  *(hsa_amd_memory_pool_t *)target = pool;
  return HSA_STATUS_INFO_BREAK;
}

static void copy(void *to, hsa_agent_t to_agent, const void *from, hsa_agent_t from_agent, const char *what) {
  hsa_signal_t done;
  need(hsa_signal_create(1, 0, NULL, &done), "a signal");
  need(hsa_amd_memory_async_copy(to, to_agent, from, from_agent, BYTES, 0, NULL, done), what);
  const hsa_signal_value_t left =
      hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, 30000000000ull, HSA_WAIT_STATE_BLOCKED);
  need(left == 0 ? HSA_STATUS_SUCCESS : HSA_STATUS_ERROR, "it is done");
  hsa_signal_destroy(done);
}

int main(void) {
  need(hsa_init(), "the runtime starts");
  need(hsa_iterate_agents(take_agent, NULL), "the agents");
  hsa_amd_agent_iterate_memory_pools(cpu, take_pool, &system_pool);
  hsa_amd_agent_iterate_memory_pools(gpu, take_pool, &device_pool);
  unsigned char *from, *to, *device;
  need(hsa_amd_memory_pool_allocate(system_pool, BYTES, 0, (void **)&from), "memory of the system");
  need(hsa_amd_memory_pool_allocate(system_pool, BYTES, 0, (void **)&to), "memory of the system");
  need(hsa_amd_memory_pool_allocate(device_pool, BYTES, 0, (void **)&device), "memory of the GPU");
  need(hsa_amd_agents_allow_access(1, &gpu, NULL, from), "the GPU may read it");
  need(hsa_amd_agents_allow_access(1, &gpu, NULL, to), "the GPU may write it");
  for (unsigned at = 0; at < BYTES; at++) from[at] = (unsigned char)(at * 7);
  copy(device, gpu, from, cpu, "to the GPU");
  copy(to, cpu, device, gpu, "and back");
  need(memcmp(from, to, BYTES) == 0 ? HSA_STATUS_SUCCESS : HSA_STATUS_ERROR, "every byte is right");
  need(hsa_shut_down(), "the runtime ends");
  return 0;
}
