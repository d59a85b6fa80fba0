import type { TimeStyle } from '../command/time-argument.ts';
import { formatTime } from '../command/time-argument.ts';
import { jsonText } from './json-text.ts';
import type { Column } from './table.ts';
import { renderCsv, renderRecord, renderTable } from './table.ts';

export const FORMATS = ['table', 'wide', 'json', 'ndjson', 'yaml', 'csv', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** Where text goes: standard output has data, standard error has talk. */
export interface Streams {
  readonly out: { write(text: string): unknown; readonly isTerminal: boolean };
  readonly err: { write(text: string): unknown; readonly isTerminal: boolean };
}

export interface OutputOptions {
  readonly format: Format;
  readonly time: TimeStyle;
  readonly quiet: boolean;
  readonly now: () => number;
}

/** A list, and the whole result that it is the main part of. */
export interface Listing<T> {
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  /** What `-o name` prints of a row. */
  name(row: T): string;
  /** Printed by json and yaml instead of the rows alone. */
  readonly whole?: unknown;
  /** Said on standard error when there are no rows. */
  readonly empty?: string;
}

/** Prints results in the format that was asked for. */
export class Output {
  readonly format: Format;
  readonly #streams: Streams;
  readonly #options: OutputOptions;

  constructor(streams: Streams, options: OutputOptions) {
    this.#streams = streams;
    this.#options = options;
    this.format = options.format;
  }

  get isTerminal(): boolean {
    return this.#streams.out.isTerminal;
  }

  /** True when people read the result. */
  get isText(): boolean {
    return this.format === 'table' || this.format === 'wide';
  }

  async list<T>(listing: Listing<T>): Promise<void> {
    const { rows, columns, whole, empty } = listing;
    if (rows.length === 0 && empty !== undefined) this.say(empty);
    switch (this.format) {
      case 'table':
      case 'wide': {
        const shown = columns.filter(({ wide }) => wide !== true || this.format === 'wide');
        if (rows.length > 0) this.data(renderTable(rows, shown));
        return;
      }
      case 'csv':
        this.data(renderCsv(rows, columns));
        return;
      case 'name':
        this.data(rows.map((row) => `${listing.name(row)}\n`).join(''));
        return;
      case 'ndjson':
        this.data(rows.map((row) => `${jsonText(row)}\n`).join(''));
        return;
      case 'json':
      case 'yaml':
        await this.#structured(whole ?? rows);
    }
  }

  /** One thing: name and value below each other, or the whole as data. */
  async record(
    entries: readonly (readonly [name: string, value: unknown])[],
    whole: unknown,
    name = '',
  ): Promise<void> {
    switch (this.format) {
      case 'table':
      case 'wide':
        this.data(renderRecord(entries));
        return;
      case 'csv':
        this.data(
          renderCsv(entries, [
            { title: 'name', value: ([key]) => key },
            { title: 'value', value: ([, value]) => String(value) },
          ]),
        );
        return;
      case 'name':
        this.data(`${name}\n`);
        return;
      case 'ndjson':
        this.data(`${jsonText(whole)}\n`);
        return;
      case 'json':
      case 'yaml':
        await this.#structured(whole);
    }
  }

  data(text: string): void {
    this.#streams.out.write(text);
  }

  /** Talk for people: never data. */
  say(text: string): void {
    if (!this.#options.quiet) this.#streams.err.write(`${text}\n`);
  }

  /** A time in ms in the style that was asked for. */
  time(ms: number): string {
    return formatTime(ms, this.#options.time, this.#options.now());
  }

  async #structured(value: unknown): Promise<void> {
    if (this.format === 'json') {
      this.data(`${jsonText(value, 2)}\n`);
      return;
    }
    // Loaded only when it is wanted: it is the largest part of the CLI.
    const { writeYaml } = await import('@cometmq/common/config/yaml-text');
    this.data(writeYaml(JSON.parse(jsonText(value))));
  }
}
