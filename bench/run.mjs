#!/usr/bin/env node
/** `npm run bench`: finds the Bun that npm installed beside this package and runs the bench with it. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const ovenFolder = join(here, '..', 'node_modules', '@oven');
const bun = (existsSync(ovenFolder) ? readdirSync(ovenFolder) : [])
  .map((name) => join(ovenFolder, name, 'bin', 'bun'))
  .find((path) => existsSync(path));

if (bun === undefined) {
  process.stderr.write('bench: no Bun under node_modules/@oven; run `npm ci` first\n');
  process.exit(1);
}

const child = spawn(bun, [join(here, 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
// A terminal sends Ctrl-C to the child too; waiting here lets it stop what it started before the prompt returns.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
