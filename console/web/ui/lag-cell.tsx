import type { JSX } from 'preact';
import { formatCount } from '../logic/format.ts';
import { Unknown } from './basics.tsx';

/** Messages that wait; a dash with the reason when nobody knows. */
export function LagCell({ lag, why }: { lag: number | undefined; why?: string | undefined }): JSX.Element {
  if (lag === undefined) return <Unknown why={why} />;
  return <span class={lag > 0 ? 'lagging' : 'muted'}>{formatCount(lag)}</span>;
}
