/** Other people's programs that the tests drive the gateway with. `scripts/test-services.sh` installs them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dir, '..', '..');
const VENV = join(ROOT, '.cache', 'python');

/** The Python that has the clients of `test/e2e/requirements.txt`. */
const python = join(VENV, 'bin', 'python');

const textOf = (file: string): string | undefined => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);

export const hasPython =
  textOf(join(VENV, 'installed-requirements.txt')) === textOf(join(ROOT, 'test', 'e2e', 'requirements.txt'));

export const hasCurl = Bun.which('curl') !== null;

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export async function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env['PATH'] ?? '', PYTHONDONTWRITEBYTECODE: '1', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode };
}

export async function runPython(source: string, env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-python-'));
  try {
    const file = join(folder, 'program.py');
    writeFileSync(file, source);
    return await run([python, file], env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
