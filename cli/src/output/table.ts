/** One column of a list. */
export interface Column<T> {
  readonly title: string;
  value(row: T): string | number | boolean | undefined;
  /** Only with `-o wide` (and in csv). */
  readonly wide?: boolean;
}

/** Columns padded with blanks, numbers to the right; titles in lower case. */
export function renderTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = rows.map((row) => columns.map((column) => cellText(column.value(row))));
  const rightAligned = columns.map(
    (column) => rows.length > 0 && rows.every((row) => isNumeric(column.value(row))),
  );
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[index] ?? ''))),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => pad(text, widths[index] ?? 0, rightAligned[index] ?? false))
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)].map((text) => `${text}\n`).join('');
}

/** Name and value below each other, for one thing. */
export function renderRecord(entries: readonly (readonly [name: string, value: unknown])[]): string {
  const width = Math.max(...entries.map(([name]) => displayWidth(name)));
  return entries.map(([name, value]) => `${pad(name, width, false)}  ${cellText(value)}\n`).join('');
}

/** Comma-separated, quoted where needed (RFC 4180). */
export function renderCsv<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => String(column.value(row) ?? ''))),
  ];
  return lines.map((line) => `${line.map(quote).join(',')}\r\n`).join('');
}

function cellText(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // Control characters in names and bodies must not reach a terminal.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

function isNumeric(value: unknown): boolean {
  return value === undefined || typeof value === 'number';
}

function pad(text: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return right ? blanks + text : text + blanks;
}

/** East Asian wide characters and most emoji take two columns. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu;

function displayWidth(text: string): number {
  // eslint-disable-next-line @typescript-eslint/no-misused-spread -- code points are what is counted
  return [...text].length + (text.match(WIDE)?.length ?? 0);
}
