/** Requests of `amdgpu-svm gpu`: which file is meant; the rest is up to the session that has it. */
import { printable } from '../words/printable.ts';
import type { ControlRequest } from './control-socket.ts';
import { describeFile } from './file-description.ts';
import { GpuRequestError } from './gpu-player.ts';
import type { ServedFile, SvmServer } from './server.ts';

/** Carries out a request. Rejects with `GpuRequestError`, and with an error with the `code` that the session gave. */
export async function playGpu(server: SvmServer, request: ControlRequest): Promise<unknown> {
  if (request.command === 'list') return { ...server.status(), open: matchingFiles(server, request).map(describeFile) };
  return server.play(chooseFile(server, request).number, request);
}

function matchingFiles(server: SvmServer, { file: number, pid }: ControlRequest): ServedFile[] {
  return server.files.filter(
    (file) => (number === undefined || file.number === number) && (pid === undefined || file.pid === pid),
  );
}

/** The file that `file` or `pid` names; without them the only one that is open. */
function chooseFile(server: SvmServer, request: ControlRequest): ServedFile {
  const matching = matchingFiles(server, request);
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return only;
  if (only === undefined)
    throw new GpuRequestError(server.files.length === 0 ? 'no client has a node open' : 'no open file matches');
  const list = matching.map((file) => `file ${file.number} of ${file.pid} ${printable(file.name)}`).join(', ');
  throw new GpuRequestError(`${matching.length} files are open, say which: ${list}`);
}
