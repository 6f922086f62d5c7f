#!/usr/bin/env node
// Runs the server with the Bun that npm installed.
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBun, noBunMessage } from './find-bun.mjs';

const bun = findBun();
if (bun === undefined) {
  process.stderr.write(`tollgate: ${noBunMessage()}\n`);
  process.exit(1);
}

const main = join(dirname(realpathSync(fileURLToPath(import.meta.url))), '..', 'src', 'main.ts');
const args = [main, ...process.argv.slice(2)];
// Bun's fetch sends 256 requests at a time unless told otherwise; a gateway holds thousands.
const env = { BUN_CONFIG_MAX_HTTP_REQUESTS: '65336', ...process.env };

// Takes this process's place: no second one stays behind, and signals need no forwarding.
if (process.platform !== 'win32' && typeof process.execve === 'function') process.execve(bun, [bun, ...args], env);

const server = spawn(bun, args, { stdio: 'inherit', env });
const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the server as well, and a second one would cut its drain short.
    if (signal === 'SIGINT' && terminal) return;
    server.kill(signal);
  });
}
server.on('error', (error) => {
  process.stderr.write(`tollgate: cannot run ${bun}: ${error.message}\n`);
  process.exit(1);
});
server.on('exit', (code, signal) => {
  if (signal === 'SIGILL') {
    process.stderr.write(
      'tollgate: this CPU lacks instructions that Bun needs; install its -baseline package beside it.\n',
    );
  }
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
