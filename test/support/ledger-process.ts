/**
 * A process that serves pretend requests through a ledger until it is killed, for tests of what survives.
 * Arguments: data folder. Prints `i ID` after an intent was accepted and `r ID COST` after a row was, one a line.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../src/db/client.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { sampleIntent, sampleRow } from './sample-row.ts';

const dataDir = process.argv[2] ?? '';
const db = await openDatabase({ url: `sqlite:${join(dataDir, 'tollgate.db')}` });
const ledger = await openLedger({
  db,
  dataDir,
  now: Date.now,
  onWarning: () => undefined,
  segmentBytes: 20_000,
  writeEveryMs: 5,
});
for (let cost = 1; ; cost++) {
  const intent = sampleIntent();
  ledger.intend(intent);
  writeSync(1, `i ${intent.id}\n`);
  // Some requests are still running when the process dies.
  if (cost % 7 !== 0) {
    ledger.record(sampleRow({ id: intent.id, callId: intent.id, keyHash: 'k', costNanoUsd: cost }));
    writeSync(1, `r ${intent.id} ${cost}\n`);
  }
  if (cost % 5 === 0) await Bun.sleep(1);
}
