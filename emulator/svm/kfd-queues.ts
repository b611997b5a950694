// Models: kgd2kfd_quiesce_mm and kgd2kfd_resume_mm - stopping all compute queues of the process (spec/xnack-off §6).

/** The queues of the process behind one VM, as KFD stops and resumes them for SVM. */
export class KfdQueues {
  /** What a quiesce call returns from now on: 0 or a negative errno. */
  quiesceResult = 0;
  /** What a resume call returns from now on: 0 or a negative errno. */
  resumeResult = 0;
  /** Calls, failed ones included. */
  quiesceCalls = 0;
  resumeCalls = 0;
  /** Successful quiesce calls without a successful resume call: the queues run while it is 0. */
  stopped = 0;

  quiesce(): number {
    this.quiesceCalls++;
    if (this.quiesceResult === 0) this.stopped++;
    return this.quiesceResult;
  }

  resume(): number {
    this.resumeCalls++;
    if (this.resumeResult === 0) this.stopped--;
    return this.resumeResult;
  }
}
