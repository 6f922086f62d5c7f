#!/usr/bin/env node
/** `npm run bench`: finds the Bun that npm installed beside this package and runs the bench with it. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBun, noBunMessage } from '../bin/find-bun.mjs';

const bun = findBun();
if (bun === undefined) {
  process.stderr.write(`bench: ${noBunMessage()}\n`);
  process.exit(1);
}

/** `npm run bench -- seed` and `npm run bench -- large` are programs of their own. */
const [first = '', ...rest] = process.argv.slice(2);
const [name, options] = first === 'seed' || first === 'large' ? [first, rest] : ['main', process.argv.slice(2)];
const script = join(dirname(fileURLToPath(import.meta.url)), `${name}.ts`);
const child = spawn(bun, [script, ...options], { stdio: 'inherit' });
// A terminal sends Ctrl-C to the child too; waiting here lets it stop what it started before the prompt returns.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
