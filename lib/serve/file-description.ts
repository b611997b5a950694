/** An open file as `amdgpu-svm gpu` shows it. */
export function describeFile(file: {
  readonly number: number;
  readonly gpu: number;
  readonly pid: number;
  readonly name: string;
  readonly exited: boolean;
}): object {
  const { number, gpu, pid, name, exited } = file;
  return { file: number, pid, name, node: `renderD${128 + gpu}`, exited };
}
