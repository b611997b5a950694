/*
 * SVM of the HSA runtime: hsa_amd_svm_attributes_set, _get and hsa_amd_svm_prefetch_async on memory of malloc's kind,
 * which the engine of the GPU copies then.
 *
 *   svm-hsa
 */
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES (1u << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static hsa_agent_t cpu, gpu;

static void check(int good, const char *what) {
  printf("%s - %s\n", good ? "ok" : "not ok", what);
  fflush(stdout);
  if (!good) exit(1);
}

static void need(hsa_status_t status, const char *what) {
  const char *text = "";
  if (status != HSA_STATUS_SUCCESS) hsa_status_string(status, &text);
  if (*text != 0) printf("# %s\n", text);
  check(status == HSA_STATUS_SUCCESS, what);
}

static hsa_status_t take_agent(hsa_agent_t agent, void *data) {
  (void)data;
  hsa_device_type_t type;
  hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type);
  if (type == HSA_DEVICE_TYPE_CPU) cpu = agent;
  if (type == HSA_DEVICE_TYPE_GPU) gpu = agent;
  return HSA_STATUS_SUCCESS;
}

static unsigned char *memory(void) {
  unsigned char *address = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(address != MAP_FAILED, "memory");
  return address;
}

static uint64_t get(void *address, size_t size, uint64_t attribute) {
  hsa_amd_svm_attribute_pair_t pair = {attribute, 12345};
  need(hsa_amd_svm_attributes_get(address, size, &pair, 1), "an attribute is read");
  return pair.value;
}

static uint64_t access_of(void *address, hsa_agent_t agent) {
  hsa_amd_svm_attribute_pair_t pair = {HSA_AMD_SVM_ATTRIB_ACCESS_QUERY, agent.handle};
  need(hsa_amd_svm_attributes_get(address, BYTES, &pair, 1), "access is asked");
  return pair.attribute;
}

static void prefetch(void *address, hsa_agent_t agent) {
  hsa_signal_t done;
  need(hsa_signal_create(1, 0, NULL, &done), "a signal");
  need(hsa_amd_svm_prefetch_async(address, BYTES, agent, 0, NULL, done), "a prefetch");
  const hsa_signal_value_t left =
      hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, 30000000000ull, HSA_WAIT_STATE_BLOCKED);
  check(left == 0, "it is done");
  hsa_signal_destroy(done);
}

int main(void) {
  need(hsa_init(), "the runtime starts");
  need(hsa_iterate_agents(take_agent, NULL), "the agents");
  bool supported = false, by_default = false;
  need(hsa_system_get_info(HSA_AMD_SYSTEM_INFO_SVM_SUPPORTED, &supported), "whether SVM is supported");
  need(hsa_system_get_info(HSA_AMD_SYSTEM_INFO_SVM_ACCESSIBLE_BY_DEFAULT, &by_default), "whether all is accessible");
  check(supported, "SVM is supported");
  check(by_default, "all memory is accessible");

  unsigned char *from = memory(), *to = memory();
  check(get(from, BYTES, HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG) == HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED, "fine-grained by default");
  check(access_of(from, gpu) == HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE, "accessible for the GPU");
  check(access_of(from, cpu) == HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE, "accessible for the CPU");
  hsa_amd_svm_attribute_pair_t list[] = {{HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG, HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED},
                                         {HSA_AMD_SVM_ATTRIB_PREFERRED_LOCATION, gpu.handle},
                                         {HSA_AMD_SVM_ATTRIB_READ_MOSTLY, 1},
                                         {HSA_AMD_SVM_ATTRIB_MIGRATION_GRANULARITY, 40},
                                         {HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE_IN_PLACE, gpu.handle}};
  need(hsa_amd_svm_attributes_set(from, BYTES / 2, list, COUNT(list)), "attributes are set");
  check(get(from, BYTES / 2, HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG) == HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED, "coarse-grained");
  check(get(from, BYTES / 2, HSA_AMD_SVM_ATTRIB_PREFERRED_LOCATION) == gpu.handle, "the GPU is preferred");
  check(get(from, BYTES / 2, HSA_AMD_SVM_ATTRIB_READ_MOSTLY) != 0, "read mostly");
  check(get(from, BYTES / 2, HSA_AMD_SVM_ATTRIB_MIGRATION_GRANULARITY) == 18, "the runtime ends granularity at 18");
  check(access_of(from, gpu) == HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE_IN_PLACE, "in place for the GPU");
  hsa_amd_svm_attribute_pair_t fine = {HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG, HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED};
  need(hsa_amd_svm_attributes_set(from + BYTES / 2, BYTES / 2, &fine, 1), "the other half is set");
  check(get(from, BYTES, HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG) == HSA_AMD_SVM_GLOBAL_FLAG_INDETERMINATE,
        "what differs is indeterminate");
  check(hsa_amd_svm_attributes_set((void *)(1ul << 46), BYTES, &fine, 1) == HSA_STATUS_ERROR, "nothing is mapped there");

  prefetch(to, gpu);
  check(get(to, BYTES, HSA_AMD_SVM_ATTRIB_PREFETCH_LOCATION) == gpu.handle, "it went to the GPU");
  for (unsigned at = 0; at < BYTES; at++) from[at] = (unsigned char)(at * 7);
  hsa_signal_t done;
  need(hsa_signal_create(1, 0, NULL, &done), "a signal");
  need(hsa_amd_memory_async_copy(to, gpu, from, cpu, BYTES, 0, NULL, done), "a copy by the engine");
  check(hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, 30000000000ull, HSA_WAIT_STATE_BLOCKED) == 0,
        "it is done");
  prefetch(to, cpu);
  check(get(to, BYTES, HSA_AMD_SVM_ATTRIB_PREFETCH_LOCATION) == cpu.handle, "it came back");
  check(memcmp(from, to, BYTES) == 0, "every byte is right");
  need(hsa_shut_down(), "the runtime ends");
  return 0;
}
