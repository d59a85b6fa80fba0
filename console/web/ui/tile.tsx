import type { ComponentChildren, JSX } from 'preact';
import { Link, Unknown } from './basics.tsx';

interface TileProps {
  readonly label: string;
  /** Undefined is unknown. */
  readonly value: string | undefined;
  readonly unit?: string;
  readonly note?: ComponentChildren;
  readonly tone?: 'good' | 'warn' | 'bad' | undefined;
  readonly to?: string;
  /** Values over time, oldest first; gaps are undefined. */
  readonly trend?: readonly (number | undefined)[];
  readonly trendClass?: 'in' | 'out' | 'lag';
}

/** Longer than a number: set smaller. */
const WORDS = /[a-z]{2,}.* |.{11}/;

/** One number with what it did lately. */
export function Tile({ label, value, unit, note, tone, to, trend, trendClass }: TileProps): JSX.Element {
  const inner = (
    <>
      <span class="tile-label">{label}</span>
      <span class={`tile-value ${tone ?? ''} ${WORDS.test(value ?? '') ? 'words' : ''}`}>
        {value ?? <Unknown />}
        {unit !== undefined && value !== undefined ? <small>{unit}</small> : null}
      </span>
      <span class="tile-note">{note}</span>
      {trend ? <Sparkline values={trend} kind={trendClass ?? 'in'} /> : null}
    </>
  );
  return to === undefined ? (
    <div class="tile">{inner}</div>
  ) : (
    <Link to={to} class="tile">
      {inner}
    </Link>
  );
}

const WIDTH = 120;
const HEIGHT = 28;
const POINTS_MAX = 60;

/** A line without axes; says nothing to screen readers, the number beside it does. */
function Sparkline({
  values,
  kind,
}: {
  values: readonly (number | undefined)[];
  kind: string;
}): JSX.Element | null {
  const shown = values.slice(-POINTS_MAX);
  const known = shown.filter((value) => value !== undefined);
  if (known.length < 2) return null;
  const most = Math.max(...known, 1e-9);
  const x = (index: number): number => (index / (shown.length - 1)) * WIDTH;
  const points = shown.flatMap((value, index) =>
    value === undefined
      ? []
      : [`${x(index).toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`],
  );
  const first = points[0]?.split(',')[0] ?? '0';
  const last = points.at(-1)?.split(',')[0] ?? '0';
  return (
    <svg
      class={`sparkline ${kind}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polygon points={`${first},${HEIGHT} ${points.join(' ')} ${last},${HEIGHT}`} />
      <polyline points={points.join(' ')} />
    </svg>
  );
}
