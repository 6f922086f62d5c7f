// Where npm put the Bun for this machine. It is run by path, so it works with install scripts off.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function thisMachine() {
  return {
    platform: process.platform,
    arch: process.arch,
    // Undefined on musl (Alpine), whose Bun is another package.
    glibc: process.platform !== 'linux' || process.report.getReport().header.glibcVersionRuntime !== undefined,
  };
}

/** Package names that could hold a Bun for a machine, best first. `-baseline` runs on CPUs without AVX2; users add it by hand. */
export function bunPackages({ platform, arch, glibc }) {
  const system = platform === 'win32' ? 'windows' : platform;
  const cpus = arch === 'arm64' ? ['aarch64'] : [arch];
  // Windows on ARM runs x64 programs.
  if (platform === 'win32' && arch === 'arm64') cpus.push('x64');
  const names = cpus.flatMap((cpu) => [`@oven/bun-${system}-${cpu}`, `@oven/bun-${system}-${cpu}-baseline`]);
  if (platform !== 'linux') return names;
  const musl = names.map((name) => name.replace(/(-baseline)?$/, '-musl$1'));
  return glibc ? names : musl;
}

/**
 * Path of the Bun binary, looked for in every `node_modules` from `from` upwards, as Node resolves packages: npm may have
 * hoisted it above this package.
 */
export function findBun(from = here, machine = thisMachine()) {
  const file = machine.platform === 'win32' ? 'bun.exe' : 'bun';
  for (const name of bunPackages(machine)) {
    for (let folder = from; ; folder = dirname(folder)) {
      const path = join(folder, 'node_modules', name, 'bin', file);
      if (existsSync(path)) return path;
      if (folder === dirname(folder)) break;
    }
  }
  return undefined;
}

/** What to tell a person when there is none. */
export function noBunMessage(machine = thisMachine()) {
  const [wanted] = bunPackages(machine);
  return (
    `no Bun for ${machine.platform}-${machine.arch} is installed (${wanted}). ` +
    'Run "npm ci" again, without --omit=optional or --no-optional. ' +
    'Supported: Linux (glibc and musl) and macOS on x64 and arm64, Windows on x64.'
  );
}

// npx and "npm link" start us through a symlink; packages are found from the real place.
const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
