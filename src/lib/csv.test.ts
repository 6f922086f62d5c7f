import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { csvLine } from './csv.ts';

const CELL = /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r\n)/y;

/** A reader of RFC 4180 that knows nothing of the writer. */
function read(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  CELL.lastIndex = 0;
  while (CELL.lastIndex < text.length) {
    const found = CELL.exec(text);
    if (found === null) throw new Error('No cell begins here');
    const [, quoted, plain, end] = found;
    row.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

describe('a line', () => {
  test('ends as RFC 4180 says, and nothing stands for null', () => {
    expect(csvLine(['a', 1, null, undefined, true, 0.5])).toBe('a,1,,,true,0.5\r\n');
  });

  test('quotes what would be taken for its own signs', () => {
    expect(csvLine(['a,b', 'say "hi"', 'two\nlines', 'two\r\nlines'])).toBe(
      '"a,b","say ""hi""","two\nlines","two\r\nlines"\r\n',
    );
  });

  test('makes a text of what a spreadsheet would run, and leaves numbers numbers', () => {
    const formulas = ['=1+1', '+1-1', '-2+3', '@SUM(A1)', '\t=1', '\r=1', '=cmd|"/c calc"!A1', '-', '+49 30 123'];
    for (const formula of formulas) {
      const [[cell = ''] = []] = read(csvLine([formula]));
      expect(cell).toBe(`'${formula}`);
    }
    expect(csvLine(['-1.5', '-3', -2, '0.00000195'])).toBe('-1.5,-3,-2,0.00000195\r\n');
  });

  test('is read back as it was written, whatever the texts', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 4 }), { maxLength: 5 }), (table) => {
        const back = read(table.map(csvLine).join(''));
        const expected = table.map((row) =>
          row.map((cell) => (/^[=+\-@\t\r]/.test(cell) && !/^-?\d+(\.\d+)?$/.test(cell) ? `'${cell}` : cell)),
        );
        expect(back).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
