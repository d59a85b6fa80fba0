import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatShort } from '../logic/format.ts';
import { t } from '../logic/texts.ts';

export interface ChartSeries {
  readonly label: string;
  /** CSS variable that holds the colour. */
  readonly color: string;
  /** Gaps are undefined: an unknown moment is not 0. */
  readonly values: readonly (number | undefined)[];
}

interface ChartProps {
  readonly label: string;
  /** Moments of the values, ms, ascending. */
  readonly atMs: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly height?: number;
}

const HEIGHT_DEFAULT = 200;

/** Lines over time, from two moments on. The legend shows the values under the pointer. */
export function Chart(props: ChartProps): JSX.Element {
  if (props.atMs.length < 2) return <p class="chart muted">{t('collecting')}</p>;
  return <Plot {...props} />;
}

function Plot({ label, atMs, series, height = HEIGHT_DEFAULT }: ChartProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const theme = useThemeTurn();
  const shape = `${theme} ${series.map((one) => one.label).join(' ')}`;
  const data: uPlot.AlignedData = [
    atMs.map((at) => at / 1_000),
    ...series.map((one) => one.values.map((value) => value ?? null)),
  ];
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const made = new uPlot(optionsOf(element, series, height), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape, height]);
  useEffect(() => {
    plot.current?.setData(data);
  }, [data]);
  return <div ref={frame} class="chart" role="img" aria-label={label} />;
}

/** Changes when colours do: a canvas does not follow CSS variables by itself. */
function useThemeTurn(): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const next = (): void => {
      setTurn((before) => before + 1);
    };
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', next);
    window.addEventListener('themechange', next);
    return () => {
      dark.removeEventListener('change', next);
      window.removeEventListener('themechange', next);
    };
  }, []);
  return turn;
}

function optionsOf(element: HTMLElement, series: readonly ChartSeries[], height: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const font = `11px ${color('--font')}`;
  const axis: uPlot.Axis = {
    stroke: color('--text-2'),
    font,
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    padding: [8, 8, 0, 0],
    cursor: { y: false, points: { size: 6 } },
    legend: { live: true },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map(clockText), space: 70, size: 30 },
      {
        ...axis,
        values: (_plot, ticks) =>
          ticks.map((tick) => (tick < 10 ? String(Number(tick.toFixed(2))) : formatShort(tick))),
        size: 44,
      },
    ],
    series: [
      { label: '', value: (_plot, at) => clockText(at) },
      ...series.map((one): uPlot.Series => ({
        label: one.label,
        stroke: color(one.color),
        fill: `${color(one.color)}1c`,
        width: 2,
        spanGaps: false,
        points: { show: false },
        value: (_plot, value: number | null) =>
          value === null ? '–' : value < 10 ? value.toFixed(1) : formatShort(value),
      })),
    ],
  };
}

function clockText(seconds: number | null): string {
  if (seconds === null) return '–';
  return new Date(seconds * 1_000).toTimeString().slice(0, 8);
}
