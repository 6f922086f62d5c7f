import { describe, expect, test } from 'bun:test';
import { createLog, errorFields } from './log.ts';

function lines(
  options: { level?: string; human?: boolean },
  write: (log: ReturnType<typeof createLog>) => void,
): string[] {
  const written: string[] = [];
  write(createLog({ level: 'info', human: false, ...options, write: (line) => written.push(line) }));
  return written;
}

describe('for machines', () => {
  test('each entry is one JSON line with level, time, message and fields', () => {
    const [line = '', ...more] = lines({}, (log) =>
      log.warn('two\nlines', { count: 2, models: ['a', 'b'], none: null }),
    );
    expect(more).toEqual([]);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    const { time, ...entry } = JSON.parse(line);
    expect(entry).toEqual({ level: 'warn', msg: 'two\nlines', count: 2, models: ['a', 'b'], none: null });
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
  });

  test('names neither the machine nor the process', () => {
    const [line = ''] = lines({}, (log) => log.info('x'));
    expect(Object.keys(JSON.parse(line)).sort()).toEqual(['level', 'msg', 'time']);
  });
});

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
])('at level %s it says %j', (level, expected) => {
  const written = lines({ level }, (log) => {
    for (const name of ['debug', 'info', 'warn', 'error'] as const) log[name](name);
  });
  expect(written.map((line) => JSON.parse(line).msg)).toEqual(expected);
});

describe('for people', () => {
  test('an entry is the time of day, the message and its fields', () => {
    const [line] = lines({ human: true }, (log) => log.info('listening', { url: 'http://a', models: ['x', 'y'] }));
    expect(line).toMatch(/^\d\d:\d\d:\d\d listening {2}url=http:\/\/a {2}models=x,y\n$/);
  });

  test('what is not just information is marked', () => {
    const written = lines({ human: true }, (log) => {
      log.warn('careful');
      log.error('broken');
    });
    expect(written.map((line) => line.slice(9))).toEqual(['WARN careful\n', 'ERROR broken\n']);
  });
});

describe('of an unforeseen error', () => {
  test('class, message and at most three places are said', () => {
    const { error, reason, place } = errorFields(new TypeError('no such thing'));
    expect([error, reason]).toEqual(['TypeError', 'no such thing']);
    expect(place).toBeArray();
    expect(String(place)).toContain('log.test.ts');
    expect(Object(place).length).toBeLessThanOrEqual(3);
  });

  test('an error without a stack has no place', () => {
    const bare = new Error('x');
    delete bare.stack;
    expect(errorFields(bare)).toEqual({ error: 'Error', reason: 'x', place: [] });
  });

  test.each([['sk-secret'], [{ key: 'sk-secret' }], [null], [undefined]])(
    'thrown as %p only its type is said',
    (thrown) => {
      expect(errorFields(thrown)).toEqual({ error: typeof thrown });
    },
  );

  test('neither its cause nor its own fields are said', () => {
    const error = Object.assign(new Error('x', { cause: new Error('sk-secret') }), { key: 'sk-secret' });
    expect(JSON.stringify(errorFields(error))).not.toContain('sk-secret');
  });
});
