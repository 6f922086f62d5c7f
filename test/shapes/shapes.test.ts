/** Every answer of the management API, field for field. */
import { describe, expect, test } from 'bun:test';
import { sharedAdminPlace } from '../support/admin-place.ts';
import { sampleRow } from '../support/sample-row.ts';
import { NOUNS } from './nouns.ts';
import { Player } from './play.ts';

describe.each(NOUNS)('$noun', ({ configuration, settings, names, rows = [], steps }) => {
  const place = sharedAdminPlace({ configuration, settings });
  const player = new Player(place, names);

  test.each(steps)('$says', async (step) => {
    if (step === steps[0]) for (const row of rows) place.ledger.record(sampleRow(row));
    const { status = 200, warning = null, answer } = step;
    expect(await player.play(step)).toEqual({ status, warning, answer });
  });
});
