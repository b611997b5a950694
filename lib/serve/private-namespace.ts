/** A mount namespace in which the served files stand where a program looks for those of a driver. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the program is to see. */
export interface ServedPlaces {
  /** The served directory, with KFD in it. */
  readonly mount: string;
  readonly topology: string;
}

/** How to run a command there. */
export interface NamespaceRun {
  readonly command: string;
  readonly args: readonly string[];
  /** Takes away what was made for it, when the command has ended. */
  cleanUp(): void;
}

/**
 * Run by sh with the mount, the topology, an empty directory and the command. /dev and /sys/devices/virtual are assembled again,
 * since nothing can be made in them; the directory becomes a tmpfs, which goes with the namespace.
 */
const SCRIPT = `
set -e
served=$1 topology=$2 scratch=$3
shift 3
mount --make-rprivate /
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/dev" "$scratch/virtual" "$scratch/bin"
show() {
  if [ -d "$1" ]; then mkdir -p "$2"; else : > "$2"; fi
  mount --rbind "$1" "$2"
}
for each in /dev/*; do
  name=\${each##*/}
  case $name in dri | kfd) continue ;; esac
  if [ -L "$each" ]; then cp -P "$each" "$scratch/dev/$name"
  elif [ -e "$each" ]; then show "$each" "$scratch/dev/$name"; fi
done
mkdir "$scratch/dev/dri"
for each in "$served"/renderD*; do show "$each" "$scratch/dev/dri/\${each##*/}"; done
show "$served/kfd" "$scratch/dev/kfd"
for each in /sys/devices/virtual/*; do
  name=\${each##*/}
  [ "$name" = kfd ] || show "$each" "$scratch/virtual/$name"
done
mkdir -p "$scratch/virtual/kfd/kfd"
cp -r "$topology" "$scratch/virtual/kfd/kfd/topology"
# libhsakmt needs a cache of the CPU, and many a virtual machine tells none.
nodes=/sys/devices/system/node
if [ -d "$nodes/node0" ] && [ ! -d "$nodes/node0/cpu0/cache" ]; then
  for each in "$nodes"/node*/cpu[0-9]*; do
    cache=$scratch/node/\${each#"$nodes/"}/cache/index0
    mkdir -p "$cache"
    for value in level=1 type=Data size=32K coherency_line_size=64 ways_of_associativity=8 \\
      physical_line_partition=1 number_of_sets=64 shared_cpu_map=1 "shared_cpu_list=\${each##*cpu}"; do
      echo "\${value#*=}" > "$cache/\${value%%=*}"
    done
  done
  mount --rbind "$scratch/node" "$nodes"
fi
# What asks whether the module is loaded.
printf '#!/bin/sh\\necho "amdgpu 1 0"\\n' > "$scratch/bin/lsmod"
chmod +x "$scratch/bin/lsmod"
PATH=$scratch/bin:$PATH
export PATH
mount --rbind "$scratch/virtual" /sys/devices/virtual
mount --rbind "$scratch/dev" /dev
if ! command -v "$1" > /dev/null; then
  echo "amdgpu-svm: $1: there is no such program" >&2
  exit 127
fi
exec "$@"
`;

/** A way to run the command; a string says why the system has none. */
export function inPrivateNamespace(places: ServedPlaces, command: readonly string[]): NamespaceRun | string {
  const flags = process.geteuid?.() === 0 ? ['-m'] : ['-m', '-U', '-r'];
  const tried = spawnSync('unshare', [...flags, 'true'], { encoding: 'utf8' });
  if (tried.status !== 0) {
    const why = tried.error?.message ?? (tried.stderr.trim() || `exit code ${tried.status}`);
    return `no private mount namespace: ${why}; run as root (in a container with --cap-add SYS_ADMIN), or where users may make namespaces of their own`;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'amdgpu-svm-run-'));
  return {
    command: 'unshare',
    args: [...flags, 'sh', '-c', SCRIPT, 'amdgpu-svm', places.mount, places.topology, scratch, ...command],
    cleanUp: () => rmdirSync(scratch),
  };
}
