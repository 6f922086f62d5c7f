/** Tables as CSV (RFC 4180) that a spreadsheet can open without running what stands in a cell. */

export type Cell = string | number | boolean | null | undefined;

/** A spreadsheet takes these for the beginning of a formula; `'` in front makes a text of it. */
const FORMULA = /^[=+\-@\t\r]/;
const QUOTED = /[",\r\n]/;
const NUMBER = /^-?\d+(\.\d+)?$/;

/** One line with its end. A text that is a plain decimal number stays one. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(written).join(',')}\r\n`;

function written(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
