/** Other people's programs that the tests drive the gateway with. `scripts/test-services.sh` installs them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dir, '..', '..');
/** Where the clients are installed: of providers and frameworks, and LiteLLM's own, which is large and so comes by itself. */
const VENVS = {
  clients: { folder: join(ROOT, '.cache', 'python'), requirements: 'requirements.txt' },
  litellm: { folder: join(ROOT, '.cache', 'python-litellm'), requirements: 'requirements-litellm.txt' },
} as const;

export type Venv = keyof typeof VENVS;

const textOf = (file: string): string | undefined => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);

const has = (venv: Venv): boolean => {
  const { folder, requirements } = VENVS[venv];
  return textOf(join(folder, 'installed-requirements.txt')) === textOf(join(ROOT, 'test', 'e2e', requirements));
};

export const hasPython = has('clients');
export const hasLitellm = has('litellm');

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

export async function runPython(
  source: string,
  env: Readonly<Record<string, string>> = {},
  venv: Venv = 'clients',
): Promise<Finished> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-python-'));
  try {
    const file = join(folder, 'program.py');
    writeFileSync(file, source);
    return await run([join(VENVS[venv].folder, 'bin', 'python'), file], env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
