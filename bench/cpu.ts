/** CPU time from /proc (Linux): per process tree in nanoseconds, per core in jiffies. See proc(5). */
import { readdirSync, readFileSync } from 'node:fs';

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // The process or thread ended between listing and reading.
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

const isNumber = (name: string): boolean => /^\d+$/.test(name);

/** The process and all its descendants. */
export function processTree(root: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of list('/proc').filter(isNumber)) {
    // The command name may hold spaces and brackets, so fields are counted after its closing one: state, then parent.
    const stat = readText(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(childrenOf.get(pid) ?? []));
  return tree;
}

function threadNs(path: string): number {
  return Number(readText(path).split(' ')[0] ?? 0);
}

/** Run time of every thread alive in these processes, in nanoseconds, as the scheduler counted it. */
export function runTimeNs(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) total += threadNs(`/proc/${pid}/task/${thread}/schedstat`);
  }
  return total;
}

export interface CoreTimes {
  busy: number;
  steal: number;
  total: number;
}

/** Jiffies (10 ms) of one core since boot. */
export function coreTimes(core: number): CoreTimes {
  const line = readText('/proc/stat')
    .split('\n')
    .find((text) => text.startsWith(`cpu${core} `));
  // user nice system idle iowait irq softirq steal; guest times are already inside user and nice.
  const fields = (line ?? '').split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, jiffies) => sum + jiffies, 0);
  const steal = fields[7] ?? 0;
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0) - steal, steal, total };
}

/** Cores this process may use, from `Cpus_allowed_list: 0-3,6`. */
export function allowedCores(): number[] {
  const ranges = /Cpus_allowed_list:\s*(\S+)/.exec(readText('/proc/self/status'))?.[1] ?? '0';
  return ranges.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
