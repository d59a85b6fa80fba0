import type { ComponentChildren, JSX } from 'preact';
import { t } from '../logic/texts.ts';
import { setQuery, usePlace } from '../logic/router.ts';

type SortValue = string | number | undefined;

export interface Column<T> {
  readonly id: string;
  readonly label: string;
  readonly title?: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Makes the column sortable. Unknown values go last either way. */
  readonly sort?: (row: T) => SortValue;
  readonly right?: boolean;
  /** The first thing to read: the heading of the card on a phone. */
  readonly main?: boolean;
}

interface TableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly rowTone?: (row: T) => 'bad' | undefined;
  /** Opens the row; the main cell keeps a link of its own for the keyboard. */
  readonly onRow?: (row: T) => void;
  /** `column` or `-column`; the address keeps what the reader chose, under `sort` or this name. */
  readonly sort?: string;
  readonly sortName?: string;
}

/** Rows with sortable columns. On a phone each row becomes a card. */
export function Table<T>({
  label,
  columns,
  rows,
  rowKey,
  rowTone,
  onRow,
  sort,
  sortName = 'sort',
}: TableProps<T>): JSX.Element {
  const { query } = usePlace();
  const order = query[sortName] ?? sort ?? '';
  const descending = order.startsWith('-');
  const sortColumn = columns.find((column) => column.id === order.replace(/^-/, ''));
  const sorted = sortColumn?.sort ? sortRows(rows, sortColumn.sort, descending) : rows;
  return (
    <div class="table-frame">
      <table>
        <caption class="hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const active = column === sortColumn;
              const state = active ? (descending ? 'descending' : 'ascending') : undefined;
              return (
                <th
                  key={column.id}
                  scope="col"
                  class={column.right ? 'right' : ''}
                  aria-sort={state}
                  title={column.title}
                >
                  {column.sort ? (
                    <button
                      type="button"
                      class="sort"
                      onClick={() => {
                        // Numbers are looked at from the large end.
                        const first = column.right ? `-${column.id}` : column.id;
                        const other = column.right ? column.id : `-${column.id}`;
                        setQuery({ [sortName]: order === first ? other : first });
                      }}
                    >
                      {column.label}
                      <span aria-hidden="true">{active ? (descending ? '↓' : '↑') : ''}</span>
                    </button>
                  ) : (
                    column.label
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr
              key={rowKey(row)}
              class={`${onRow ? 'open' : ''} ${rowTone?.(row) ?? ''}`}
              onClick={(event) => {
                const target = event.target as Element;
                if (onRow && !target.closest('a,button') && window.getSelection()?.isCollapsed !== false)
                  onRow(row);
              }}
            >
              {columns.map((column) => (
                <td
                  key={column.id}
                  class={`${column.right ? 'right' : ''} ${column.main ? 'main' : ''}`}
                  data-label={column.label}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function sortRows<T>(rows: readonly T[], value: (row: T) => SortValue, descending: boolean): T[] {
  return [...rows].sort((a, b) => {
    const left = value(a);
    const right = value(b);
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined);
    const order =
      typeof left === 'number' && typeof right === 'number'
        ? left - right
        : String(left).localeCompare(String(right), undefined, { numeric: true });
    return descending ? -order : order;
  });
}

export function FilterBox({
  value,
  onInput,
}: {
  value: string;
  onInput: (text: string) => void;
}): JSX.Element {
  return (
    <input
      type="search"
      class="filter"
      placeholder={t('filter')}
      aria-label={t('filter')}
      value={value}
      onInput={(event) => {
        onInput(event.currentTarget.value);
      }}
    />
  );
}

/** Steps through a list that is longer than one answer. */
export function Pager({
  offset,
  limit,
  total,
}: {
  offset: number;
  limit: number;
  total: number;
}): JSX.Element | null {
  if (total <= limit && offset === 0) return null;
  const step = (to: number): void => {
    setQuery({ offset: to > 0 ? String(to) : undefined }, { replace: false });
  };
  return (
    <div class="pager">
      <span>{t('rowsShown', { shown: `${offset + 1}–${Math.min(total, offset + limit)}`, total })}</span>
      <button type="button" disabled={offset === 0} onClick={() => step(Math.max(0, offset - limit))}>
        {t('previous')}
      </button>
      <button type="button" disabled={offset + limit >= total} onClick={() => step(offset + limit)}>
        {t('next')}
      </button>
    </div>
  );
}
