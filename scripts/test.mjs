#!/usr/bin/env node
// `npm test`: makes sure of what the tests need, runs them, and ends with the line "N passed, N failed".
// Arguments go to `bun test`: npm test -- src/ledger
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBun, noBunMessage } from '../bin/find-bun.mjs';

const TEST_TIMEOUT_MS = 30_000;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const given = process.argv.slice(2);

function end(passed, failed, skipped = 0) {
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) process.stderr.write(`test: cannot run ${command}: ${error.message}\n`);
  return status ?? 1;
}

/** Counts from the report that `bun test` wrote; `undefined` when it did not get that far. */
function counts(file) {
  let report = '';
  try {
    report = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const head = /<testsuites [^>]*>/.exec(report)?.[0] ?? '';
  const number = (name) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number('failures') + number('errors');
  return { failed, skipped: number('skipped'), passed: number('tests') - failed - number('skipped') };
}

const bun = findBun(root);
if (bun === undefined) {
  process.stderr.write(`test: ${noBunMessage()}\n`);
  end(0, 1);
}
const needsServices = given.length === 0 || given.some((argument) => argument.includes('e2e'));
if (needsServices && process.platform !== 'win32' && run('bash', [join('scripts', 'test-services.sh')]) !== 0) {
  end(0, 1);
}

const folder = mkdtempSync(join(tmpdir(), 'tollgate-test-'));
const report = join(folder, 'report.xml');
const where = given.some((argument) => !argument.startsWith('-')) ? [] : ['./src', './test', './bench'];
const status = run(bun, [
  'test',
  `--timeout=${TEST_TIMEOUT_MS}`,
  '--reporter=junit',
  `--reporter-outfile=${report}`,
  ...where,
  ...given,
]);
const result = counts(report);
rmSync(folder, { recursive: true, force: true });
if (result === undefined) end(0, 1);
// A file that fails to load has no test to count, and still is a failure.
end(result.passed, result.failed === 0 && status !== 0 ? 1 : result.failed, result.skipped);
