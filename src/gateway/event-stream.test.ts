import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { refusalOf } from '../../test/support/refusals.ts';
import { bytesFrom, cutAt, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { EventStream } from './event-stream.ts';
import type { StreamContext } from './stream-source.ts';

/** A protocol of lines: `+text` is content, `-text` is sent though it is none, `!` is damage, `.` the end, `,` nearly. */
class Lines extends EventStream {
  #rest = '';
  #nearly = false;

  protected take(bytes: Uint8Array): void {
    const lines = (this.#rest + new TextDecoder().decode(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  protected takeRest(): void {
    if (this.#rest === '.') this.finish();
  }

  protected hasFinished(): boolean {
    return this.#nearly;
  }

  #line(line: string): void {
    if (this.ended) return;
    if (line === '!') throw new GatewayError('upstream_protocol', 'Damaged.');
    if (line === ',') this.#nearly = true;
    else if (line === '.') this.finish();
    else {
      if (line.startsWith('+')) this.tally.firstContentAtMs ??= this.context.now();
      this.push(Buffer.from(line));
    }
  }
}

const reading = (reads: readonly string[], over: Partial<StreamContext> = {}, failure?: Error) => {
  const source = bytesFrom(
    reads.map((text) => Buffer.from(text)),
    failure,
  );
  return { source, lines: new Lines(source, streamContext(over)) };
};

describe('a stream of events', () => {
  test.each([
    ['ends at its own end', ['+a\n+b\n.\n'], '+a+b', undefined],
    ['ends when the model had finished and the upstream closes', ['+a\n', ',\n'], '+a', undefined],
    ['ends with a last event that lacks its line end', ['+a\n', '.'], '+a', undefined],
    ['breaks off when the upstream closes before', ['+a\n'], '+a', 'upstream_truncated'],
    ['breaks off within an event, of which nothing is sent', ['+a\n', '+bcd'], '+a', 'upstream_truncated'],
    ['breaks off at damage, once all before it is out', ['+a\n+b\n!\n+c\n'], '+a+b', 'upstream_protocol'],
    ['breaks off when there is nothing at all', [], '', 'upstream_truncated'],
    ['breaks off when there is an end and nothing before it', ['.\n'], '', 'upstream_truncated'],
    ['breaks off at damage before content, and sends nothing', ['!\n'], '', 'upstream_protocol'],
    ['sends nothing that comes after its end', ['+a\n.\n+b\n'], '+a', undefined],
    ['ends without content when something could be sent', ['-a\n.\n'], '-a', undefined],
  ])('%s', async (_what, reads, text, kind) => {
    const read = await readAll(reading(reads).lines);
    expect(read.text).toBe(text);
    expect(read.error instanceof GatewayError ? read.error.kind : read.error).toBe(kind);
  });

  test('reads nothing before it is asked, and no more than it is asked', async () => {
    const { lines } = reading(['+a\n', '+b\n', '.\n']);
    expect([lines.begun, lines.holding]).toEqual([false, false]);
    expect(String(await lines.next())).toBe('+a');
    expect(lines.holding).toBe(false);
    expect(String(await lines.next())).toBe('+b');
    expect([await lines.next(), await lines.next()]).toEqual([undefined, undefined]);
  });

  test('has begun with content, not with what is only held back', async () => {
    const { lines } = reading(['-a\n', '+b\n', '.\n']);
    await lines.fill();
    expect([lines.begun, lines.holding]).toEqual([false, true]);
    await lines.fill();
    expect([lines.begun, lines.holding]).toEqual([true, true]);
    expect(String(await lines.next())).toBe('-a+b');
  });

  test('throws at once what goes wrong before content, so that another target can be tried', async () => {
    const { lines } = reading(['-a\n', '!\n']);
    await lines.fill();
    expect((await refusalOf(() => lines.fill())).kind).toBe('upstream_protocol');
    expect(lines.begun).toBe(false);
  });

  test('keeps what goes wrong after content until it is asked for, and says it every time', async () => {
    const { lines } = reading(['+a\n!\n']);
    await lines.fill();
    expect(String(await lines.next())).toBe('+a');
    expect((await refusalOf(() => lines.next())).kind).toBe('upstream_protocol');
    expect((await refusalOf(() => lines.next())).kind).toBe('upstream_protocol');
  });

  test('goes on from a read that is still under way, and tells its failure to whoever asks next', async () => {
    const { lines } = reading(['+a\n'], {}, new GatewayError('upstream_truncated', 'Gone.'));
    lines.resume(lines.fill());
    expect(String(await lines.next())).toBe('+a');
    lines.resume(lines.fill());
    expect((await refusalOf(() => lines.next())).message).toBe('Gone.');
  });

  test('lets go of the upstream when the client leaves', () => {
    const { lines, source } = reading(['+a\n']);
    lines.cancel();
    expect(source.isCancelled()).toBe(true);
  });

  test('ends with what was used, when the client wants it, at the time of the gateway', async () => {
    const { text } = await readAll(reading(['+a\n.\n'], { wantsUsage: true, now: () => 1_999 }).lines);
    expect(text.slice(0, '+adata: '.length)).toBe('+adata: ');
    const { created, model, choices, usage } = JSON.parse(text.slice('+adata: '.length));
    expect([created, model, choices]).toEqual([1, 'my-model', []]);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
  });

  test('says the same wherever the network cuts it', async () => {
    const whole = Buffer.from('-a\n+längere Zeile 🙂\n+c\n.\n'.replace(/[^\n -~]/g, '?'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length)), async (positions) => {
        const source = bytesFrom(cutAt(whole, positions));
        const read = await readAll(new Lines(source, streamContext()));
        expect(read).toEqual({ text: whole.toString().replaceAll('\n', '').slice(0, -1), error: undefined });
      }),
      { numRuns: 60 },
    );
  });
});
