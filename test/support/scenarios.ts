/** Programs in Python that print one line of JSON for each scenario. */
import { join } from 'node:path';
import { runPython, type Venv } from './programs.ts';
import { read } from './source-tree.ts';

export interface Scenarios {
  /** What a scenario saw; throws with its traceback when it crashed. */
  saw(name: string): unknown;
}

/** @param file under `test/e2e/clients` */
export async function playScenarios(
  file: string,
  env: Readonly<Record<string, string>>,
  venv?: Venv,
): Promise<Scenarios> {
  const { stdout, stderr } = await runPython(read(join('test', 'e2e', 'clients', file)), env, venv);
  const results = new Map(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => {
        const { scenario, saw, crash } = JSON.parse(line);
        return [String(scenario), { saw, crash }] as const;
      }),
  );
  return {
    saw(name) {
      const result = results.get(name);
      if (!result) throw new Error(`${file} has not reached ${name}:\n${stderr}`);
      if (result.crash) throw new Error(`${name}:\n${result.crash}`);
      return result.saw;
    },
  };
}
