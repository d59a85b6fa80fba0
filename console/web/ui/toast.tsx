import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

type Tone = 'good' | 'warn' | 'bad';

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
}

const SHOWN_MS = 6_000;
const SHOWN_MAX = 4;

let nextId = 1;
let toasts: readonly Toast[] = [];
const listeners = new Set<(toasts: readonly Toast[]) => void>();

function change(to: readonly Toast[]): void {
  toasts = to;
  for (const listener of listeners) listener(to);
}

export function showToast(tone: Tone, text: string): void {
  const toast = { id: nextId++, tone, text };
  change([...toasts, toast].slice(-SHOWN_MAX));
  window.setTimeout(() => {
    change(toasts.filter((one) => one.id !== toast.id));
  }, SHOWN_MS);
}

export function Toasts(): JSX.Element {
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    listeners.add(setShown);
    return () => void listeners.delete(setShown);
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} class={`toast ${toast.tone}`}>
          {toast.text}
        </div>
      ))}
    </div>
  );
}
